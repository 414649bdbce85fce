"""`temporal-libs-config`: answers for build systems, one line per option, in the order given."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from .. import _messages
from .._about import PROJECT_URL
from .._components import COMPONENTS, DEFAULT_COMPONENT, component_named
from .._console import EXIT_BROKEN, EXIT_USAGE, PROG, emit_outputs, notice, report
from .._errors import SettingError, TemporalStaticLibsError
from .._integration.paths import LINES, refuse_characters
from .._layout import TOOLCHAINS
from .._library_set import COMPLETION_DIR, ZIG_HELPER, wheel_text
from .._messages import did_you_mean, message
from .._metrics import recorded
from .._origin import refuse_zip
from .._settings import Settings
from .options import ANSWERS, FLAGS, INFORMATION, PATHS, Answers
from .script import refuse_other_copy

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_EXIT_INTERRUPTED = 130  # 128 plus the number of SIGINT, as in a shell

_STATIC = "--static"
_SHARED = "--shared"
_TOOLCHAIN = "--toolchain"
_DOCTOR = "--doctor"
_ZIG = "--zig"
_COMPLETION = "--completion"

SHELLS = ("bash", "fish", "zsh")
"""The shells that have a completion script."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        report(_messages.message("usage", problem=message))
        sys.exit(EXIT_USAGE)

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        # Like answers: the reader may have closed the pipe, and the disk may be full.
        status = emit_outputs(self.format_help().splitlines())
        if status:
            sys.exit(status)


class _Once(argparse.Action):
    """An option that applies to the whole call and may be given only once."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(message("option-twice", option=option_string))
        setattr(namespace, self.dest, values)


class _Query(_Once):
    """An option that takes a value and prints an answer."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        super().__call__(parser, namespace, values, option_string)
        namespace.queries = [*namespace.queries, option_string]


def _component(spelling: str) -> str:
    try:
        return component_named(spelling).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Wraps the help of options for the terminal, but never wider than 80 columns."""

    def __init__(self, prog: str) -> None:
        # Imported here, because only the help needs it.
        import shutil

        # Like argparse, leave the last two columns empty.
        super().__init__(prog, width=min(shutil.get_terminal_size().columns, 80) - 2)


_DESCRIPTION = """\
Print compiler and linker settings for Temporal's static libraries, one line per
option, in the order given."""

_EPILOG = f"""\
environment variables that select the libraries:
  TEMPORAL_LIBS_DIR=DIRECTORY     use the libraries in this directory
  USE_PREBUILT_LIBS=false         compile the libraries on this machine
  TEMPORAL_LIBS_FALLBACK=compile  compile them if the packaged ones are damaged

examples:
  cc bridge.c $({PROG} --cflags --ldflags --libs) -o bridge
  cmake -B build -D TemporalStaticLibs_DIR="$({PROG} --cmakedir)"

exit status: 0 if successful; 1 if a library is missing or damaged, or {_DOCTOR}
finds a problem; 2 for a usage error or an invalid environment variable.

