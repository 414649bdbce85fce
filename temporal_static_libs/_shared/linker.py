"""Find and run the program that links a shared library: a C compiler driver."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._build.host import this_host
from .._build.process import output, running
from .._build.tool import program_on_path
from .._build.ziglang import ziglang_program
from .._commands import program as as_program
from .._commands import quoted
from .._errors import LinkError, SettingError
from .._messages import message
from .._targets import Target


@dataclass(frozen=True)
class Linker:
    """A C compiler driver for a target.

    Attributes:
        command: the program and its first arguments.
        is_zig: whether it is Zig's, which links for the oldest supported C library of the target.
    """

    command: tuple[str, ...]
    is_zig: bool

    def run(self, arguments: Sequence[str], directory: Path, environ: Mapping[str, str]) -> None:
        """Link.

        Args:
            arguments: the arguments for the link; the output file follows ``-o``.
            directory: the working directory.
            environ: the environment of the program.

        Raises:
            LinkError: it failed or created no file; the message contains its output.
        """
        command = [*self.command, *arguments]
        name = arguments[arguments.index("-o") + 1]
        try:
            with running(
                command,
                environ,
                directory,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
            ) as process:
                printed = output(process).read().decode("utf-8", errors="replace").strip()
        except OSError as error:
            reason = error.strerror
            values = {"program": self.command[0], "reason": reason}
            raise LinkError(message("program-does-not-run", **values)) from None
        if process.returncode != 0 or not Path(directory, name).is_file():
            values = {
                "program": self.command[0],
                "name": name,
                "command": " ".join([as_program(command[0]), *map(quoted, command[1:])]),
                "output": printed or "none",
            }
            raise LinkError(message("link-failed", status=process.returncode, **values))


def find_linker(target: Target, environ: Mapping[str, str]) -> Linker:
    """Find the driver: the one in CC, or else GCC or Clang, or else Zig.

    Args:
        target: the platform to link for.
        environ: the environment with CC and PATH.

    Raises:
        SettingError: CC is not a valid command, or its program was not found.
        LinkError: no driver was found, and the message lists what to install; or the archives are
            for Microsoft's linker, whose options differ.
    """
    if target.toolchain == "msvc":
        raise LinkError(message("shared-for-msvc"))
    if environ.get("CC"):
        return _of_setting(environ["CC"], target, environ)
    is_native = this_host().target == target
    for name in _drivers(target, is_native=is_native):
        if path := program_on_path(name, environ):
            return Linker((path,), is_zig=False)
    # For macOS, Zig has no option for exported symbols, and no frameworks.
    for command in _zigs(environ) if target.os != "macos" else ():
        return _with_target(command, target)
    raise LinkError(_what_to_install(target, is_native=is_native))


def _of_setting(value: str, target: Target, environ: Mapping[str, str]) -> Linker:
    try:
        words = _words(value)
    except ValueError as error:
        values = {"value": value, "reason": error}
        raise SettingError(message("cc-unreadable", **values)) from None
    program = words[0] if words else value
    path = program_on_path(program, environ) if words else None
    if path is None:
        raise SettingError(message("cc-not-found", value=value, program=program))
    command = (path, *words[1:])
    names = [os.path.basename(word).partition(".")[0] for word in words]
    is_zig = any(
        name.startswith("zig") and verb == "cc"
        for name, verb in zip(names, words[1:], strict=False)
    )
    if not is_zig or "-target" in words:
        return Linker(command, is_zig)
    return _with_target(command, target)


def _words(value: str) -> list[str]:
    """Split a command as a shell does.

    Raises:
        ValueError: a quotation is not closed.
    """
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    if sys.platform == "win32":
        lexer.escape = ""  # Backslashes are part of paths there.
    return list(lexer)


def _with_target(command: tuple[str, ...], target: Target) -> Linker:
    return Linker((*command, "-target", target.zig_target), is_zig=True)


def _drivers(target: Target, *, is_native: bool) -> Iterator[str]:
    """Return the names of drivers that link for a target, the best one first."""
    if target.os == "windows":
        # Other compilers may use Microsoft's linker.
        yield f"{target.processor}-w64-mingw32-gcc"
        if is_native:
            yield "gcc"
    elif is_native:
        yield from ("cc", "clang", "gcc")
    elif target.floor_name == "glibc":
        yield f"{target.gnu_triple}-gcc"


def _zigs(environ: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    if path := program_on_path("zig", environ):
        yield path, "cc"
    if program := ziglang_program():
        yield sys.executable, program, "cc"


def _what_to_install(target: Target, *, is_native: bool) -> str:
    gcc = ""
    if target.os == "macos":
        fix = "  either:  xcode-select --install\n"
    else:
        fix = f"  either:  {as_program(sys.executable)} -m pip install ziglang\n"
        package = "gcc" if is_native else ""
        if target.os == "windows":
            package = f"gcc-mingw-w64-{target.processor.replace('_', '-')}"
        elif target.floor_name == "glibc" and not is_native:
            package = f"gcc-{target.gnu_triple.replace('_', '-')}"
        gcc = f"  or:      apt-get install {package}   # on Debian and Ubuntu\n" if package else ""
    fix += f"{gcc}  or:      set CC to a C compiler for {target.platform}"
    return message("no-linker", platform=target.platform, fix=fix)
