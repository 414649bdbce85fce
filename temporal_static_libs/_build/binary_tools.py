"""GNU binutils, which finish an ELF archive; found before any work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .._errors import CompileError
from .._targets import Target
from .toolchain import Toolchain


@dataclass(frozen=True)
class Tool:
    """A program that can do its part.

    Attributes:
        path: of the executable, absolute.
        version: the first line of what it says to ``--version``.
        environ: the environment to run it in.
    """

    path: str
    version: str
    environ: Mapping[str, str] = field(repr=False)

    def run(self, arguments: Sequence[str | Path]) -> None:
        """Run it to its end.

        Raises:
            CompileError: it failed; the message holds what it printed.
        """
        command = [self.path, *map(str, arguments)]
        done = _run(command, self.environ)
        if done.returncode != 0:
            raise CompileError(
                f"{self.path} failed (exit status {done.returncode})\n"
                f"  version: {self.version}\n"
                f"  command: {' '.join(command)}\n"
                f"  output:  {done.stdout.strip() or 'none'}"
            )


@dataclass(frozen=True)
class ElfTools:
    """What `_build.elf` works with."""

    linker: Tool
    objcopy: Tool
    ar: Tool


def find_elf_tools(toolchain: Toolchain, target: Target) -> ElfTools:
    """Find the binutils for a target's processor.

    No other linker will do. LLD, which comes with some Rust toolchains and knows every processor,
    drops the unwinding tables in ``-r --gc-sections``, and then a panic ends the process.

    Args:
        toolchain: whose PATH is looked through.
        target: whose archives are to be finished.

    Raises:
        CompileError: one is missing or too old; the message says how to get it.
    """
    return ElfTools(
        linker=_find(toolchain, target, ("ld.bfd", "ld"), "--force-group-allocation"),
        objcopy=_find(toolchain, target, ("objcopy",), "--keep-global-symbols"),
        ar=_find(toolchain, target, ("ar",), None),
    )


def _find(toolchain: Toolchain, target: Target, names: Sequence[str], option: str | None) -> Tool:
    found = [tool for name in names for tool in _candidates(toolchain, target, name)]
    for tool in found:
        if tool.version.startswith("GNU ") and _knows(tool, option):
            return tool
    unusable = "".join(f"\n  not usable: {tool.path} ({tool.version})" for tool in found)
    native = toolchain.host == target.triple
    package = "binutils" if native else f"binutils-{_gnu_triple(target).replace('_', '-')}"
    raise CompileError(
        f"finishing the archives for {target.platform} needs the {names[-1]} of GNU binutils 2.29 "
        f"or newer, and there is none{unusable}\n"
        f"    Debian, Ubuntu:  apt-get install {package}\n"
        f"    Fedora, Alma:    dnf install {package}\n"
        f"    Alpine:          apk add {package}"
    )


def _candidates(toolchain: Toolchain, target: Target, name: str) -> Iterator[Tool]:
    names = [f"{_gnu_triple(target)}-{name}"]
    # Binutils know one processor each.
    if _processor(toolchain.host) == _processor(target.triple):
        names.append(name)
    for candidate in names:
        path = shutil.which(candidate, path=toolchain.environ.get("PATH", os.defpath))
        if path is not None:
            answer = _output([path, "--version"], toolchain.environ)
            yield Tool(os.path.abspath(path), answer.partition("\n")[0], toolchain.environ)


def _knows(tool: Tool, option: str | None) -> bool:
    if option is None:
        return True
    usage = _output([tool.path, "--help"], tool.environ)
    return re.search(rf"{re.escape(option)}(?![\w-])", usage) is not None


def _gnu_triple(target: Target) -> str:
    processor, _, system = target.triple.split("-", 2)
    return f"{processor}-{system}"


def _processor(triple: str) -> str:
    return triple.split("-")[0]


def _output(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        return _run(command, environ).stdout
    except OSError as error:
        return f"does not run: {error.strerror}"


def _run(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
