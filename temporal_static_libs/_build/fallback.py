"""Archives compiled on this machine: reused if they match the sources, otherwise compiled again.

Errors list the user's options: the command prints them, and functions raise them.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._about import __version__
from .._cache import cache_directory, make_own_directory, not_usable, refuse_if_not_own
from .._checksums import sha256_of
from .._console import notice
from .._errors import (
    ChecksumMismatchError,
    CompileError,
    MissingLibraryError,
    TemporalStaticLibsError,
    UnsupportedPlatformError,
)
from .._library_set import (
    HEADER,
    PACKAGE_DIR,
    LoadedSet,
    check_toolchain,
    described_set,
    wheel_set,
)
from .._manifest import Manifest
from .._messages import message
from .._origin import Origin, Reason, compiled_origin, wheel_origin
from .._settings import CACHE_DIRECTORY, Settings
from .._targets import Target, target_of_triple
from .advice import compile_requested, unexpected
from .host import target_of_host
from .lock import exclusive
from .pipeline import build
from .record import recording
from .source_tree import Output, Sources, rust_sources_sha256, sources_of_package
from .toolchain import NoToolchainError

# If a compile fails with less space left on a file system, it was probably full.
_LOW_SPACE = 64 << 20  # bytes


class NotReusableError(Exception):
    """There is no compiled set, or it does not match. The message gives the reason."""


@dataclass(frozen=True)
class CompiledSet:
    """The required set of compiled archives, and the `reason` why it is requested."""

    settings: Settings
    reason: Reason
    cache: Path
    target: Target
    sources: Sources
    sources_sha256: str
    header_sha256: str

    @property
    def directory(self) -> Path:
        """The set's directory in the cache."""
        return self.cache / f"v{__version__}" / self.target.platform

    @property
    def origin(self) -> Origin:
        """The set's origin, for messages."""
        return compiled_origin(self.directory, self.reason.setting)

    @property
    def scratch(self) -> Path:
        """The directory of incomplete sets of any version: only one process compiles at a time."""
        return self.cache / "compiling"

    def reuse(self) -> LoadedSet:
        """Load the set from the cache without verifying it. Nothing is written.

        Raises:
            NotReusableError: there is no set, or it does not match.
            CompileError: another user could have put it there.
            MissingLibraryError: its manifest or checksums are missing or unreadable.
            ChecksumMismatchError: its manifest and checksums contradict each other.
        """
        refuse_if_not_own(self.cache, may_be_link=True)
        for directory in (self.directory.parent, self.directory):
            refuse_if_not_own(directory)
        if not self.directory.exists():
            raise NotReusableError(message("compiled-none"))
        loaded = described_set(self.directory, self.origin)
        if problem := self._mismatch(loaded.manifest):
            raise NotReusableError(problem)
        return loaded

    def _mismatch(self, manifest: Manifest) -> str:
        if manifest.version != __version__:
            return message("compiled-version-differs", version=manifest.version)
        if manifest.target != self.target.triple:
            return message("compiled-target-differs", target=manifest.target)
        profile, wanted = manifest.cargo_profile, self.settings.cargo_profile
        if profile != wanted:
            return message("compiled-profile-differs", profile=profile, wanted=wanted)
        if manifest.rust_sources_sha256 != self.sources_sha256:
            return message("compiled-sources-differ")
        if manifest.header_sha256 != self.header_sha256:
            return message("compiled-header-differs")
        return ""


def compiled_set(settings: Settings, reason: Reason, toolchain: str | None = None) -> LoadedSet:
    """Return verified archives compiled on this machine; compile them if none can be reused.

    Progress of cargo and of this function goes to stderr.

    Raises:
        CompileError: they cannot be compiled, or the cache is not trusted.
        UnsupportedPlatformError: there is no way to compile for the target.
        SettingError: a setting of the build has an unknown value.
    """
    wanted = describe_wanted(settings, reason, toolchain)
    with suppress(NotReusableError, MissingLibraryError, ChecksumMismatchError):
        return wanted.reuse().verified_once(settings)
    make_own_directory(wanted.cache, may_be_link=True)
    with exclusive(wanted.cache) as lock:
        try:
            return wanted.reuse().verified_once(settings)  # made by another process meanwhile
        except NotReusableError as error:
            why = str(error)
        except (MissingLibraryError, ChecksumMismatchError) as error:
            why = message("compiled-damaged", problem=str(error).partition("\n")[0])
        _compile(wanted, why, lock)
        try:
            return wanted.reuse().verified_once(settings)
        except NotReusableError as error:
            raise unexpected(message("compiled-unusable", reason=error)) from None


