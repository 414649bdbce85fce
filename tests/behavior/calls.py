"""The recorded calls: every option, every function."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PACKAGE = "temporal_static_libs"
COMMAND = "temporal-libs-config"
MODULE = f"python -m {PACKAGE}"

Call = tuple[str, ...]
"""`COMMAND` or `MODULE` with options, or `PACKAGE` with a function and its arguments; a keyword
argument is written as ``static=yes``.

`PACKAGE` alone stands for the exports of the Python API.
"""

ALONE = ("--help", "--doctor", "--zig")
"""Options without a value that cannot be combined with others."""
DIRECTORY = "a-directory"
"""The value of options that take a directory."""
WITH_FILES = ("--cmakedir", "--pkgconfigdir")
"""Options that answer with a directory of generated files."""


def calls(*lines: str) -> tuple[Call, ...]:
    """Parse calls, one per line: options of the command, or a function and its arguments."""
    words = (line.split() for line in lines)
    return tuple((COMMAND if each[0].startswith("-") else PACKAGE, *each) for each in words)


@dataclass(frozen=True)
class Interface:
    """The options and functions that can be called.

    Attributes:
        flags: options without a value.
        choices: the values of the others.
        functions: the parameters of each exported function.
    """

    flags: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]]
    functions: Mapping[str, tuple[str, ...]]

    @property
    def components(self) -> tuple[str, ...]:
        """The values of ``--component``."""
        return self.choices["--component"]

    @property
    def combined(self) -> tuple[str, ...]:
        """The options that can be combined."""
        return tuple(flag for flag in self.flags if flag not in ALONE)

    def of_every_state(self) -> Iterator[Call]:
        """Every option and every function; all options at once, for each component."""
        for flag in self.flags:
            yield COMMAND, flag
        for option, values in self.choices.items():
            for value in values:
                yield COMMAND, option, value
        yield COMMAND, *self.combined
        for component in self.components:
            yield COMMAND, *self.combined, "--component", component
        for flag in ALONE:
            yield COMMAND, flag, "--json"
        for function, parameters in self.functions.items():
            yield PACKAGE, function
            first = (DIRECTORY,) if "directory" in parameters else ()
            if "toolchain" in parameters:
                yield PACKAGE, function, *first, "toolchain=gnu"
            if "component" in parameters:
                for component in (*self.components, "nonsense"):
                    yield PACKAGE, function, *first, component
            if "static" in parameters:
                yield PACKAGE, function, "static=yes"

    def of_usage(self) -> Iterator[Call]:
        """Every option with every component; options that cannot be combined; no options."""
        for flag in self.flags:
            for component in self.components:
                yield COMMAND, "--component", component, flag
            yield COMMAND, "--doctor", flag
            yield COMMAND, flag, "--version", flag
        alone = [f"{option} {values[0]}" for option, values in self.choices.items()]
        for option in (*ALONE, *alone):
            yield from calls(*(f"{option} {other}" for other in (*ALONE, *alone, "--libdir")))
        for option in self.choices:
            yield from calls(option, f"{option} nonsense", f"{option}= --version")
        yield from calls("--libdir=x", "--lib", "-l", "-h", "--libs x", "--libs --nonsense")
        yield (COMMAND,)


def parse_options(text: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Read the options from a help text, so that none is missed.

    Returns:
        Options without a value; other options with their possible values.

    Raises:
        SystemExit: an option takes values that the text does not list, so it would not be
            recorded.
    """
    flags: list[str] = []
    choices: dict[str, tuple[str, ...]] = {}
    for option, value in re.findall(r"^  (?:-\w, )?(--[\w-]+)(?: (\S+))?(?=  |$)", text, re.M):
        if not value:
            flags.append(option)
        elif value.startswith("{"):
            choices[option] = tuple(value.strip("{}").split(","))
        elif value == "DIRECTORY":
            choices[option] = (DIRECTORY,)
        else:
            sys.exit(f"behavior: {option} takes any {value}: add calls for it to {__file__}")
    return tuple(flags), choices


def parse_functions(exports: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Read the parameters of each function from the exports of the Python API.

    Args:
        exports: descriptions by name; that of a function is its signature.

    Raises:
        SystemExit: a function has a parameter without a known value.
    """
    functions: dict[str, tuple[str, ...]] = {}
    for name, text in exports.items():
        if text.startswith(f"{name}("):
            parameters = tuple(re.findall(r"(\w+):", text.partition(" -> ")[0]))
            if set(parameters) - {"component", "directory", "static", "toolchain"}:
                sys.exit(f"behavior: {text} has a new parameter: add calls for it to {__file__}")
            functions[name] = parameters
    return functions
