"""Wheels and source distributions of a release, like those from its builds.

A wheel is the one under test with the facts of another platform, and with small archives if they do
not need to link.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename
from wheel.wheelfile import WheelFile

from temporal_static_libs._checksums import format_checksums, sha256_of
from temporal_static_libs._manifest import parse_manifest
from temporal_static_libs._targets import Target, target_of_triple
from tools.release.contents import ReleaseWheel

LIB = "temporal_static_libs/lib"
Content = dict[str, bytes]


def make_wheel(
    pattern: Path,
    target: Target,
    commit: str,
    directory: Path,
    *,
    real: bool = False,
    change: Callable[[Content], None] | None = None,
) -> Path:
    """Make a platform's wheel.

    Args:
        pattern: the wheel under test.
        target: the platform.
        commit: the commit in its manifest.
        directory: the directory for the wheel.
        real: whether it has the pattern's archives, which can be linked.
        change: changes the wheel's files, by name, before RECORD is written.
    """
    with zipfile.ZipFile(pattern) as archive:
        files = {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith(("/", ".dist-info/RECORD")) and (real or not name.endswith(".a"))
        }
    lib = f"{Path(LIB).parent}/{target.lib_directory}"
    # Only the files next to the archives, not those for build systems in subdirectories.
    files = {
        name.replace(LIB, lib, 1) if name.rpartition("/")[0] == LIB else name: content
        for name, content in files.items()
    }
    manifest: dict[str, Any] = json.loads(files[f"{lib}/manifest.json"])
    floor = {"name": target.floor_name, "version": target.floor_version}
    manifest.update(target=target.triple, platform=target.platform, floor=floor)
    manifest["source_commit"] = commit
    manifest["cargo"]["profile"] = "release"
    for library in manifest["libraries"]:
        if not real:
            files[f"{lib}/{library['file']}"] = f"{target.platform} {library['file']}".encode()
        content = files[f"{lib}/{library['file']}"]
        library.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    files[f"{lib}/manifest.json"] = json.dumps(manifest).encode()
    files[f"{lib}/checksums.sha256"] = format_checksums(
        {library["file"]: library["sha256"] for library in manifest["libraries"]}
    ).encode()
    (metadata,) = [name for name in files if name.endswith(".dist-info/WHEEL")]
    tags = "".join(f"Tag: py3-none-{tag}\n" for tag in target.wheel_tags)
    files[metadata] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{tags}\n".encode()
    if change is not None:
        change(files)
    version = parse_wheel_filename(pattern.name)[1]
    name = f"temporal_static_libs-{version}-py3-none-{'.'.join(target.wheel_tags)}.whl"
    # Stored, not deflated: the real archives are large.
    with WheelFile(directory / name, "w", compression=zipfile.ZIP_STORED) as wheel:
        for member, content in sorted(files.items()):
            wheel.writestr(member, content)
    return directory / name


def alter_member(wheel: Path, member: str) -> None:
    """Alter a file in a wheel, but not its RECORD."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[member] += b"\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def make_sdist(tree: Path, version: str, commit: str, directory: Path) -> Path:
    """Make a source distribution with everything that a release checks.

    Args:
        tree: the source tree.
        version: the version in its name and metadata.
        commit: the commit that it names.
        directory: the directory for it.
    """
    top = f"temporal_static_libs-{version}"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.4\nName: temporal-static-libs\nVersion: {version}\n",
        "SOURCE_COMMIT": f"{commit}\n",
        "rust/Cargo.lock": (tree / "rust" / "Cargo.lock").read_text(encoding="utf-8"),
        "pyproject.toml": (tree / "pyproject.toml").read_text(encoding="utf-8"),
    }
    file = directory / f"{top}.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return file


def hashes_of(directory: Path) -> dict[str, str]:
    """The SHA-256 of each file in a directory, by name."""
    return {file.name: sha256_of(file) for file in directory.iterdir()}


def release_wheel(file: Path) -> ReleaseWheel:
    """Read the wheel under test like the release does, with any profile and commit."""
    with zipfile.ZipFile(file) as archive:
        manifest = parse_manifest(archive.read(f"{LIB}/manifest.json").decode())
    return ReleaseWheel(file, target_of_triple(manifest.target), manifest)


def make_line_tables(distributions: Path, directory: Path) -> Path:
    """Make ``line-tables-PLATFORM`` for each wheel for Linux, like the builds of wheels.

    The archives are those of the wheel with a few additional bytes.
    """
    for file in distributions.glob("*.whl"):
        with zipfile.ZipFile(file) as archive:
            if f"{LIB}/manifest.json" not in archive.namelist():
                continue  # for Windows
            manifest: dict[str, Any] = json.loads(archive.read(f"{LIB}/manifest.json"))
            if not manifest["platform"].startswith("linux-"):
                continue
            place = directory / f"line-tables-{manifest['platform']}"
            place.mkdir(parents=True)
            for library in manifest["libraries"]:
                content = archive.read(f"{LIB}/{library['file']}") + b".debug_line"
                library.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
                (place / library["file"]).write_bytes(content)
        (place / "manifest.json").write_text(json.dumps(manifest))
        recorded = {library["file"]: library["sha256"] for library in manifest["libraries"]}
        (place / "checksums.sha256").write_text(format_checksums(recorded))
    return directory