{PROJECT_URL}"""


def command_line_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    components = [component.name for component in COMPONENTS]
    parser = _Parser(
        prog=PROG,
        usage=f"%(prog)s OPTION... [--component {{{','.join(components)}}}] [--static]\n"
        f"                            [{_TOOLCHAIN} {{{','.join(TOOLCHAINS)}}}]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Formatter,
        allow_abbrev=False,
        add_help=False,  # `_add_commands` adds it to a group.
    )
    _add_queries(parser, "compiler and linker flags", FLAGS)
    paths = _add_queries(parser, "directories and files", PATHS)
    paths.add_argument(
        _SHARED,
        action=_Query,
        metavar="DIRECTORY",
        help="link a shared library into DIRECTORY, print its path",
    )
    _add_queries(parser, "information about the libraries", INFORMATION)
    _add_selectors(parser.add_argument_group("select the library"), components)
    _add_commands(parser.add_argument_group("commands that take no other options"))
    parser.set_defaults(queries=[])
    return parser


def _add_queries(
    parser: argparse.ArgumentParser, title: str, options: Mapping[str, str]
) -> argparse._ArgumentGroup:
    group = parser.add_argument_group(title)
    for name, text in options.items():
        group.add_argument(name, action="append_const", dest="queries", const=name, help=text)
    return group


def _add_selectors(group: argparse._ArgumentGroup, components: Sequence[str]) -> None:
    group.add_argument(
        "--component",
        action=_Once,
        type=_component,
        choices=components,
        help=f"client has no workers or test servers (default: {DEFAULT_COMPONENT.name})",
    )
    group.add_argument(
        _STATIC,
        action="store_true",
        help="for a program linked with -static or -static-pie",
    )
    group.add_argument(
        _TOOLCHAIN,
        action=_Once,
        choices=TOOLCHAINS,
        help="for Windows: gnu is for MinGW and Zig, msvc for Visual C++ "
        f"(default: {TOOLCHAINS[0]}, or the only one available)",
    )


def _add_commands(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        _DOCTOR,
        action="store_true",
        help="check the installation (with --json: as JSON)",
    )
    group.add_argument(
        _ZIG,
        action="store_true",
        help="print temporal_libs.zig, to copy next to build.zig",
    )
    group.add_argument(
        _COMPLETION,
        action=_Once,
        choices=SHELLS,
        help="print a completion script for the shell",
    )
    group.add_argument("-h", "--help", action="help", help="print this help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; None for those of the process.

    Returns:
        The exit status: 0; 1 if a library is missing or damaged; 2 for an invalid environment
        variable; 130 if the user interrupted a compile. Wrong usage raises SystemExit with 2.
    """
    parser = command_line_parser()
    given = sys.argv[1:] if argv is None else argv
    if not given:
        notice(parser.format_help(), end="")
        return EXIT_USAGE
    arguments = _parsed(parser, given)
    _reject_conflicting_options(parser, arguments)
    component = arguments.component or DEFAULT_COMPONENT.name
    try:
        refuse_other_copy(sys.argv[0])
        if arguments.queries != ["--version"]:
            refuse_zip()
        if arguments.doctor:
            return _doctor(Settings.from_environ(), as_json="--json" in arguments.queries)
        if arguments.zig:
            return emit_outputs(wheel_text(ZIG_HELPER).splitlines())
        if arguments.completion:
            script = COMPLETION_DIR / f"{PROG}.{arguments.completion}"
            return emit_outputs(wheel_text(script).splitlines())
        settings = Settings.from_environ()
        with recorded(settings) as resolution:
            answers = Answers(
                component,
                settings,
                resolution,
                static=arguments.static,
                shared=arguments.shared,
                toolchain=arguments.toolchain,
            )
            if arguments.toolchain:
                _ = answers.loaded  # An error if there are no archives for the toolchain.
            lines = [ANSWERS[query](answers) for query in arguments.queries]
        for query, line in zip(arguments.queries, lines, strict=True):
            refuse_characters(line, LINES, query, "--json")
    except SettingError as error:
        report(str(error))
        return EXIT_USAGE
    except TemporalStaticLibsError as error:
        report(str(error))
        return EXIT_BROKEN
    except KeyboardInterrupt:
        report(message("interrupted"))
        return _EXIT_INTERRUPTED
    return emit_outputs(lines)


def _parsed(parser: argparse.ArgumentParser, given: Sequence[str]) -> argparse.Namespace:
    arguments, unknown = parser.parse_known_args(given)
    if unknown:
        option = unknown[0].partition("=")[0]
        known = parser._option_string_actions  # argparse has no public list of them
        hint = did_you_mean(option, known)
        parser.error(message("unknown-arguments", arguments=" ".join(unknown), hint=hint))
    return arguments


def _reject_conflicting_options(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> None:
    modifiers = {
        "--component": arguments.component,
        _STATIC: arguments.static,
        _TOOLCHAIN: arguments.toolchain,
    }
    others = {*arguments.queries, *(option for option, is_given in modifiers.items() if is_given)}
    alone = {_DOCTOR: arguments.doctor, _ZIG: arguments.zig, _COMPLETION: arguments.completion}
    given = [option for option, is_given in alone.items() if is_given]
    if not given and not arguments.queries:
        parser.error(message("no-option"))
    if arguments.static and arguments.shared is not None:
        parser.error(message("shared-and-static"))
    if arguments.shared == "":
        parser.error(message("shared-nowhere"))
    if given == [_DOCTOR] and others - {"--json"}:
        parser.error(message("doctor-and-others"))
    if given and given != [_DOCTOR] and (others or given[1:]):
        parser.error(message("not-combinable", option=given[0]))


def _doctor(settings: Settings, *, as_json: bool) -> int:
    # Imported here, because no other option needs so many modules.
    from .doctor import examine

    findings = list(examine(settings))
    is_well = all(finding.is_well for finding in findings)
    report = {"ok": is_well, "findings": [finding.to_dict() for finding in findings]}
    written = emit_outputs([json.dumps(report)] if as_json else map(str, findings))
    return written if is_well else EXIT_BROKEN
