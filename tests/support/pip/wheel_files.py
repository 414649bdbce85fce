"""Wheels to put on an index, made of wheels that there are."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
from wheel.wheelfile import WheelFile


def reissue(
    wheel: Path, directory: Path, *, tag: str | None = None, version: str | None = None
) -> Path:
    """Make a wheel under another platform tag or version, for the choice of a file only.

    Name and metadata say so. The archives are left out: they are of another platform, and to
    compress them again would take seconds.

    Args:
        wheel: the real one.
        directory: where to put it.
        tag: the platform tag, with dots if it is several; None for the wheel's own.
        version: the version; None for the wheel's own.
    """
    name, old_version, _, tags = parse_wheel_filename(wheel.name)
    platforms = tag or ".".join(sorted(each.platform for each in tags))
    distribution = name.replace("-", "_")
    new_version = version or str(old_version)
    old_info, new_info = (f"{distribution}-{v}.dist-info/" for v in (old_version, new_version))
    made = directory / f"{distribution}-{new_version}-py3-none-{platforms}.whl"
    with WheelFile(wheel) as old, WheelFile(made, "w") as new:
        for member in old.infolist():
            if member.filename == f"{old_info}RECORD" or member.filename.endswith(".a"):
                continue  # the library writes the record
            content = old.read(member)
            if member.filename == f"{old_info}WHEEL":
                content = _with_tags(content, f"py3-none-{platforms}")
            elif member.filename == f"{old_info}METADATA":
                content = content.replace(
                    f"\nVersion: {old_version}\n".encode(),
                    f"\nVersion: {new_version}\n".encode(),
                    1,
                )
            path = member.filename.replace(old_info, new_info, 1)
            new.writestr(path, content)
    return made


def _with_tags(content: bytes, tags: str) -> bytes:
    kept = [line for line in content.decode().splitlines() if line and not line.startswith("Tag:")]
    named = [f"Tag: {tag}" for tag in sorted(map(str, parse_tag(tags)))]
    return "\n".join([*kept, *named, ""]).encode()


def installed_wheel(distribution: str, directory: Path) -> Path:
    """Make a wheel of what is installed in the tests' environment, of Python files alone.

    Args:
        distribution: its name.
        directory: where to put it.
    """
    installed = importlib.metadata.distribution(distribution)
    stem = f"{installed.name.replace('-', '_').lower()}-{installed.version}"
    made = directory / f"{stem}-py3-none-any.whl"
    with WheelFile(made, "w") as new:
        for file in installed.files or []:
            is_package = ".." not in file.parts and "__pycache__" not in file.parts
            if is_package and file.name not in {"RECORD", "INSTALLER", "REQUESTED"}:
                new.writestr(file.as_posix(), file.read_binary())
    return made


def sha256(file: Path) -> str:
    """The hash that a requirements file names."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
