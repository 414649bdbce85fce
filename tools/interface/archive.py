"""Reading the C interface from the archive of a source distribution, without unpacking it."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import tomli

from tools.interface.errors import CannotCompareError

HEADER: Final = "temporal-sdk-core-c-bridge.h"
_MANIFEST: Final = "Cargo.toml"
#: The names of the core's crate, the newer one first.
_CORES: Final = ("temporalio-sdk-core", "temporal-sdk-core")
#: Temporal's has 20 MB, and none of these members more than 60 kB.
_MOST_BYTES: Final = 200_000_000
_MOST_BYTES_OF_MEMBER: Final = 2_000_000


@dataclass(frozen=True)
class Bridge:
    """Temporal's C bridge: the header's text and path in the archive, and the core's version.

    The version is None if no manifest has it.
    """

    header: str
    place: str
    core: str | None


def read_bridge(archive: Path) -> Bridge:
    """Read the header and the core's version from a `.tar.gz`.

    Raises:
        CannotCompareError: it cannot be read, or does not have exactly one such header.
    """
    try:
        members = _members(archive)
        manifests = members[_MANIFEST]
        headers = members[HEADER]
        if len(headers) != 1:
            found = f"several: {', '.join(map(str, sorted(headers)))}" if headers else "none"
            raise CannotCompareError(
                f"{archive.name} must have exactly one {HEADER}, but has {found}\n"
                "  fix: pass another version; if Temporal moved or renamed the header, adapt "
                "tools/interface/archive.py"
            )
        ((place, header),) = headers.items()
        return Bridge(header.decode("utf-8"), str(place), _core(manifests))
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise CannotCompareError(
            f"{archive.name} cannot be read: {error}\n"
            "  fix: run this again; if the error persists, check the file on the index"
        ) from None


def _members(archive: Path) -> dict[str, dict[PurePosixPath, bytes]]:
    """Return the content of headers and manifests by path."""
    # Before tarfile, which reads some members completely because they describe others.
    size = 0
    with gzip.open(archive) as file:
        while chunk := file.read(1 << 20):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise ValueError(f"it has more than {_MOST_BYTES} bytes uncompressed")
    found: dict[str, dict[PurePosixPath, bytes]] = {HEADER: {}, _MANIFEST: {}}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            place = PurePosixPath(member.name)
            if place.name in found and member.isreg() and (content := tar.extractfile(member)):
                if member.size > _MOST_BYTES_OF_MEMBER:
                    raise ValueError(
                        f"{place} has {member.size} bytes, the limit is {_MOST_BYTES_OF_MEMBER}"
                    )
                found[place.name][place] = content.read()
    return found


def _core(contents: dict[PurePosixPath, bytes]) -> str | None:
    """Return the core's version, which may be that of its workspace."""
    manifests = {place.parent: _manifest(content) for place, content in contents.items()}
    for core in _CORES:
        for directory, manifest in manifests.items():
            package = _table(manifest, "package")
            if package.get("name") == core:
                workspaces = (
                    _table(_table(manifests.get(parent, {}), "workspace"), "package")
                    for parent in directory.parents
                )
                versions = (table.get("version") for table in (package, *workspaces))
                return next((one for one in versions if isinstance(one, str)), None)
    return None


def _manifest(content: bytes) -> Any:
    try:
        return tomli.loads(content.decode("utf-8"))
    except ValueError:
        return {}  # a manifest for a test of cargo can be invalid


def _table(manifest: Any, name: str) -> Any:
    table = manifest.get(name)
    return table if isinstance(table, dict) else {}
