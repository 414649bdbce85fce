"""Archives for any platform that define the whole interface in C with empty functions."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from temporal_static_libs._build.header import read_header
from temporal_static_libs._build.staging import write_description
from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._library_set import HEADER
from temporal_static_libs._manifest import Manifest, ManifestLibrary
from temporal_static_libs._targets import Target

# A local function and one from the C library, like in real archives.
_BEYOND = """\
#include <string.h>
size_t stand_in_hidden(const char *text) { return strlen(text); }
"""


def make_stand_in(
    directory: Path,
    target: Target,
    compiler: Sequence[str],
    archiver: Sequence[str],
    system_libraries: Sequence[str] = ("c",),
) -> Path:
    """Make a directory for TEMPORAL_LIBS_DIR, for a target.

    Args:
        directory: where to make it.
        target: the platform that the archives are for.
        compiler: a C compiler for the target.
        archiver: an ``ar`` program.
        system_libraries: the system libraries in the manifest.

    Returns:
        The directory.
    """
    header = read_header(HEADER)
    directory.mkdir()
    scratch = directory.with_name(f"{directory.name}-objects")
    scratch.mkdir()
    libraries = []
    for component in COMPONENTS:
        symbols = sorted(component.functions(header.functions) | header.own_symbols)
        source, member = scratch / f"{component.library}.c", scratch / f"{component.library}.o"
        functions = "".join(
            f"size_t {symbol}(const char *text) {{ return stand_in_hidden(text); }}\n"
            for symbol in symbols
        )
        source.write_text(f"{_BEYOND}{functions}", encoding="ascii")
        archive = directory / f"lib{component.library}.a"
        options: list[str | Path] = [
            "-O1",
            "-fPIC",
            "-ffunction-sections",
            "-c",
            source,
            "-o",
            member,
        ]
        subprocess.run([*compiler, *options], check=True)
        subprocess.run([*archiver, "rcs", archive, member], check=True)
        libraries.append(
            ManifestLibrary(
                component=component.name,
                file=archive.name,
                size=archive.stat().st_size,
                sha256=sha256_of(archive),
                api_functions=None,
                system_libraries=tuple(system_libraries),
                frameworks=(),
            )
        )
    shutil.rmtree(scratch)
    manifest = Manifest(
        version=header.version,
        abi=header.abi,
        target=target.triple,
        platform=target.platform,
        floor_name=target.floor_name,
        floor_version=target.floor_version,
        rustc=None,
        cargo_profile=None,
        cargo_features=None,
        source_commit=None,
        cargo_lock_sha256=None,
        rust_sources_sha256=None,
        header_sha256=sha256_of(HEADER),
        libraries=tuple(libraries),
    )
    write_description(manifest, directory)
    return directory
