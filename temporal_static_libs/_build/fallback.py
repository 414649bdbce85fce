"""The archives compiled on this machine: reused if they are of these sources, else made anew."""

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
from .._library_set import HEADER, PACKAGE_DIR, LoadedSet, described_set, wheel_set
from .._manifest import Manifest
from .._origin import FALLBACK, Origin, Reason, compiled_origin, wheel_origin
from .._settings import CACHE_DIRECTORY, TARGET, Settings
from .._targets import Target, target_of_triple
from .advice import unexpected, when_a_setting_asked
from .host import target_of_host
from .lock import exclusive
from .pipeline import build
from .record import recording
from .source_hash import rust_sources_sha256
from .source_tree import Output, Sources, sources_of_package

# Of a file system that a compile has failed on: so little that it was probably full.
_LITTLE_SPACE = 64 << 20  # bytes


class NotReusableError(Exception):
    """There is no compiled set, or it is of something else. The message says why."""


@dataclass(frozen=True)
class CompiledSet:
    """What a set of compiled archives has to be.

    Attributes:
        cache: the cache directory.
        directory: the set's own, in it.
        target: what the archives are for.
        profile: the Cargo profile they are compiled with.
        sources: what they are made of.
        sources_sha256: its hash.
        header_sha256: that of the C header that belongs to them.
        reason: why they are wanted.
    """

    cache: Path
    directory: Path
    target: Target
    profile: str
    sources: Sources
    sources_sha256: str
    header_sha256: str
    reason: Reason

    @property
    def origin(self) -> Origin:
        """For messages about the set."""
        return compiled_origin(self.directory, self.reason.setting)

    @property
    def scratch(self) -> Path:
        """What is half made. Another version's is here, too: one compiles at a time."""
        return self.cache / "compiling"

    def reuse(self) -> LoadedSet:
        """The set as it is in the cache, not verified yet. Nothing is written.

        Raises:
            NotReusableError: there is none, or it is of something else.
            CompileError: somebody else could have put it there.
            MissingLibraryError: what describes it is absent or unreadable.
            ChecksumMismatchError: its manifest and checksums contradict each other.
        """
        refuse_if_not_own(self.cache, may_be_link=True)
        for directory in (self.directory.parent, self.directory):
            refuse_if_not_own(directory)
        if not self.directory.exists():
            raise NotReusableError("there are none yet")
        loaded = described_set(self.directory, self.origin)
        other = self._what_is_other(loaded.manifest)
        if other is not None:
            raise NotReusableError(f"those that are there are of {other}")
        return loaded

    def _what_is_other(self, manifest: Manifest) -> str | None:
        if manifest.version != __version__:
            return f"temporal-static-libs {manifest.version}"
        if manifest.target != self.target.triple:
            return f"the target {manifest.target}"
        if manifest.cargo_profile != self.profile:
            return f"the Cargo profile {manifest.cargo_profile}, not {self.profile}"
        if manifest.rust_sources_sha256 != self.sources_sha256:
            return "other Rust sources"
        if manifest.header_sha256 != self.header_sha256:
            return "another C header"
        return None


def compiled_set(settings: Settings, reason: Reason) -> LoadedSet:
    """The archives compiled on this machine, verified; compiled now if there are none to reuse.

    What cargo and this function have to tell goes to stderr.

    Args:
        settings: usually `Settings.from_environ()`.
        reason: why they are wanted.

    Raises:
        CompileError: they cannot be compiled, or the cache is not to be trusted.
        UnsupportedPlatformError: there is no way to compile for the target.
        SettingError: a setting of the build holds a value it does not know.
    """
    wanted = describe_wanted(settings, reason)
    with suppress(NotReusableError, MissingLibraryError, ChecksumMismatchError):
        return wanted.reuse().verified_once(settings)
    make_own_directory(wanted.cache, may_be_link=True)
    with exclusive(wanted.cache):
        try:
            return wanted.reuse().verified_once(settings)  # what another process has made meanwhile
        except NotReusableError as why:
            _tell_that_it_compiles(wanted, str(why))
        except (MissingLibraryError, ChecksumMismatchError) as error:
            _remove(wanted.directory)
            problem = str(error).partition("\n")[0]
            _tell_that_it_compiles(wanted, f"those that were there are removed, because {problem}")
        _compile(wanted, settings)
        try:
            return wanted.reuse().verified_once(settings)
        except NotReusableError as why:
            raise unexpected(f"{why}, although they have just been compiled") from None


