"""Wheels for an index, made from existing wheels."""

from __future__ import annotations

import hashlib
import importlib.metadata
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
from wheel.wheelfile import WheelFile


def reissue(
    wheel: Path, directory: Path, *, tag: str | None = None, version: str | None = None
) -> Path:
    """Make a wheel with another platform tag or version, only for pip's choice of a file.

    Name and metadata are changed. The archives are omitted, because they are for another platform,
    and compressing them again would take seconds.

    Args:
        wheel: the real wheel.
        directory: where to put it.
        tag: the platform tag, or several separated by dots; None for the wheel's own.
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
                continue  # the library writes RECORD
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


def next_version(wheel: Path, directory: Path) -> Path:
    """Make a linkable wheel of the next version, with the version changed everywhere.

    It is also changed in the header and the archives, whose recorded hashes are updated.

    Args:
        wheel: the real wheel.
        directory: where to put it.
    """
    _, version, _, _ = parse_wheel_filename(wheel.name)
    old = str(version)
    # Has the same length as the old one, because offsets in an archive must not change.
    new = f"{old[:-1]}{(int(old[-1]) + 1) % 10}"
    # A symbol contains it with underscores.
    renames = {old: new, old.replace(".", "_"): new.replace(".", "_")}
    made = directory / _replaced(wheel.name.encode(), renames).decode()
    with WheelFile(wheel) as opened, WheelFile(made, "w", zipfile.ZIP_STORED) as written:
        members = [it for it in opened.namelist() if not it.endswith(".dist-info/RECORD")]
        # Archives first, because other files contain their hashes.
        for member in sorted(members, key=lambda it: not it.endswith(".a")):
            before = opened.read(member)
            after = _replaced(before, renames)
            if member.endswith(".a"):
                renames |= {hashlib.sha256(before).hexdigest(): hashlib.sha256(after).hexdigest()}
            written.writestr(_replaced(member.encode(), renames).decode(), after)
    return made


def _replaced(content: bytes, renames: Mapping[str, str]) -> bytes:
    for old, new in renames.items():
        content = content.replace(old.encode(), new.encode())
    return content


def _with_tags(content: bytes, tags: str) -> bytes:
    kept = [line for line in content.decode().splitlines() if line and not line.startswith("Tag:")]
    named = [f"Tag: {tag}" for tag in sorted(map(str, parse_tag(tags)))]
    return "\n".join([*kept, *named, ""]).encode()


def installed_wheel(distribution: str, directory: Path) -> Path:
    """Make a wheel of a pure-Python distribution that is installed in the tests' environment.

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
    """Return the hash for a requirements file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
