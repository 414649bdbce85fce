"""Making a wheel's shared library with the command in the wheel."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from temporal_static_libs._build.host import this_host
from temporal_static_libs._components import SDK_CORE
from temporal_static_libs._manifest import MANIFEST_NAME, Manifest, parse_manifest
from temporal_static_libs._shared.formats import FORMATS
from temporal_static_libs._targets import Target, target_of_triple
from tools import ToolError
from tools.shared.description import write_description
from tools.shared.proof import prove
from tools.wheel.check import PACKAGE, archives_in

# Loads a library and prints its ABI ID.
_LOAD: Final = """\
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.temporal_static_libs_abi_id.restype = ctypes.c_char_p
print(library.temporal_static_libs_abi_id().decode())
"""


def make_shared_library(wheel: Path, directory: Path) -> Path:
    """Link a wheel's archive into a shared library, check it, and write its description next to it.

    Zig links for all platforms except macOS, because it can link for the oldest C library. Apple's
    compiler links for macOS.

    Args:
        wheel: the repaired wheel.
        directory: the directory for the library; created if it is missing.

    Returns:
        The shared library.
    """
    with tempfile.TemporaryDirectory(prefix="shared-library-") as scratch:
        with zipfile.ZipFile(wheel) as packed:
            members = [name for name in packed.namelist() if name.startswith(f"{PACKAGE}/")]
            packed.extractall(scratch, members)
        described = archives_in(Path(scratch)) / MANIFEST_NAME
        manifest = parse_manifest(described.read_text(encoding="utf-8"))
        target = target_of_triple(manifest.target)
        command = [sys.executable, "-m", PACKAGE, "--shared", str(directory.resolve())]
        environ = _environ(target, Path(scratch))
        done = subprocess.run(
            command, cwd=scratch, env=environ, stdout=subprocess.PIPE, text=True, check=False
        )
    if done.returncode != 0:
        raise ToolError(f"the archive of {wheel.name} could not be linked; the reason is above")
    file = Path(done.stdout.removesuffix("\n"))
    if target.object_format == "elf":
        # Zig's own parts have debug information with local paths. Function names are kept.
        subprocess.run(["strip", "--strip-debug", file], check=True)
    for fact in prove(file, FORMATS[target.os], target, manifest.floor_version):
        print(f"{file.name}: {fact}", flush=True)
    if this_host().target == target:
        _prove_loads(file, manifest)
    write_description(file, manifest, SDK_CORE.name)
    return file


def _environ(target: Target, package: Path) -> Mapping[str, str]:
    ours = ("TEMPORAL_", "USE_PREBUILT_LIBS", "PYTHONPATH", "CC")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ["PYTHONPATH"] = str(package)
    if target.os != "macos":
        environ["CC"] = shlex.join([sys.executable, "-m", "ziglang", "cc"])
    return environ


def _prove_loads(file: Path, manifest: Manifest) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(file)], capture_output=True, text=True, check=False
    )
    if done.stdout.strip() != manifest.abi:
        raise ToolError(f"{file.name} cannot be loaded: {done.stdout}{done.stderr}")
    print(f"{file.name}: loads here", flush=True)