def describe_wanted(settings: Settings, reason: Reason) -> CompiledSet:
    """Settle which compiled set it would be. Nothing is written, and no toolchain is needed.

    Args:
        settings: what names target and Cargo profile.
        reason: why it is wanted.

    Raises:
        CompileError: there are no sources to compile, or no place for what would come of them.
        UnsupportedPlatformError: the target is not in the table.
    """
    target = _target(settings)
    cache = Path(cache_directory(settings))
    sources = sources_of_package(PACKAGE_DIR.absolute())
    try:
        return CompiledSet(
            cache=cache,
            directory=cache / f"v{__version__}" / target.platform,
            target=target,
            profile=settings.cargo_profile,
            sources=sources,
            sources_sha256=rust_sources_sha256(sources),
            header_sha256=sha256_of(HEADER),
            reason=reason,
        )
    except OSError as error:
        raise CompileError(
            f"the package's own sources cannot be read: {error.strerror}\n"
            f"  file:   {error.filename}\n"
            f"  mend:   {wheel_origin().mend}"
        ) from None


def tell_that_wheel_is_broken(error: TemporalStaticLibsError) -> None:
    """Say why the wheel's own archives are not used, before others are."""
    notice(
        f"temporal-static-libs: the wheel's own archives cannot be used: {error}\n"
        f"{FALLBACK.setting}: archives compiled on this machine are used instead"
    )


def _target(settings: Settings) -> Target:
    if settings.target is not None:
        try:
            return target_of_triple(settings.target)
        except UnsupportedPlatformError as error:
            raise UnsupportedPlatformError(f"{TARGET}: {error}") from None
    try:
        # Of the wheel, not of this machine: it may have been unpacked for cross-compiling.
        return target_of_triple(wheel_set().manifest.target)
    except TemporalStaticLibsError:
        return target_of_host()


def _tell_that_it_compiles(wanted: CompiledSet, why: str) -> None:
    notice(
        f"temporal-static-libs: compiling archives for {wanted.target.platform}, which takes 10 "
        f"minutes and more\n"
        f"  asked for by: {wanted.reason.setting}\n"
        f"  in:           {wanted.directory}\n"
        f"  because:      {why}"
    )


def _compile(wanted: CompiledSet, settings: Settings) -> None:
    make_own_directory(wanted.directory.parent)
    make_own_directory(wanted.scratch)
    output = Output(
        directory=wanted.directory,
        scratch=wanted.scratch / "set",
        # Where the package is, cargo may not be able to write.
        target_directory=wanted.scratch / "target",
        private=True,
        # Cargo goes by the times of files, and those of another version may be newer: with this it
        # goes by what is in them.
        workspace_id=wanted.sources_sha256,
    )
    ways_out = when_a_setting_asked(wanted.reason.setting, wanted.reason.instead)
    try:
        with recording(__version__, settings) as recorder:
            build(
                wanted.sources,
                output,
                __version__,
                settings,
                recorder,
                target=wanted.target.triple,
                ways_out=ways_out,
            )
    except CompileError as error:
        raise CompileError(f"{error}{_shortage(wanted, settings)}") from None
    except OSError as error:
        problem = not_usable(wanted.cache, error)
        raise CompileError(f"{problem}{_shortage(wanted, settings)}") from None
    finally:
        for directory in (wanted.scratch, wanted.directory.parent):
            with suppress(OSError):
                directory.rmdir()  # if nothing was begun
    # Kept until here, so that a compile that was interrupted need not begin anew; it is large.
    shutil.rmtree(wanted.scratch, ignore_errors=True)


def _shortage(wanted: CompiledSet, settings: Settings) -> str:
    """Whether the disk is full, which cargo says somewhere among other messages, if at all."""
    places = {
        CACHE_DIRECTORY: wanted.cache,
        "CARGO_TARGET_DIR": Path(settings.environ.get("CARGO_TARGET_DIR") or wanted.cache),
        "TMPDIR": Path(tempfile.gettempdir()),
    }
    for variable, place in places.items():
        with suppress(OSError):
            free = shutil.disk_usage(place).free
            if free < _LITTLE_SPACE:
                return (
                    f"\n  disk:   {place} has only {free >> 20} MB left; a compile needs 2 GB\n"
                    f"  mend:   make room, or set {variable} to a directory with room; what has "
                    f"been compiled so far is in {wanted.scratch}, if anything"
                )
    return ""


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CompileError(not_usable(directory, error)) from None
