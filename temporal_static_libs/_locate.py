"""Which archives are in force: those of the wheel, or of the directory TEMPORAL_LIBS_DIR names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ._checksums import parse_checksums
from ._errors import ChecksumMismatchError, CompileError, MissingLibraryError
from ._manifest import CHECKSUMS_NAME, MANIFEST_NAME, Manifest, ManifestLibrary, parse_manifest
from ._origin import Origin, override_origin, wheel_origin
from ._settings import read_settings
from ._verify import RecordedFile, verify_files

PACKAGE_DIR = Path(__file__).parent
INCLUDE_DIR = PACKAGE_DIR / "include"
HEADER = INCLUDE_DIR / "temporal-sdk-core-c-bridge.h"
WHEEL_LIB_DIR = PACKAGE_DIR / "lib"


@dataclass(frozen=True)
class InForce:
    """The archives that every answer is about.

    Attributes:
        origin: where they came from.
        directory: where they are, absolute.
        manifest: what they are.
        files: what has to hold before an answer may name one of them.
    """

    origin: Origin
    directory: Path
    manifest: Manifest
    files: tuple[RecordedFile, ...]

    def verify(self) -> None:
        """Compare every file with its record.

        Raises:
            MissingLibraryError: one is absent, or cannot be read.
            ChecksumMismatchError: one is not what was recorded.
        """
        verify_files(self.files, self.origin)

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

    def archive(self, library: ManifestLibrary) -> Path:
        """The absolute path of an archive."""
        return self.directory / library.file


def locate(environ: Mapping[str, str]) -> InForce:
    """Find the archives in force. They are not verified yet.

    Args:
        environ: usually `os.environ`.

    Raises:
        SettingError: a variable holds a value it does not know.
        CompileError: the variables ask for archives compiled on this machine.
        MissingLibraryError: what describes the archives is absent or unreadable.
        ChecksumMismatchError: an override's manifest and checksums contradict each other.
    """
    settings = read_settings(environ)
    if settings.override is not None:
        return _override(settings.override)
    if not settings.prebuilt:
        raise _cannot_compile("USE_PREBUILT_LIBS=false", "unset USE_PREBUILT_LIBS")
    if settings.fall_back:
        raise _cannot_compile("TEMPORAL_LIBS_FALLBACK=compile", "unset TEMPORAL_LIBS_FALLBACK")
    return _wheel()


def _wheel() -> InForce:
    origin = wheel_origin()
    manifest = _read_manifest(WHEEL_LIB_DIR / MANIFEST_NAME, origin)
    return InForce(
        origin=origin,
        directory=WHEEL_LIB_DIR,
        manifest=manifest,
        files=tuple(
            RecordedFile(WHEEL_LIB_DIR / library.file, library.sha256, library.size)
            for library in manifest.libraries
        ),
    )


def _override(directory: Path) -> InForce:
    origin = override_origin(directory)
    if not directory.is_dir():
        raise MissingLibraryError(origin.report("the directory does not exist", directory))
    checksums = _read_checksums(directory / CHECKSUMS_NAME, origin)
    if (directory / MANIFEST_NAME).exists():
        manifest = _read_manifest(directory / MANIFEST_NAME, origin)
        _must_agree(manifest, checksums, directory, origin)
    else:
        manifest = _describe_bare(directory, checksums, origin)
    sizes = {library.file: library.size for library in manifest.libraries}
    return InForce(
        origin=origin,
        directory=directory,
        manifest=manifest,
        files=tuple(
            RecordedFile(directory / file, sha256, sizes.get(file))
            for file, sha256 in checksums.items()
        ),
    )


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
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(file, origin, error) from None


def _unreadable(file: Path, origin: Origin, error: OSError) -> MissingLibraryError:
    absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
    state = "is missing" if absent else f"cannot be read: {error.strerror}"
    return MissingLibraryError(origin.report(f"{file.name} {state}", file))


def _invalid(file: Path, origin: Origin, error: ValueError) -> MissingLibraryError:
    return MissingLibraryError(origin.report(f"{file.name} is damaged: {error}", file))


def _cannot_compile(asked: str, mend: str) -> CompileError:
    return CompileError(
        f"{asked} asks for archives compiled on this machine, which this version cannot do\n"
        f"  mend:   {mend}"
    )
