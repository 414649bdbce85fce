"""Sets of archives on disk, and their verification before an answer may name one of them.

Functions raise MissingLibraryError if an archive or a record is absent or cannot be read, and
ChecksumMismatchError if an archive is not the one that was recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ._checksums import parse_checksums, sha256_of
from ._errors import ChecksumMismatchError, MissingLibraryError
from ._facts import facts_of
from ._layout import toolchain_directories, toolchain_of
from ._manifest import CHECKSUMS_NAME, MANIFEST_NAME, Manifest, ManifestLibrary, parse_manifest
from ._messages import message
from ._origin import Origin, override_origin, wheel_origin
from ._ownership import is_owned_by, takes_files_of_all, trusted_owners, writers
from ._receipts import identities, remember, remembered
from ._records import read_text
from ._targets import target_of_triple
from ._verify import RecordedFile, verify_directory, verify_files

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._receipts import Receipt
    from ._settings import Settings

PACKAGE_DIR = Path(__file__).parent
INCLUDE_DIR = PACKAGE_DIR / "include"
HEADER = INCLUDE_DIR / "temporal-sdk-core-c-bridge.h"
CPP_HEADER = INCLUDE_DIR / "temporal.hpp"
INTERFACE = PACKAGE_DIR / "share" / "interface.json"
PROTO_DIR = PACKAGE_DIR / "share" / "proto"
WHEEL_LIB_DIR = PACKAGE_DIR / "lib"  # can have subdirectories: `_layout`
COMPLETION_DIR = PACKAGE_DIR / "share" / "completion"
ZIG_DIR = PACKAGE_DIR / "share" / "zig"
ZIG_HELPER = ZIG_DIR / "temporal_libs.zig"
# The header, translated by each series of Zig.
ZIG_BINDINGS = {zig: ZIG_DIR / f"bindings-{zig}.zig" for zig in ("0.15", "0.16", "0.17")}

_T = TypeVar("_T")


@dataclass(frozen=True)
class LoadedSet:
    """A set of archives that was read from its records.

    Attributes:
        origin: where the archives came from.
        directory: the directory of the archives, absolute.
        manifest: the description of the archives.
        files: the archives with their recorded hashes and sizes, to be verified.
        trusted: a file or directory whose owner may also own the archives.
        records: the identities that the directory, and the files that `manifest` and `files` were
            read from, had before that.
        verified: how the files were verified, ``hashed`` or ``remembered``; None if they were not.
    """

    origin: Origin
    directory: Path
    manifest: Manifest
    files: tuple[RecordedFile, ...]
    trusted: Path
    records: Receipt
    verified: str | None = None

    def verified_once(self, settings: Settings) -> LoadedSet:
        """Return the same set, verified: by a receipt, or else by hash.

        Args:
            settings: the place of the receipts, and whether to use them.
        """
        if self.verified is not None:
            return self
        expected: Receipt = {**{file.path.name: () for file in self.files}, **self.records}
        source = self.origin.source
        if settings.verify_always or not remembered(source, self.directory, settings, expected):
            return self.verify(settings)
        return replace(self, verified="remembered")

    def verify(self, settings: Settings) -> LoadedSet:
        """Return the same set, verified by hash, and write a receipt."""
        before: Receipt | None = None
        with suppress(OSError):  # verifying reports it better
            before = identities(self.directory, [file.path.name for file in self.files])
        self.compare()
        if before is not None:
            # Facts are valid while the manifest that they were read from is unchanged.
            facts = facts_of(self.manifest) if MANIFEST_NAME in self.records else {}
            receipt = {**before, **self.records}
            remember(self.origin.source, self.directory, settings, receipt, facts)
        return replace(self, verified="hashed")

    def compare(self) -> None:
        """Compare the hashes of the archives with their records, and check their directory."""
        verify_directory(self.directory, self.files, self.origin, self.trusted)
        verify_files(self.files, self.origin, self.trusted)

    def library(self, component: str) -> ManifestLibrary:
        """Return the archive of a component."""
        for library in self.manifest.libraries:
            if library.component == component:
                return library
        problem = message("no-such-archive", component=component)
        raise MissingLibraryError(self.origin.report(problem, self.directory))

    def archive(self, library: ManifestLibrary) -> Path:
        """Return the absolute path of an archive."""
        return self.directory / library.file


def wheel_set(toolchain: str | None = None) -> LoadedSet:
    """Load the archives in this package's wheel, not verified yet.

    Args:
        toolchain: for Windows, ``gnu`` or ``msvc``; if None, the default of the wheel.
    """
    origin = wheel_origin()
    directory = _wheel_directory(toolchain, origin)
    record = directory / MANIFEST_NAME
    records = _stat_before_reading(record)
    manifest = _read(record, origin, parse_manifest)
    loaded = LoadedSet(
        origin=origin,
        directory=directory,
        manifest=manifest,
        files=tuple(
            RecordedFile(directory / library.file, library.sha256, library.size, record)
            for library in manifest.libraries
        ),
        # The owner of the running code.
        trusted=Path(__file__),
        records=records,
    )
    check_toolchain(toolchain, manifest.target, directory, origin)
    return loaded


def wheel_toolchains() -> tuple[str, ...]:
    """Return the toolchains of a wheel for Windows, the default first; empty for other wheels."""
    return tuple(toolchain_directories(str(WHEEL_LIB_DIR)))


def _wheel_directory(toolchain: str | None, origin: Origin) -> Path:
    directories = toolchain_directories(str(WHEEL_LIB_DIR))
    if not directories:
        return WHEEL_LIB_DIR
    wanted = toolchain or next(iter(directories))
    if wanted not in directories:
        raise _no_toolchain(wanted, tuple(directories), WHEEL_LIB_DIR, origin)
    return Path(directories[wanted])


def check_toolchain(toolchain: str | None, triple: str, directory: Path, origin: Origin) -> None:
    """Check that archives are for the requested toolchain for Windows.

    Args:
        toolchain: ``gnu`` or ``msvc``; None for any.
        triple: the target of the archives.
        directory: the directory of the archives, which may not exist yet.
        origin: where the archives came from.
    """
    own = toolchain_of(triple)
    if toolchain is None or toolchain == own:
        return
    if own is not None:
        raise _no_toolchain(toolchain, (own,), directory, origin)
    fix = "leave the toolchain out, or install the wheel for Windows"
    problem = message("toolchain-of-windows-only", triple=triple)
    raise MissingLibraryError(replace(origin, own_fix=fix).report(problem, directory))


def _no_toolchain(
    toolchain: str, known: tuple[str, ...], directory: Path, origin: Origin
) -> MissingLibraryError:
    names = ", ".join(known)
    problem = message("no-such-toolchain", toolchain=toolchain, known=names)
    fix = f"choose {' or '.join(known)}, or leave the toolchain out"
    return MissingLibraryError(replace(origin, own_fix=fix).report(problem, directory))


def usable_wheel_set(settings: Settings, toolchain: str | None = None) -> LoadedSet:
    """Load the archives in this package's wheel, verified.

    Raises:
        UnsupportedPlatformError: their target is not in the table.
    """
    loaded = wheel_set(toolchain)
    target_of_triple(loaded.manifest.target)
    return loaded.verified_once(settings)


def wheel_text(file: Path) -> str:
    """Read a text file in this package's wheel."""
    return _read(file, wheel_origin(), str)


