"""`temporal-libs-config`: answers for build systems, one line an option, in the order given."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NoReturn

from ._archives import (
    COMPLETION_DIR,
    HEADER,
    INCLUDE_DIR,
    PACKAGE_DIR,
    ZIG_DIR,
    ZIG_HELPER,
    InForce,
    wheel_text,
)
from ._components import COMPONENTS, DEFAULT_COMPONENT, component_named
from ._errors import SettingError, TemporalStaticLibsError
from ._flags import (
    compiler_flags,
    framework_flags,
    library_flags,
    linker_flags,
    shell_join,
    system_library_flags,
)
from ._links import TROUBLESHOOTING_URL
from ._locate import locate
from ._manifest import ManifestLibrary
from ._metrics import Resolution, recorded
from ._output import EXIT_BROKEN, EXIT_USAGE, PROG, complain, write
from ._settings import read_settings
from ._targets import TARGETS
from ._version import __version__

_EXIT_INTERRUPTED = 130  # 128 and the number of SIGINT, as a shell has it

_DOCTOR = "--doctor"
_ZIG = "--zig"
_COMPLETION = "--completion"

SHELLS = ("bash", "fish", "zsh")
"""Those that there is completion for."""


class _Answers:
    """What the options of one call are about; found, and verified, once and only if asked for."""

    def __init__(self, component: str, resolution: Resolution) -> None:
        self._component = component
        self._resolution = resolution

    @cached_property
    def in_force(self) -> InForce:
        """The archives, for answers that lead to none of them."""
        self._resolution.begin()
        in_force = locate(os.environ)
        self._resolution.found(in_force)
        return in_force

    @cached_property
    def verified(self) -> InForce:
        """The archives, for answers that lead to one of them."""
        verified = self.in_force.verified_once(os.environ)
        self._resolution.found(verified)
        return verified

    @property
    def library(self) -> ManifestLibrary:
        """The archive of the component that the call is about."""
        return self.in_force.library(self._component)

    def json(self) -> str:
        """The manifest, with what a build needs besides: paths, the source, all platforms."""
        in_force = self.verified
        manifest = in_force.manifest.to_dict()
        for library, entry in zip(in_force.manifest.libraries, manifest["libraries"], strict=True):
            entry["name"] = component_named(library.component).library
            entry["path"] = str(in_force.archive(library))
        added = {
            "source": in_force.origin.source,
            "source_description": in_force.origin.described,
            "prefix": str(PACKAGE_DIR),
            "libdir": str(in_force.directory),
            "includedir": str(INCLUDE_DIR),
            "header": str(HEADER),
            "platforms": [
                {
                    "platform": target.platform,
                    "wheel_tag": target.wheel_tags[0],
                    "zig_target": target.zig_target,
                }
                for target in TARGETS
            ],
            "troubleshooting": TROUBLESHOOTING_URL,
        }
        return json.dumps(added | manifest)

    def cmake_dir(self) -> str:
        """Where the CMake package is."""
        # Here and not above, as for the next one: most calls do without.
        from ._build_system_files import cmake_dir

        return str(cmake_dir(self.verified, os.environ))

    def pkg_config_dir(self) -> str:
        """Where the pkg-config modules are."""
        from ._build_system_files import pkg_config_dir

        return str(pkg_config_dir(self.verified, os.environ))

    def verification(self) -> str:
        """The files that have been compared with their records."""
        verified = self.in_force.verify(os.environ)
        self._resolution.found(verified)
        return f"ok: {' '.join(file.path.name for file in verified.files)}"


_OPTIONS: dict[str, tuple[str, Callable[[_Answers], str]]] = {
    "--version": ("the package's version", lambda a: __version__),
    "--prefix": ("the package's directory", lambda a: str(PACKAGE_DIR)),
    "--libdir": ("the directory of the archives", lambda a: str(a.verified.directory)),
    "--includedir": ("the directory of the C header", lambda a: str(INCLUDE_DIR)),
    "--libs": (
        "linker flags: the archive and the system libraries and frameworks it needs",
        lambda a: shell_join(library_flags(a.verified, a.library)),
    ),
    "--libfiles": (
        "the archive's path, quoted for a shell",
        lambda a: shell_join([str(a.verified.archive(a.library))]),
    ),
    "--system-libs": (
        "only the system libraries of --libs",
        lambda a: shell_join(system_library_flags(a.library)),
    ),
    "--frameworks": (
        "only the Apple frameworks of --libs",
        lambda a: shell_join(framework_flags(a.library)),
    ),
    "--cflags": ("compiler flags", lambda a: shell_join(compiler_flags(INCLUDE_DIR))),
    "--ldflags": (
        "linker flags: the directory, and dropping what nothing uses",
        lambda a: shell_join(linker_flags(a.verified)),
    ),
    "--cmakedir": (
        "the directory of TemporalStaticLibsConfig.cmake",
        lambda a: a.cmake_dir(),
    ),
    "--pkgconfigdir": (
        "the directory of temporal-sdk-core.pc and temporal-client.pc",
        lambda a: a.pkg_config_dir(),
    ),
    "--zigdir": ("the directory of temporal_libs.zig", lambda a: str(ZIG_DIR)),
    "--target": ("the Rust target triple of the archives", lambda a: a.in_force.manifest.target),
    "--platform": ("their platform, as in linux-x64", lambda a: a.in_force.manifest.platform),
    "--abi": ("the ABI id of header and archives", lambda a: a.in_force.manifest.abi),
    "--json": ("all of it as JSON", lambda a: a.json()),
    "--verify": (
        "compare the archives with their checksums, whatever is remembered",
        lambda a: a.verification(),
    ),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        complain(f"{message}\nTry '{PROG} --help'.")
        sys.exit(EXIT_USAGE)


class _Query(argparse.Action):
    """An option to answer. Each time it is given counts."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.queries.append(option_string)


