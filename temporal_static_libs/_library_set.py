"""Sets of archives on disk, and what has to hold before an answer may name one of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ._checksums import parse_checksums
from ._errors import ChecksumMismatchError, MissingLibraryError
from ._facts import facts_of
from ._manifest import CHECKSUMS_NAME, MANIFEST_NAME, Manifest, ManifestLibrary, parse_manifest
from ._origin import Origin, override_origin, wheel_origin
from ._receipts import identities, remember, remembered
from ._records import read_text
from ._targets import target_of_triple
from ._verify import RecordedFile, verify_files

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._receipts import Receipt
    from ._settings import Settings

PACKAGE_DIR = Path(__file__).parent
INCLUDE_DIR = PACKAGE_DIR / "include"
HEADER = INCLUDE_DIR / "temporal-sdk-core-c-bridge.h"
INTERFACE = PACKAGE_DIR / "share" / "interface.json"
PROTO_DIR = PACKAGE_DIR / "share" / "proto"
WHEEL_LIB_DIR = PACKAGE_DIR / "lib"
COMPLETION_DIR = PACKAGE_DIR / "share" / "completion"
ZIG_DIR = PACKAGE_DIR / "share" / "zig"
ZIG_HELPER = ZIG_DIR / "temporal_libs.zig"


@dataclass(frozen=True)
class LoadedSet:
    """The archives that every answer is about.

    Attributes:
        origin: where they came from.
        directory: where they are, absolute.
        manifest: what they are.
        files: what has to hold before an answer may name one of them.
        trusted: a file or directory of whoever may own them besides the user.
        records: names of the files that `manifest` and `files` have been read from, and the
            identities they had before.
        verified: how it has been found that the files hold: ``hashed`` or ``remembered``; None if
            that has not been looked at.
    """

    origin: Origin
    directory: Path
    manifest: Manifest
    files: tuple[RecordedFile, ...]
    trusted: Path
    records: Receipt
    verified: str | None = None

    def verified_once(self, settings: Settings) -> LoadedSet:
        """The same, verified: by hash, unless it is remembered that they have been.

        Args:
            settings: what says where the memory is.

        Raises:
            MissingLibraryError: one is absent, or cannot be read.
            ChecksumMismatchError: one is not what was recorded.
        """
        if self.verified is not None:
            return self
        expected: Receipt = {**{file.path.name: () for file in self.files}, **self.records}
        if remembered(self.origin.source, self.directory, settings, expected):
            return replace(self, verified="remembered")
        return self.verify(settings)

    def verify(self, settings: Settings) -> LoadedSet:
        """The same, verified by hash, which is remembered.

        Args:
            settings: what says where the memory is.

        Raises:
            MissingLibraryError: one is absent, or cannot be read.
            ChecksumMismatchError: one is not what was recorded.
        """
        before: Receipt | None = None
        with suppress(OSError):  # which verifying tells better
            before = identities(self.directory, [file.path.name for file in self.files])
        verify_files(self.files, self.origin, self.trusted)
        if before is not None:
            # Facts hold while the manifest that they were read from is the same.
            facts = facts_of(self.manifest) if MANIFEST_NAME in self.records else {}
            receipt = {**before, **self.records}
            remember(self.origin.source, self.directory, settings, receipt, facts)
        return replace(self, verified="hashed")

    def library(self, component: str) -> ManifestLibrary:
        """The archive of a component.

        Raises:
            MissingLibraryError: the set has none.
        """
        for library in self.manifest.libraries:
            if library.component == component:
                return library
        problem = f"there is no archive for the component {component}"
        raise MissingLibraryError(self.origin.report(problem, self.directory))

    @property
    def gc_flag(self) -> str:
        """What makes a C compiler driver drop the parts of an archive that nothing uses.

        Raises:
            UnsupportedPlatformError: the table of targets does not have theirs.
        """
        return target_of_triple(self.manifest.target).gc_flag

    def archive(self, library: ManifestLibrary) -> Path:
        """The absolute path of an archive."""
        return self.directory / library.file


def wheel_set() -> LoadedSet:
    """The archives that this package's own wheel carries, not verified yet.

    Raises:
        MissingLibraryError: what describes them is absent or unreadable.
    """
    origin = wheel_origin()
    record = WHEEL_LIB_DIR / MANIFEST_NAME
    records = _before_reading(record)
    manifest = _read_manifest(record, origin)
    return LoadedSet(
        origin=origin,
        directory=WHEEL_LIB_DIR,
        manifest=manifest,
        files=tuple(
            RecordedFile(WHEEL_LIB_DIR / library.file, library.sha256, library.size, record)
            for library in manifest.libraries
        ),
        # Whoever owns the code that is running.
        trusted=Path(__file__),
        records=records,
    )


def wheel_text(file: Path) -> str:
    """The content of a text file that this package's own wheel carries.

    Raises:
        MissingLibraryError: it is absent or unreadable.
    """
    origin = wheel_origin()
    try:
        return _read(file, origin)
    except ValueError as error:
        raise _invalid(file, origin, error) from None


def proto_dir() -> Path:
    """The directory of the protobuf files, which are the wheel's whatever archives are active.

    Raises:
        MissingLibraryError: it is absent.
    """
    if not PROTO_DIR.is_dir():
        problem = "the protobuf files are missing"
        raise MissingLibraryError(wheel_origin().report(problem, PROTO_DIR))
    return PROTO_DIR


def usable_wheel_set(settings: Settings) -> LoadedSet:
    """The same, verified.

    Args:
        settings: what says where it is remembered that they have been.

    Raises:
        MissingLibraryError: an archive, or what describes them, is absent or unreadable.
        ChecksumMismatchError: an archive is not what was recorded when it was built.
        UnsupportedPlatformError: they are for a target that the table does not have.
    """
    loaded = wheel_set()
    target_of_triple(loaded.manifest.target)
    return loaded.verified_once(settings)


def override_set(directory: Path) -> LoadedSet:
    """The archives of the directory that TEMPORAL_LIBS_DIR names, not verified yet.

    Raises:
        MissingLibraryError: the directory, or what describes them, is absent or unreadable.
        ChecksumMismatchError: manifest and checksums contradict each other.
    """
    origin = override_origin(directory)
    if not directory.is_dir():
        raise MissingLibraryError(origin.report("the directory does not exist", directory))
    if (directory / MANIFEST_NAME).exists():
        return described_set(directory, origin)
    records = _before_reading(directory / CHECKSUMS_NAME)
    checksums = _read_checksums(directory / CHECKSUMS_NAME, origin)
    manifest = _describe_bare(directory, checksums, origin)
    return _set_of_checksums(directory, origin, manifest, checksums, records)


def described_set(directory: Path, origin: Origin) -> LoadedSet:
    """A directory of archives, their checksums and their manifest, not verified yet.

    Raises:
        MissingLibraryError: checksums or manifest are absent or unreadable.
        ChecksumMismatchError: they contradict each other.
    """
    records = _before_reading(directory / CHECKSUMS_NAME, directory / MANIFEST_NAME)
    checksums = _read_checksums(directory / CHECKSUMS_NAME, origin)
    manifest = _read_manifest(directory / MANIFEST_NAME, origin)
    _must_agree(manifest, checksums, directory, origin)
    return _set_of_checksums(directory, origin, manifest, checksums, records)


def _set_of_checksums(
    directory: Path,
    origin: Origin,
    manifest: Manifest,
    checksums: Mapping[str, str],
    records: Receipt,
) -> LoadedSet:
    sizes = {library.file: library.size for library in manifest.libraries}
    return LoadedSet(
        origin=origin,
        directory=directory,
        manifest=manifest,
        files=tuple(
            RecordedFile(directory / file, sha256, sizes.get(file), directory / CHECKSUMS_NAME)
            for file, sha256 in checksums.items()
        ),
        trusted=directory,
        records=records,
    )


def _before_reading(*records: Path) -> Receipt:
    # One that is replaced while it is read is not what the memory must go by.
    with suppress(OSError):  # which reading it tells better
        return identities(records[0].parent, [record.name for record in records])
    return {}


def _must_agree(
    manifest: Manifest, checksums: Mapping[str, str], directory: Path, origin: Origin
) -> None:
    for library in manifest.libraries:
        if checksums.get(library.file) != library.sha256:
            problem = f"{CHECKSUMS_NAME} and {MANIFEST_NAME} disagree about {library.file}"
            raise ChecksumMismatchError(origin.report(problem, directory / CHECKSUMS_NAME))


def _describe_bare(directory: Path, checksums: Mapping[str, str], origin: Origin) -> Manifest:
    """Archives and checksums without a manifest: another build of what the wheel carries.

    So what concerns linking is taken from the wheel's manifest, and how they were made is unknown.
    """
    ours = _read_manifest(WHEEL_LIB_DIR / MANIFEST_NAME, wheel_origin())
    libraries = tuple(
        replace(
            library,
            sha256=checksums[library.file],
            size=_size(directory / library.file, origin),
            api_functions=None,
        )
        for library in ours.libraries
        if library.file in checksums
    )
    if not libraries:
        known = ", ".join(library.file for library in ours.libraries)
        raise MissingLibraryError(
            origin.report(f"{CHECKSUMS_NAME} names none of {known}", directory / CHECKSUMS_NAME)
        )
    return replace(
        ours,
        rustc=None,
        cargo_profile=None,
        cargo_features=None,
        source_commit=None,
        cargo_lock_sha256=None,
        rust_sources_sha256=None,
        libraries=libraries,
    )


def _size(file: Path, origin: Origin) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise _unreadable(file, origin, error) from None


def _read_manifest(file: Path, origin: Origin) -> Manifest:
    try:
        return parse_manifest(_read(file, origin))
    except ValueError as error:
        raise _invalid(file, origin, error) from None


def _read_checksums(file: Path, origin: Origin) -> dict[str, str]:
    try:
        return parse_checksums(_read(file, origin))
    except ValueError as error:
        raise _invalid(file, origin, error) from None


def _read(file: Path, origin: Origin) -> str:
    try:
        return read_text(file)
    except OSError as error:
        raise _unreadable(file, origin, error) from None


def _unreadable(file: Path, origin: Origin, error: OSError) -> MissingLibraryError:
    absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
    state = "is missing" if absent else f"cannot be read: {error.strerror}"
    return MissingLibraryError(origin.report(f"{file.name} {state}", file))


def _invalid(file: Path, origin: Origin, error: ValueError) -> MissingLibraryError:
    return MissingLibraryError(origin.report(f"{file.name} is damaged: {error}", file))