def proto_dir() -> Path:
    """Return the directory of the protobuf files: always the wheel's."""
    if not PROTO_DIR.is_dir():
        raise MissingLibraryError(wheel_origin().report(message("no-protobuf-files"), PROTO_DIR))
    return PROTO_DIR


def override_set(directory: Path) -> LoadedSet:
    """Load the archives of the directory that TEMPORAL_LIBS_DIR names, not verified yet."""
    origin = override_origin(directory)
    try:
        is_there = directory.is_dir()
    except OSError as error:  # for example because the path is too long
        raise origin.unreadable(directory, error) from None
    if not is_there:
        raise MissingLibraryError(origin.report(message("no-directory"), directory))
    return described_set(directory, origin, may_be_bare=True)


def include_dir(settings: Settings) -> Path:
    """Return the directory of the header.

    It is ``include`` next to the directory that TEMPORAL_LIBS_DIR names, as in a release's tarball
    and in an unpacked wheel, if the header there is the one in the manifest of those archives.
    Otherwise, it is this package's. That is safe: the answers that name an archive report the
    problem, and a program links only with archives of its header's version.
    """
    if settings.override is None:
        return INCLUDE_DIR
    directory = Path(settings.override)
    include = directory.parent / INCLUDE_DIR.name
    with suppress(OSError, ValueError):
        header = include / HEADER.name
        recorded = parse_manifest(read_text(directory / MANIFEST_NAME)).header_sha256
        owners = trusted_owners(directory)
        # The compiler can also include other files of the directory.
        is_guarded = all(_is_guarded(path, owners) for path in (include, header))
        if is_guarded and sha256_of(header) == recorded:
            return include
    return INCLUDE_DIR


