"""What the archive of a source distribution has of the C interface, read without unpacking it."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from tools.interface.errors import CannotCompareError

HEADER: Final = "temporal-sdk-core-c-bridge.h"
_MANIFEST: Final = "Cargo.toml"
#: The names of the core's crate, the later one first.
_CORES: Final = ("temporalio-sdk-core", "temporal-sdk-core")
#: Temporal's has 20 MB, and none of these members more than 60 kB.
_MOST_BYTES: Final = 200_000_000
_MOST_BYTES_OF_MEMBER: Final = 2_000_000


@dataclass(frozen=True)
class Bridge:
    """Temporal's C bridge.

    Attributes:
        header: the text of its header.
        place: where in the archive that is.
        core: the version that the core's manifest has; None if there is no manifest that says it.
    """

    header: str
    place: str
    core: str | None


def read_bridge(archive: Path) -> Bridge:
    """Read the header, and the core's version, of a source distribution.

    Args:
        archive: the `.tar.gz`.

    Raises:
        CannotCompareError: it cannot be read, or does not have exactly one such header.
    """
    try:
        _refuse_large(archive)
        members = _members(archive)
        headers = {place: text for place, text in members.items() if _name(place) == HEADER}
        if len(headers) != 1:
            found = f"several: {', '.join(sorted(headers))}" if headers else "none"
            raise CannotCompareError(
                f"{archive.name} must have one {HEADER}, and has {found}\n"
                "  fix: pass another version; if Temporal moved or renamed the header, adapt "
                "tools/interface/archive.py"
            )
        ((place, header),) = headers.items()
        return Bridge(header.decode("utf-8"), place, _core(members))
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise CannotCompareError(
            f"{archive.name} cannot be read: {error}\n"
            "  fix: run this again; if it stays, look at the file on the index"
        ) from None


def _members(archive: Path) -> dict[str, bytes]:
    """The content of headers and manifests by their place."""
    found = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isreg() and _name(member.name) in (HEADER, _MANIFEST):
                if member.size > _MOST_BYTES_OF_MEMBER:
                    raise ValueError(
                        f"{member.name} has {member.size} bytes, "
                        f"the limit is {_MOST_BYTES_OF_MEMBER}"
                    )
                if file := tar.extractfile(member):
                    found[member.name] = file.read()
    return found


def _refuse_large(archive: Path) -> None:
    # Before tarfile, which reads some members whole to know what they say of others.
    size = 0
    with gzip.open(archive) as file:
        while chunk := file.read(1 << 20):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise ValueError(f"it has more than {_MOST_BYTES} bytes uncompressed")


def _core(members: Mapping[str, bytes]) -> str | None:
    manifests = {
        PurePosixPath(place).parent: manifest
        for place, content in members.items()
        if _name(place) == _MANIFEST and (manifest := _toml(content)) is not None
    }
    for core in _CORES:
        for directory, manifest in manifests.items():
            package = _table(manifest, "package")
            if package.get("name") == core:
                return _version(package.get("version"), directory, manifests)
    return None


def _version(
    value: object, directory: PurePosixPath, manifests: Mapping[PurePosixPath, Any]
) -> str | None:
    """A manifest's version, which may be that of the workspace that it is in."""
    if isinstance(value, str):
        return value
    for parent in directory.parents:
        version = _table(_table(manifests.get(parent, {}), "workspace"), "package").get("version")
        if isinstance(version, str):
            return version
    return None


def _toml(content: bytes) -> Any:
    """A manifest; None if it is none, as one for a test of cargo can be."""
    try:
        return tomlkit.parse(content).unwrap()
    except (TOMLKitError, UnicodeDecodeError):
        return None


def _table(manifest: Any, name: str) -> Any:
    table = manifest.get(name)
    return table if isinstance(table, dict) else {}


def _name(place: str) -> str:
    return PurePosixPath(place).name
