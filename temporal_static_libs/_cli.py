"""`temporal-libs-config`: answers for build systems, one line an option, in the order given."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NoReturn

from ._archives import HEADER, INCLUDE_DIR, PACKAGE_DIR, InForce
from ._components import COMPONENTS, DEFAULT_COMPONENT
from ._errors import SettingError, TemporalStaticLibsError
from ._flags import (
    compiler_flags,
    framework_flags,
    library_flags,
    linker_flags,
    shell_join,
    system_library_flags,
)
from ._locate import locate
from ._manifest import ManifestLibrary
from ._settings import read_settings
from ._version import __version__

PROG = "temporal-libs-config"

_EXIT_BROKEN = 1
_EXIT_USAGE = 2
_EXIT_INTERRUPTED = 130  # 128 and the number of SIGINT, as a shell has it

_DOCTOR = "--doctor"


class _Answers:
    """What the options of one call are about; found, and verified, once and only if asked for."""

    def __init__(self, component: str) -> None:
        self._component = component

    @cached_property
    def in_force(self) -> InForce:
        """The archives, for answers that lead to none of them."""
        return locate(os.environ)

    @cached_property
    def verified(self) -> InForce:
        """The archives, for answers that lead to one of them."""
        self.in_force.verify()
        return self.in_force

    @property
    def library(self) -> ManifestLibrary:
        """The archive of the component that the call is about."""
        return self.in_force.library(self._component)

    def json(self) -> str:
        """The manifest, with absolute paths and the source added."""
        in_force = self.verified
        manifest = in_force.manifest.to_dict()
        for library, entry in zip(in_force.manifest.libraries, manifest["libraries"], strict=True):
            entry["path"] = str(in_force.archive(library))
        paths = {
            "source": in_force.origin.source,
            "prefix": str(PACKAGE_DIR),
            "libdir": str(in_force.directory),
            "includedir": str(INCLUDE_DIR),
            "header": str(HEADER),
        }
        return json.dumps(paths | manifest)

    def verification(self) -> str:
        """The files that have been compared with their records."""
        return f"ok: {' '.join(file.path.name for file in self.verified.files)}"


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
    "--target": ("the Rust target triple of the archives", lambda a: a.in_force.manifest.target),
    "--platform": ("their platform, as in linux-x64", lambda a: a.in_force.manifest.platform),
    "--abi": ("the ABI id of header and archives", lambda a: a.in_force.manifest.abi),
    "--json": ("all of it as JSON", lambda a: a.json()),
    "--verify": ("compare the archives with their checksums", lambda a: a.verification()),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _complain(f"{message}\nTry '{PROG} --help'.")
        sys.exit(_EXIT_USAGE)


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


def _parser() -> argparse.ArgumentParser:
    names = [component.name for component in COMPONENTS]
    parser = _Parser(
        prog=PROG,
        usage=f"%(prog)s OPTION... [--component {{{','.join(names)}}}]",
        description="How to compile and link against Temporal's static libraries: "
        "one line an option, in the order given.",
        epilog="Directories are printed as they are, flags quoted for a shell. Exit status: 0, "
        "1 if a library is missing or damaged, 2 for bad usage; on error only "
        f"{_DOCTOR} prints. Which archives are in force, the environment says: TEMPORAL_LIBS_DIR, "
        "USE_PREBUILT_LIBS, TEMPORAL_LIBS_FALLBACK.",
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
        help="a call of its own: look at all that decides what is in force, one finding a line; "
        "exit status 1 if something is broken",
    )
    parser.set_defaults(queries=[])
    return parser


def _complain(message: str) -> None:
    # print() takes a file of None, which a closed stderr leaves, to mean stdout.
    if sys.stderr is not None:
        print(f"{PROG}: error: {message}", file=sys.stderr)


def _write(lines: Sequence[str]) -> int:
    text = "".join(f"{line}\n" for line in lines)
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        # As bytes: a path may hold bytes that are no characters of the locale.
        sys.stdout.buffer.write(os.fsencode(text))
        sys.stdout.buffer.flush()
    except OSError as error:
        _give_up_stdout()
        if not isinstance(error, BrokenPipeError):  # whose reader had enough, and knows it
            _complain(f"cannot write to standard output: {error.strerror or error}")
        return _EXIT_BROKEN
    return 0


def _give_up_stdout() -> None:
    # Else the interpreter flushes what is left once more at exit, and reports that as well.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; those of the process if None.

    Returns:
        The exit status: 0, or 1 if a library is missing or damaged, or 2 for a bad setting in the
        environment, or 130 if the user has had enough of compiling. Bad usage leaves through
        SystemExit, with 2.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.doctor and (arguments.queries or arguments.component):
        parser.error(f"{_DOCTOR} is a call of its own, without other options")
    if not arguments.queries and not arguments.doctor:
        parser.error("no option is given")
    answers = _Answers(arguments.component or DEFAULT_COMPONENT.name)
    try:
        if arguments.doctor:
            return _doctor()
        read_settings(os.environ)
        lines = [_OPTIONS[query][1](answers) for query in arguments.queries]
    except SettingError as error:
        _complain(str(error))
        return _EXIT_USAGE
    except TemporalStaticLibsError as error:
        _complain(str(error))
        return _EXIT_BROKEN
    except KeyboardInterrupt:
        _complain("interrupted")
        return _EXIT_INTERRUPTED
    return _write(lines)


def _doctor() -> int:
    # Here and not above: no other option needs so much.
    from ._doctor import examine

    findings = examine(os.environ)
    written = _write([str(finding) for finding in findings])
    return written if all(finding.is_well for finding in findings) else _EXIT_BROKEN
