"""Copies of the package like in a wheel for Windows, with small libraries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from temporal_static_libs._build.header import read_header
from temporal_static_libs._build.staging import write_build_system_files, write_description
from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._components import component_named
from temporal_static_libs._library_set import HEADER
from temporal_static_libs._manifest import Manifest, parse_manifest
from temporal_static_libs._targets import Target, target_of_triple

TRIPLES = {"gnu": "x86_64-pc-windows-gnu", "msvc": "x86_64-pc-windows-msvc"}

# Needs the same from the system and the unwinder as Temporal's libraries.
_SOURCE = """\
void _Unwind_Resume(void *);
__declspec(dllimport) long __stdcall NtClose(void *);
void {tie}(void) {{}}
const char *temporal_static_libs_version(void) {{
    static void *volatile nothing;
    if (nothing) {{
        NtClose(nothing);
        _Unwind_Resume(nothing);
    }}
    return "{version}";
}}
"""


def compile_libraries(directory: Path, version: str) -> Path:
    """Compile a library for Windows with the header's version symbol and one function.

    Args:
        directory: the directory for the library.
        version: the result of that function.
    """
    header = read_header(HEADER)
    (tie,) = (name for name in header.own_symbols if name.endswith(f"_abi_{header.abi}"))
    source = directory / "library.c"
    source.write_text(_SOURCE.format(tie=tie, version=version))
    zig = [sys.executable, "-m", "ziglang"]
    target = ["-target", target_of_triple(TRIPLES["gnu"]).zig_target]
    compiled, library = source.with_suffix(".o"), source.with_suffix(".a")
    subprocess.run([*zig, "cc", *target, "-c", source, "-o", compiled], check=True)
    subprocess.run([*zig, "ar", "rcs", library, compiled], check=True)
    return library


def make_windows_package(
    package: Path, site: Path, library: Path, toolchains: Iterable[str] = ("gnu",)
) -> Path:
    """Copy a package, and replace its libraries by libraries for Windows.

    Args:
        package: the installed package, for any platform.
        site: the directory for the copy.
        library: the content of each archive.
        toolchains: the toolchains to include libraries for.

    Returns:
        The copy.
    """
    copy = site / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("lib", "__pycache__", "rust"))
    for dist_info in package.parent.glob(f"{package.name}-*.dist-info"):
        shutil.copytree(dist_info, site / dist_info.name)
    ours = parse_manifest((package / "lib" / "manifest.json").read_text())
    for toolchain in toolchains:
        target = target_of_triple(TRIPLES[toolchain])
        directory = copy / target.lib_directory
        directory.mkdir(parents=True)
        manifest = _manifest(ours, target, library)
        for one in manifest.libraries:
            shutil.copyfile(library, directory / one.file)
        write_description(manifest, directory)
        write_build_system_files(manifest, copy / "lib")
    return copy


def _manifest(ours: Manifest, target: Target, library: Path) -> Manifest:
    libraries = tuple(
        replace(
            one,
            file=target.archive_name(component_named(one.component).library),
            size=library.stat().st_size,
            sha256=sha256_of(library),
            system_libraries=("ntdll", *target.unwinder),
            frameworks=(),
        )
        for one in ours.libraries
    )
    return replace(
        ours,
        target=target.triple,
        platform=target.platform,
        floor_name=target.floor_name,
        floor_version=target.floor_version,
        libraries=libraries,
    )


def make_command(site: Path) -> Path:
    """Make the `temporal-libs-config` that pip puts next to a package in a directory."""
    script = site / "bin" / "temporal-libs-config"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\n"
        "from temporal_static_libs._cli.entry import main\n"
        "raise SystemExit(main())\n"
    )
    script.chmod(0o755)
    return script


def ask(site: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command of the package in a directory, with any exit status.

    Args:
        site: the directory that contains the package.
        options: the command's options.
        variables: variables to add to the environment.
    """
    return subprocess.run(
        [sys.executable, "-m", "temporal_static_libs", *options],
        env={**os.environ, "PYTHONPATH": str(site), **variables},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def facts(site: Path, *options: str) -> dict[str, object]:
    """Return the output of ``--json``."""
    done = ask(site, "--json", *options)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer
