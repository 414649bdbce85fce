"""Where `temporal-libs-config` starts.

A build asks for directories and flags again and again. While it is remembered that the wheel's
archives have been verified, that is answered here, before anything is loaded that the other
answers need.
"""

from __future__ import annotations

import os
import sys

from .._about import __version__
from .._console import EXIT_BROKEN, PROG, emit_outputs, report, settle
from .._errors import SettingError
from .._facts import Facts
from .._flags import (
    compiler_flags,
    framework_flags,
    library_flags,
    linker_flags,
    shell_join,
    system_library_flags,
)
from .._receipts import remembered_facts
from .._settings import Settings

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .options import Answers

_PREFIX = os.path.dirname(os.path.dirname(__file__))
_LIB = os.path.join(_PREFIX, "lib")


ANSWERS: Mapping[str, Callable[[Answers | Facts], str]] = {
    "--version": lambda a: __version__,
    "--prefix": lambda a: a.prefix,
    "--libdir": lambda a: a.directory,
    "--includedir": lambda a: a.include_dir,
    "--libs": lambda a: shell_join(library_flags(a.directory, a.library)),
    "--libfiles": lambda a: shell_join([os.path.join(a.directory, a.library.file)]),
    "--system-libs": lambda a: shell_join(system_library_flags(a.library)),
    "--frameworks": lambda a: shell_join(framework_flags(a.library)),
    "--cflags": lambda a: shell_join(compiler_flags(a.include_dir)),
    "--ldflags": lambda a: shell_join(linker_flags(a.gc_flag)),
    "--target": lambda a: a.manifest.target,
    "--platform": lambda a: a.manifest.platform,
    "--abi": lambda a: a.manifest.abi,
}
"""Option to its answer, whichever way it is found what the answer is made of."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; those of the process if None.

    Returns:
        The exit status, as `command.main` has it; 1 for what the system does not allow.
    """
    try:
        return _answer(sys.argv[1:] if argv is None else argv)
    except OSError as error:
        # What the system answers where nothing knows better; a message in place of a traceback.
        from .._messages import describe_os_error

        report(describe_os_error(error))
        return EXIT_BROKEN
    finally:
        settle()


def _answer(arguments: Sequence[str]) -> int:
    lines = _remembered_answers(arguments) if _is_own(sys.argv[0]) else None
    if lines is not None:
        return emit_outputs(lines)

    from . import command

    return command.main(arguments)


def _may_recall(settings: Settings) -> bool:
    return settings.wheel_only and not settings.verify_always


def _is_own(script: str) -> bool:
    """Return whether the package is where the script is, or no script is running."""
    if os.path.basename(script) != PROG:
        return True
    return any(
        _PREFIX.startswith(os.path.dirname(os.path.dirname(file)) + os.sep)
        for file in (os.path.abspath(script), os.path.realpath(script))
    )


def _remembered_answers(arguments: Sequence[str]) -> list[str] | None:
    """Answer what can be answered by the receipt alone; None: `command` has to look closer."""
    options = []
    component = None
    rest = iter(arguments)
    for argument in rest:
        if argument in ANSWERS:
            options.append(argument)
        elif argument == "--component" and component is None:
            component = next(rest, "")
        else:
            return None
    # As pathlib has it, which the rest of the package goes by.
    if not options or os.path.normpath(_PREFIX) != _PREFIX:
        return None
    try:
        settings = Settings.from_environ()
        facts = remembered_facts("wheel", _LIB, settings) if _may_recall(settings) else {}
        kept = Facts(facts, "sdk-core" if component is None else component, _PREFIX)
    except (SettingError, KeyError):  # whose message is the command's
        return None
    answers = [ANSWERS[option](kept) for option in options]
    return None if any("\n" in answer for answer in answers) else answers
