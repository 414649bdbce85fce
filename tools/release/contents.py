"""Checking the contents of the wheels and the source distribution against their source."""

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
from tools import ToolError
from tools.release.names import PROJECT
from tools.release.versions import HEADER
from tools.wheel.check import PACKAGE, check_facts, check_wheel, lib_of


@dataclass(frozen=True)
class Source:
    """The source that everything in a release is made from.

    Attributes:
        version: the package's version.
        commit: the full hash of the commit.
        cargo_lock_sha256: the hash of Cargo.lock in that commit.
    """

    version: str
    commit: str
    cargo_lock_sha256: str


@dataclass(frozen=True)
class ReleaseWheel:
    """A checked wheel, with its row of the table and its manifest."""

    file: Path
    target: Target
    manifest: Manifest

    @property
    def dist_info(self) -> str:
        """The directory of its metadata."""
        return f"{PACKAGE}-{self.manifest.version}.dist-info"

    @property
    def library_directory(self) -> str:
        """The directory of the archives and their description."""
        return lib_of(self.target)

    def read_sbom(self) -> bytes:
        """Return the wheel's only SBOM."""
        with zipfile.ZipFile(self.file) as archive:
            names = [n for n in archive.namelist() if n.startswith(f"{self.dist_info}/sboms/")]
            if len(names) != 1:
                raise ToolError(f"{self.file.name} has {len(names)} SBOMs, not one")
            return archive.read(names[0])


def check_release_wheel(file: Path, target: Target, source: Source) -> ReleaseWheel:
    """Check a wheel against its RECORD, its manifest, its platform and its source."""
    manifest = check_wheel(file, target, "release", source.commit)
    version = (manifest.version, source.version)
    check_facts(file, {"version in its manifest": version})
    wheel = ReleaseWheel(file, target, manifest)
    with zipfile.ZipFile(file) as archive:
        _check_record(file, archive)
        try:
            metadata, _ = parse_email(archive.read(f"{wheel.dist_info}/METADATA"))
            header = _sha256(archive.read(HEADER.as_posix()))
            lib = wheel.library_directory
            archives = {one.file: archive.read(f"{lib}/{one.file}") for one in manifest.libraries}
            checksums = parse_checksums(archive.read(f"{lib}/{CHECKSUMS_NAME}").decode())
        except KeyError as error:
            raise ToolError(f"{file.name}: {error.args[0]}") from None
    components = [library.component for library in manifest.libraries]
    check_facts(
        file,
        {
            "version in METADATA": (metadata.get("version"), source.version),
            "Cargo.lock": (manifest.cargo_lock_sha256, source.cargo_lock_sha256),
            "header": (header, manifest.header_sha256),
            "components": (components, [component.name for component in COMPONENTS]),
        },
    )
    for one in manifest.libraries:
        found = (len(archives[one.file]), _sha256(archives[one.file]))
        check_facts(file, {f"{one.file}, size and SHA-256": (found, (one.size, one.sha256))})
    recorded = {library.file: library.sha256 for library in manifest.libraries}
    check_facts(file, {CHECKSUMS_NAME: (checksums, recorded)})
    return wheel


def _check_record(file: Path, archive: zipfile.ZipFile) -> None:
    try:
        WheelFile(archive).validate_record(validate_contents=True)
    except (ValueError, zipfile.BadZipFile) as error:
        issues = getattr(error, "issues", None) or [error]
        reasons = "; ".join(str(issue) for issue in issues)
        raise ToolError(f"{file.name}: it differs from its RECORD: {reasons}") from None


def check_sdist(file: Path, source: Source) -> None:
    """Check a source distribution against its source."""
    try:
        name, version = parse_sdist_filename(file.name)
    except InvalidSdistFilename as error:
        raise ToolError(str(error)) from None
    named = {"name": (name, PROJECT), "version in its name": (str(version), source.version)}
    check_facts(file, named)
    top = file.name.removesuffix(".tar.gz")
    try:
        with tarfile.open(file) as archive:

            def read(member: str) -> bytes:
                content = archive.extractfile(f"{top}/{member}")
                return b"" if content is None else content.read()

            metadata, _ = parse_email(read("PKG-INFO"))
            commit = read("SOURCE_COMMIT").decode().strip()
            cargo_lock = _sha256(read("rust/Cargo.lock"))
    except (KeyError, OSError, EOFError, tarfile.TarError) as error:
        raise ToolError(f"{file.name}: it cannot be read: {error}") from None
    check_facts(
        file,
        {
            "version in PKG-INFO": (metadata.get("version"), source.version),
            "commit": (commit, source.commit),
            "Cargo.lock": (cargo_lock, source.cargo_lock_sha256),
        },
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
