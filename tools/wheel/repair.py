"""Turn the build hook's wheel into the published one: prove its claim, then tag it.

    python -m tools.wheel.repair WHEEL DIRECTORY

Runs in an environment with PyPI's ``lief``, ``wheel`` and ``ziglang``; `make wheel` and
cibuildwheel's repair-wheel-command run it.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

from temporal_static_libs._build.record import completing
from temporal_static_libs._manifest import MANIFEST_NAME, Manifest, parse_manifest
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import Target, target_of_triple
from tools import report_errors
from tools.wheel.check import PACKAGE, archives_in
from tools.wheel.floor import prove_floor, prove_macos_floor, prove_windows_floor


def repair(wheel: Path, directory: Path) -> Path:
    """Prove that a wheel's archives meet the floor of their platform; return a copy tagged with it.

    The directory of the copy is created if it is missing.
    """
    with tempfile.TemporaryDirectory(prefix="repair-wheel-") as scratch:
        with zipfile.ZipFile(wheel) as packed:
            members = [name for name in packed.namelist() if name.startswith(f"{PACKAGE}/lib/")]
            packed.extractall(scratch, members)
        # For Windows, there can be a set for each toolchain; the hook made one of them.
        lib = archives_in(Path(scratch))
        manifest = parse_manifest((lib / MANIFEST_NAME).read_text(encoding="utf-8"))
        target = target_of_triple(manifest.target)
        tags = target.proven_tags(manifest.floor_version)
        copy = Path(scratch, wheel.name)
        with completing(manifest, Settings.from_environ()) as recorder:
            with recorder.phase("prove"):
                _prove(lib, manifest, target)
            with recorder.phase("tag"):
                shutil.copyfile(wheel, copy)
                tagged = _retag(copy, tags)
            recorder.take_wheel(tagged, tags)
            recorder.take_environment(platform.python_version(), _installed_packages())
            directory.mkdir(parents=True, exist_ok=True)
            return Path(shutil.move(tagged, directory / tagged.name))


def _prove(lib: Path, manifest: Manifest, target: Target) -> None:
    for library in manifest.libraries:
        archive = lib / library.file
        if target.object_format == "elf":
            prove_floor(archive, target.zig_target, library.system_libraries)
            print(f"{library.file}: links for {target.zig_target}", flush=True)
        elif target.object_format == "coff":
            prove_windows_floor(archive, target.zig_target, library.system_libraries)
            print(f"{library.file}: only DLLs of Windows {manifest.floor_version}", flush=True)
        else:
            prove_macos_floor(archive, manifest.floor_version)
            print(f"{library.file}: for macOS {manifest.floor_version}", flush=True)


def _installed_packages() -> dict[str, str]:
    """Return the versions of installed packages, including those that cibuildwheel installed."""
    found = {str(one.metadata["Name"]).lower(): one.version for one in distributions()}
    return {name: found[name] for name in sorted(found)}


def _retag(wheel: Path, tags: tuple[str, ...]) -> Path:
    command = [sys.executable, "-m", "wheel", "tags", "--remove"]
    command += ["--platform-tag", ".".join(tags), str(wheel)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return _recompress(wheel.with_name(done.stdout.split()[-1]))


def _recompress(wheel: Path) -> Path:
    # Hatchling and wheel only support zlib's default level, whose result is 2 % larger.
    smaller = wheel.with_suffix(".smaller")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(smaller, "w") as new:
        members = old.infolist()
        for member in members:
            # `wheel` writes RECORD with the current time, which differs between builds.
            member.date_time = members[0].date_time
            new.writestr(member, old.read(member), zipfile.ZIP_DEFLATED, compresslevel=9)
    return smaller.replace(wheel)


def main() -> int:
    """Run from the command line; return 1 if the wheel does not meet its claim."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="the build hook's wheel")
    parser.add_argument(
        "directory", type=Path, metavar="DIRECTORY", help="directory for the new wheel"
    )
    arguments = parser.parse_args()
    return report_errors(
        "no wheel was created", lambda: print(repair(arguments.wheel, arguments.directory))
    )


if __name__ == "__main__":
    sys.exit(main())