class _Once(argparse.Action):
    """An option that applies to the whole call, so that a second one would contradict it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given more than once")
        setattr(namespace, self.dest, values)


_DESCRIPTION = """\
How to compile and link against Temporal's static libraries: one line an
option, in the order given."""

_EPILOG = f"""\
Directories are printed as they are, flags quoted for a shell. Which archives
are in force, the environment says: TEMPORAL_LIBS_DIR, USE_PREBUILT_LIBS,
TEMPORAL_LIBS_FALLBACK.

examples:
  cc bridge.c $({PROG} --cflags --libs) -o bridge
  {PROG} --cflags --libs | xargs cc -o bridge bridge.c
                        the same, also where a path has a blank
  {PROG} --component client --libs
                        of the archive without the worker
  {PROG} {_ZIG} > temporal_libs.zig
                        what a build.zig needs
  cmake -B build -D TemporalStaticLibs_DIR="$({PROG} --cmakedir)"
  {PROG} {_DOCTOR}
                        what is in force here, why, and whether all is well
  source <({PROG} {_COMPLETION} bash)
                        Tab completes options, in this shell

exit status:
  0   answered
  1   a library is missing or damaged, or {_DOCTOR} found something broken
  2   bad usage, or a bad setting in the environment
On error only {_DOCTOR} prints; the reason is on standard error."""


def command_line_parser() -> argparse.ArgumentParser:
    """The parser of the command's arguments."""
    names = [component.name for component in COMPONENTS]
    parser = _Parser(
        prog=PROG,
        usage=f"%(prog)s OPTION... [--component {{{','.join(names)}}}]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, (text, _) in _OPTIONS.items():
        parser.add_argument(name, action=_Query, nargs=0, default=argparse.SUPPRESS, help=text)
    parser.add_argument(
        "--component",
        action=_Once,
        choices=names,
        help=f"the archive that the whole call is about (default: {DEFAULT_COMPONENT.name})",
    )
    parser.add_argument(
        _DOCTOR,
        action="store_true",
        help="a call of its own: look at all that decides what is in force, one finding a line, or "
        "as JSON with --json; exit status 1 if something is broken",
    )
    parser.add_argument(
        _ZIG,
        action="store_true",
        help="a call of its own: print temporal_libs.zig, for a build.zig to have beside it",
    )
    parser.add_argument(
        _COMPLETION,
        action=_Once,
        choices=SHELLS,
        help="a call of its own: print what has this shell complete these options",
    )
    parser.set_defaults(queries=[])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; those of the process if None.

    Returns:
        The exit status: 0, or 1 if a library is missing or damaged, or 2 for a bad setting in the
        environment, or 130 if the user has had enough of compiling. Bad usage leaves through
        SystemExit, with 2.
    """
    parser = command_line_parser()
    arguments = parser.parse_args(argv)
    _refuse_what_does_not_go_together(parser, arguments)
    component = arguments.component or DEFAULT_COMPONENT.name
    try:
        if arguments.doctor:
            return _doctor(as_json="--json" in arguments.queries)
        if arguments.zig:
            return write(wheel_text(ZIG_HELPER).splitlines())
        if arguments.completion:
            script = COMPLETION_DIR / f"{PROG}.{arguments.completion}"
            return write(wheel_text(script).splitlines())
        read_settings(os.environ)
        with recorded(os.environ) as resolution:
            answers = _Answers(component, resolution)
            lines = [_OPTIONS[query][1](answers) for query in arguments.queries]
    except SettingError as error:
        complain(str(error))
        return EXIT_USAGE
    except TemporalStaticLibsError as error:
        complain(str(error))
        return EXIT_BROKEN
    except KeyboardInterrupt:
        complain("interrupted")
        return _EXIT_INTERRUPTED
    return write(lines)


def _refuse_what_does_not_go_together(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> None:
    others = set(arguments.queries)
    if arguments.component:
        others.add("--component")
    own_calls = {
        _DOCTOR: arguments.doctor,
        _ZIG: arguments.zig,
        _COMPLETION: arguments.completion is not None,
    }
    given = [option for option, is_given in own_calls.items() if is_given]
    if not given and not arguments.queries:
        parser.error("no option is given")
    if given == [_DOCTOR]:
        if others - {"--json"}:
            parser.error(f"{_DOCTOR} is a call of its own, without other options but --json")
    elif given and (others or given[1:]):
        parser.error(f"{given[0]} is a call of its own, without other options")


def _doctor(*, as_json: bool) -> int:
    # Here and not above: no other option needs so much.
    from ._doctor import examine

    findings = examine(os.environ)
    is_well = all(finding.is_well for finding in findings)
    if as_json:
        report = {"ok": is_well, "findings": [finding.to_dict() for finding in findings]}
        written = write([json.dumps(report)])
    else:
        written = write([str(finding) for finding in findings])
    return written if is_well else EXIT_BROKEN
