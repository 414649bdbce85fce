"""Which archives are in force: TEMPORAL_LIBS_DIR's, those compiled on this machine, the wheel's."""

from __future__ import annotations

from pathlib import Path

from ._archives import InForce, override_set, usable_wheel_set, wheel_set
from ._errors import TemporalStaticLibsError
from ._settings import Settings


def locate(settings: Settings) -> InForce:
    """Find the archives in force. Only where they had to be verified to know are they verified yet.

    If the environment asks for archives compiled on this machine, and there are none to reuse, they
    are compiled, which takes minutes; the progress goes to stderr.

    Args:
        settings: usually `Settings.from_environ()`.

    Raises:
        CompileError: archives had to be compiled, and could not be.
        MissingLibraryError: what describes the archives is absent or unreadable.
        ChecksumMismatchError: an override's manifest and checksums contradict each other.
        UnsupportedPlatformError: archives had to be compiled, for a target not in the table.
    """
    if settings.override is not None:
        return override_set(Path(settings.override))
    if not settings.prebuilt:
        # Here and not above: what compiles is a package of its own, which most calls do without.
        from ._compiled import ASKED_FOR, compiled_set

        return compiled_set(settings, ASKED_FOR)
    if settings.fall_back:
        return _wheel_or_compiled(settings)
    return wheel_set()


def _wheel_or_compiled(settings: Settings) -> InForce:
    try:
        return usable_wheel_set(settings)
    except TemporalStaticLibsError as error:
        from ._compiled import FALLBACK, compiled_set, tell_that_wheel_is_broken

        tell_that_wheel_is_broken(error)
        return compiled_set(settings, FALLBACK)