def describe_wanted(
    settings: Settings, reason: Reason, toolchain: str | None = None
) -> CompiledSet:
    """Determine which compiled set is needed. Nothing is written, and no compiler is needed.

    Args:
        settings: the environment's settings.
        reason: why the set is requested.
        toolchain: for Windows, ``gnu`` or ``msvc``; None for the wheel's.

    Raises:
        MissingLibraryError: the set would be for another toolchain than the requested one.
        CompileError: there are no sources to compile, or no directory for the result.
        UnsupportedPlatformError: the target is not in the table.
    """
    target = _target(settings, toolchain)
    cache = Path(cache_directory(settings))
    sources = sources_of_package(PACKAGE_DIR.absolute())
    try:
        hashes = rust_sources_sha256(sources), sha256_of(HEADER)
    except OSError as error:
        values = {"reason": error.strerror, "file": error.filename, "fix": wheel_origin().fix}
        raise CompileError(message("sources-unreadable", **values)) from None
    wanted = CompiledSet(settings, reason, cache, target, sources, *hashes)
    # Now, and not after minutes of compiling.
    check_toolchain(toolchain, target.triple, wanted.directory, wanted.origin)
    return wanted


def _target(settings: Settings, toolchain: str | None) -> Target:
    if settings.target is not None:
        try:
            return target_of_triple(settings.target)
        except UnsupportedPlatformError as error:
            problem = message("target-setting-unsupported", problem=error)
            raise UnsupportedPlatformError(problem) from None
    try:
        # The wheel's target, not this machine's: it may have been unpacked for cross-compiling.
        return target_of_triple(wheel_set(toolchain).manifest.target)
    except TemporalStaticLibsError:
        return target_of_host()


def _compile(wanted: CompiledSet, why: str, lock: int | None) -> None:
    what = {"platform": wanted.target.platform, "setting": wanted.reason.setting}
    notice(message("compiling", directory=wanted.directory, reason=why, **what))
    make_own_directory(wanted.directory.parent)
    make_own_directory(wanted.scratch)
    output = Output(
        directory=wanted.directory,
        scratch=wanted.scratch / "set",
        # The package's directory may be read-only.
        target_directory=wanted.scratch / "target",
        private=True,
        # Cargo compares the times of files, and another version's may be newer. With this ID, the
        # sources' contents decide.
        workspace_id=wanted.sources_sha256,
    )
    try:
        with recording(wanted.settings) as recorder:
            triple = wanted.target.triple
            build(wanted.sources, output, wanted.settings, recorder, triple, lock=lock)
    except (CompileError, OSError) as error:
        problem = str(error)
        if isinstance(error, NoToolchainError):
            problem += f"\n\n{compile_requested(error.minimum, wanted.reason)}"
        elif isinstance(error, OSError):
            problem = not_usable(wanted.cache, error)
        raise CompileError(f"{problem}{_shortage(wanted)}") from None
    finally:
        for directory in (wanted.scratch, wanted.directory.parent):
            with suppress(OSError):
                directory.rmdir()  # if nothing was compiled
    # Kept until now so that an interrupted compile can resume; it is large.
    shutil.rmtree(wanted.scratch, ignore_errors=True)


def _shortage(wanted: CompiledSet) -> str:
    """Return lines about a full disk, which cargo hardly mentions."""
    places = {
        CACHE_DIRECTORY: wanted.cache,
        "CARGO_TARGET_DIR": wanted.settings.environ.get("CARGO_TARGET_DIR") or wanted.cache,
        "TMPDIR": tempfile.gettempdir(),
    }
    for variable, place in places.items():
        with suppress(OSError):
            free = shutil.disk_usage(place).free
            if free < _LOW_SPACE:
                where = {"place": place, "variable": variable, "scratch": wanted.scratch}
                return "\n" + message("disk-full", free=free >> 20, **where)
    return ""
