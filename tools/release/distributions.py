"""What must hold of each wheel, and of the source distribution, by itself."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from installer.sources import WheelFile
from packaging.metadata import parse_email
from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from temporal_static_libs._checksums import parse_checksums
from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._manifest import CHECKSUMS_NAME, Manifest
from temporal_static_libs._targets import Target
from tools.release import ReleaseError
from tools.release.names import PROJECT
from tools.release.versions import HEADER
from tools.wheel.check import WheelError, check_wheel

PACKAGE = "temporal_static_libs"
LIB = f"{PACKAGE}/lib"
PROTO = f"{PACKAGE}/share/proto/"
WHEEL_HEADER = HEADER.as_posix()


@dataclass(frozen=True)
class Origin:
    """What everything in a release is made from.

    Attributes:
        version: the package's.
        commit: the full name of the commit.
        cargo_lock_sha256: hash of the Cargo.lock in that commit.
    """

    version: str
    commit: str
    cargo_lock_sha256: str


@dataclass(frozen=True)
class ReleaseWheel:
    """A wheel of which all holds.

    Attributes:
        file: the wheel.
        target: its row of the table of platforms.
        manifest: what it says of its archives.
    """

    file: Path
    target: Target
    manifest: Manifest

    @property
    def dist_info(self) -> str:
        """The directory of its metadata."""
        return f"{PACKAGE}-{self.manifest.version}.dist-info"


def check_release_wheel(file: Path, target: Target, origin: Origin) -> ReleaseWheel:
    """Hold a wheel to what it says of itself, to its platform and to what it must be made from.

    Args:
        file: the wheel.
        target: its row of the table of platforms.
        origin: what it must be made from.

    Raises:
        ReleaseError: something does not hold.
    """
    try:
        manifest = check_wheel(file, target, "release", origin.commit)
    except WheelError as error:
        raise ReleaseError(str(error)) from None
    _must_be(file, "version in its manifest", manifest.version, origin.version)
    wheel = ReleaseWheel(file, target, manifest)
    with zipfile.ZipFile(file) as archive:
        _check_record(file, archive)
        raw, _ = parse_email(_read(archive, f"{wheel.dist_info}/METADATA", file))
        _must_be(file, "version in METADATA", raw.get("version"), origin.version)
        _must_be(file, "Cargo.lock", manifest.cargo_lock_sha256, origin.cargo_lock_sha256)
        header = hashlib.sha256(_read(archive, WHEEL_HEADER, file)).hexdigest()
        _must_be(file, "header", header, manifest.header_sha256)
        _check_archives(file, archive, manifest)
    return wheel


def _check_record(file: Path, archive: zipfile.ZipFile) -> None:
    try:
        WheelFile(archive).validate_record(validate_contents=True)
    except (ValueError, zipfile.BadZipFile) as error:
        issues = getattr(error, "issues", None) or [error]
        reasons = "; ".join(str(issue) for issue in issues)
        raise ReleaseError(f"{file.name}: it is not what its RECORD says: {reasons}") from None


def _check_archives(file: Path, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    components = [library.component for library in manifest.libraries]
    _must_be(file, "components", components, [component.name for component in COMPONENTS])
    for library in manifest.libraries:
        content = _read(archive, f"{LIB}/{library.file}", file)
        found = (len(content), hashlib.sha256(content).hexdigest())
        _must_be(file, f"{library.file}, size and SHA-256", found, (library.size, library.sha256))
    checksums = parse_checksums(_read(archive, f"{LIB}/{CHECKSUMS_NAME}", file).decode())
    recorded = {library.file: library.sha256 for library in manifest.libraries}
    _must_be(file, CHECKSUMS_NAME, checksums, recorded)


def check_sdist(file: Path, origin: Origin) -> None:
    """Hold a source distribution to what it must be made from.

    Args:
        file: the source distribution.
        origin: what it must be made from.

    Raises:
        ReleaseError: something does not hold.
    """
    try:
        name, version = parse_sdist_filename(file.name)
    except InvalidSdistFilename as error:
        raise ReleaseError(str(error)) from None
    _must_be(file, "name", name, PROJECT)
    _must_be(file, "version in its name", str(version), origin.version)
    top = file.name.removesuffix(".tar.gz")
    try:
        with tarfile.open(file) as archive:

            def read(member: str) -> bytes:
                content = archive.extractfile(f"{top}/{member}")
                return b"" if content is None else content.read()

            raw, _ = parse_email(read("PKG-INFO"))
            commit = read("SOURCE_COMMIT").decode().strip()
            cargo_lock = hashlib.sha256(read("rust/Cargo.lock")).hexdigest()
    except (KeyError, OSError, EOFError, tarfile.TarError) as error:
        raise ReleaseError(f"{file.name}: it cannot be read: {error}") from None
    _must_be(file, "version in PKG-INFO", raw.get("version"), origin.version)
    _must_be(file, "commit", commit, origin.commit)
    _must_be(file, "Cargo.lock", cargo_lock, origin.cargo_lock_sha256)


def _read(archive: zipfile.ZipFile, member: str, file: Path) -> bytes:
    try:
        return archive.read(member)
    except KeyError:
        raise ReleaseError(f"{file.name}: it has no {member}") from None


def _must_be(file: Path, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise ReleaseError(f"{file.name}: its {what}: {found!r}, not {wanted!r}")
