"""Selection of the active archives, for all answers and for the doctor.

Functions raise CompileError or UnsupportedPlatformError if archives could not be compiled,
MissingLibraryError if a record is absent or unreadable, and ChecksumMismatchError if manifest and
checksums contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ._console import notice
from ._errors import TemporalStaticLibsError
from ._library_set import (
    LoadedSet,
    check_toolchain,
    override_set,
    usable_wheel_set,
    wheel_set,
)
from ._messages import message
from ._origin import ASKED_FOR, FALLBACK, Reason
from ._settings import Settings


@dataclass(frozen=True)
class Choice:
    """The selection.

    Attributes:
        source: ``wheel``, ``override`` or ``compiled``.
        why: the reason, for the doctor's report.
        override: for ``override``, the directory.
        reason: for ``compiled``, the setting that requests it.
        wheels_problem: the problem with the wheel's archives, if it decided the selection.
        wheel: the wheel's archives, if they were loaded for the selection.
        toolchain: for Windows, the toolchain that the archives must be for; None for the default.
    """

    source: str
    why: str
    override: Path | None = None
    reason: Reason | None = None
    wheels_problem: TemporalStaticLibsError | None = None
    wheel: LoadedSet | None = None
    toolchain: str | None = None


def choose(settings: Settings, usable_wheel: Callable[[], LoadedSet]) -> Choice:
    """Select the active archives.

    `usable_wheel` returns the wheel's archives, verified, or raises an error. It is called only if
    the selection depends on it.
    """
    if settings.override is not None:
        override = Path(settings.override)
        return Choice("override", f"TEMPORAL_LIBS_DIR is {override}", override=override)
    if not settings.prebuilt:
        return Choice("compiled", "USE_PREBUILT_LIBS is false", reason=ASKED_FOR)
    default = "it is the default: TEMPORAL_LIBS_DIR is not set, and USE_PREBUILT_LIBS is not false"
    if not settings.fall_back:
        return Choice("wheel", default)
    try:
        wheel = usable_wheel()
    except TemporalStaticLibsError as error:
        why = "TEMPORAL_LIBS_FALLBACK is compile and the wheel's own are broken"
        return Choice("compiled", why, reason=FALLBACK, wheels_problem=error)
    why = f"{default}; TEMPORAL_LIBS_FALLBACK=compile is not needed"
    return Choice("wheel", why, wheel=wheel)


def prepare(settings: Settings, toolchain: str | None = None) -> LoadedSet:
    """Return the active archives, which are verified only if the selection required it.

    If the environment requests archives compiled on this machine, and none can be reused, they are
    compiled, which takes minutes; the progress goes to stderr.

    Args:
        settings: the settings from the environment.
        toolchain: for Windows, ``gnu`` or ``msvc``; None for the default.
    """
    choice = choose(settings, lambda: usable_wheel_set(settings, toolchain))
    choice = replace(choice, toolchain=toolchain)
    if choice.reason is None:
        return inspect(settings, choice)
    # Imported here, because most calls do not compile.
    from ._build.fallback import compiled_set

    if (problem := choice.wheels_problem) is not None:
        notice(message("wheel-unusable", problem=problem, setting=choice.reason.setting))
    return compiled_set(settings, choice.reason, toolchain)


def inspect(settings: Settings, choice: Choice) -> LoadedSet:
    """Return the archives of a choice without compiling or changing anything.

    Raises:
        NotReusableError: archives would have to be compiled.
    """
    if choice.override is not None:
        loaded = override_set(choice.override)
        triple = loaded.manifest.target
        check_toolchain(choice.toolchain, triple, loaded.directory, loaded.origin)
        return loaded
    if choice.reason is not None:
        from ._build.fallback import describe_wanted

        return describe_wanted(settings, choice.reason, choice.toolchain).reuse()
    return choice.wheel or wheel_set(choice.toolchain)
