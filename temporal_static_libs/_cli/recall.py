"""Answers from a receipt, which stores the data for flags and directories.

This module, and those that it imports, import little, because a build runs the command many times.
"""

from __future__ import annotations

import os

from .._about import __version__
from .._console import PROG
from .._errors import SettingError
from .._facts import Facts, plain_component
from .._flags import (
    archive_path,
    compiler_flags,
    framework_flags,
    library_flags,
    linker_flags,
    portable,
    shell_join,
    system_library_flags,
)
from .._receipts import remembered_facts
from .._settings import Settings

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_PREFIX = os.path.dirname(os.path.dirname(__file__))
_LIB = os.path.join(_PREFIX, "lib")

ANSWERS: Mapping[str, Callable[[Any], str]] = {
    "--version": lambda a: __version__,
    "--prefix": lambda a: portable(a.prefix),
    "--libdir": lambda a: portable(a.directory),
    "--includedir": lambda a: portable(a.include_dir),
    "--libs": lambda a: shell_join(
        library_flags(a.directory, a.library, static=a.static, msvc=a.msvc)
    ),
    "--libfiles": lambda a: shell_join([archive_path(a.directory, a.library)]),
    "--system-libs": lambda a: shell_join(
        system_library_flags(a.library, static=a.static, msvc=a.msvc)
    ),
    "--frameworks": lambda a: shell_join(framework_flags(a.library)),
    "--cflags": lambda a: shell_join(compiler_flags(a.include_dir, msvc=a.msvc_header)),
    "--ldflags": lambda a: shell_join(linker_flags(a.gc_flag, msvc=a.msvc)),
    "--target": lambda a: a.manifest.target,
    "--platform": lambda a: a.manifest.platform,
    "--abi": lambda a: a.manifest.abi,
}
"""Option to its answer, from `Facts` or `options.Answers`, which have the same attributes."""


def remembered_answers(arguments: Sequence[str]) -> list[str] | None:
    """Return the answers if a valid receipt contains their data; None to run `command` instead."""
    options = []
    component = toolchain = None
    static = False
    rest = iter(arguments)
    for argument in rest:
        if argument in ANSWERS:
            options.append(argument)
        elif argument == "--static":
            static = True
        elif argument == "--component" and component is None:
            component = next(rest, "")
        elif argument == "--toolchain" and toolchain is None:
            toolchain = next(rest, "")
        else:
            return None
    # Otherwise, the paths of pathlib, which the rest of the package uses, would differ.
    if not options or os.path.normpath(_PREFIX) != _PREFIX:
        return None
    try:
        settings = Settings.from_environ()
        if settings.verify_always or not settings.wheel_only:
            return None
        directory, facts = _remembered(settings, toolchain)
        wanted = "sdk-core" if component is None else plain_component(component)
        kept = Facts(facts, wanted, _PREFIX, directory, static=static)
    except (SettingError, KeyError):  # `command` reports the error
        return None
    answers = [ANSWERS[option](kept) for option in options]
    return None if any("\n" in answer for answer in answers) else answers


def _remembered(settings: Settings, toolchain: str | None) -> tuple[str, Mapping[str, str]]:
    """Return the directory of the wheel's archives, and the facts in its receipt.

    Raises:
        KeyError: there is no directory for the toolchain.
    """
    if toolchain is None and (facts := remembered_facts("wheel", _LIB, settings)):
        return _LIB, facts
    # Imported here, because only wheels for Windows need it.
    from .._layout import toolchain_directories

    directories = toolchain_directories(_LIB)
    directory = directories[next(iter(directories), "") if toolchain is None else toolchain]
    return directory, remembered_facts("wheel", directory, settings)


def is_own(script: str) -> bool:
    """Return whether this package belongs to the script, or no script is running."""
    if os.path.basename(script) != PROG:
        return True
    return any(
        _PREFIX.startswith(os.path.dirname(os.path.dirname(file)) + os.sep)
        for file in (os.path.abspath(script), os.path.realpath(script))
    )