def _is_guarded(path: Path, owners: set[int]) -> bool:
    """Return whether no other user can change a file, or add one to a directory."""
    status = os.stat(path)
    # The owner of a link can change its target before the answer is used.
    is_owned = all(is_owned_by(it, owners) for it in (os.lstat(path), status))
    return is_owned and writers(path, status) != "all" and not takes_files_of_all(status)


def described_set(directory: Path, origin: Origin, *, may_be_bare: bool = False) -> LoadedSet:
    """Load a directory of archives, their checksums and their manifest, not verified yet.

    Args:
        directory: the directory, absolute.
        origin: where the archives came from.
        may_be_bare: whether the manifest is optional.
    """
    record, description = directory / CHECKSUMS_NAME, directory / MANIFEST_NAME
    is_bare = may_be_bare and not os.path.lexists(description)
    records = _stat_before_reading(*[record] if is_bare else [record, description])
    checksums = _read(record, origin, parse_checksums)
    if is_bare:
        manifest = _synthesize_manifest(directory, checksums, origin)
    else:
        manifest = _read(description, origin, parse_manifest)
        _check_consistent(manifest, checksums, record, origin)
    sizes = {library.file: library.size for library in manifest.libraries}
    files = tuple(
        RecordedFile(directory / file, sha256, sizes.get(file), record)
        for file, sha256 in checksums.items()
    )
    return LoadedSet(origin, directory, manifest, files, trusted=directory, records=records)


def _stat_before_reading(*records: Path) -> Receipt:
    # Before, so that a file that is replaced meanwhile does not match the receipt.
    with suppress(OSError):  # reading reports it better
        return identities(records[0].parent, [record.name for record in records])
    return {}


def _check_consistent(
    manifest: Manifest, checksums: dict[str, str], record: Path, origin: Origin
) -> None:
    for library in manifest.libraries:
        if checksums.get(library.file) != library.sha256:
            problem = message("records-disagree", file=library.file)
            raise ChecksumMismatchError(origin.report(problem, record))


def _synthesize_manifest(directory: Path, checksums: dict[str, str], origin: Origin) -> Manifest:
    """Make a manifest for archives that have only checksums.

    They are another build of the wheel's archives, so the data for linking is that of the wheel's
    manifest. How they were built is unknown.
    """
    ours = wheel_set().manifest
    known = [library for library in ours.libraries if library.file in checksums]
    if not known:
        names = ", ".join(library.file for library in ours.libraries)
        problem = message("no-known-archive", known=names)
        raise MissingLibraryError(origin.report(problem, directory / CHECKSUMS_NAME))
    libraries = tuple(
        replace(
            library,
            sha256=checksums[library.file],
            size=_size(directory / library.file, origin),
            api_functions=None,
        )
        for library in known
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
        raise origin.unreadable(file, error) from None


def _read(file: Path, origin: Origin, parse: Callable[[str], _T]) -> _T:
    try:
        return parse(read_text(file))
    except OSError as error:
        raise origin.unreadable(file, error) from None
    except ValueError as error:
        problem = message("damaged", name=file.name, reason=error)
        raise MissingLibraryError(origin.report(problem, file)) from None
