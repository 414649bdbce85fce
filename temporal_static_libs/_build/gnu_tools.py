"""GNU binutils, which finish an ELF archive; found before any work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._errors import CompileError
from .._targets import Target
from .tool import Tool, output_of, program_on_path
from .toolchain import Toolchain


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
    native = target.processor == _processor(toolchain.host)
    other = f"binutils-{target.processor.replace('_', '-')}-linux-gnu"
    package = "binutils" if native else other
    raise CompileError(
        f"finishing the archives for {target.platform} needs the {names[-1]} of GNU binutils 2.29 "
        f"or newer, and there is none{unusable}\n"
        f"    Debian, Ubuntu:  apt-get install {package}\n"
        f"    Fedora, Alma:    dnf install {package}\n"
        f"    Alpine:          apk add {package}"
    )


def _candidates(toolchain: Toolchain, target: Target, name: str) -> Iterator[Tool]:
    # Binutils know one processor each; the C library makes no difference to them.
    prefixes = dict.fromkeys((f"{target.gnu_triple}-", f"{target.processor}-linux-gnu-"))
    names = [f"{prefix}{name}" for prefix in prefixes]
    if _processor(toolchain.host) == target.processor:
        names.append(name)
    for candidate in names:
        path = program_on_path(candidate, toolchain.environ)
        if path is not None:
            answer = output_of([path, "--version"], toolchain.environ)
            yield Tool(path, answer.partition("\n")[0], toolchain.environ)


def _knows(tool: Tool, option: str | None) -> bool:
    if option is None:
        return True
    usage = output_of([tool.path, "--help"], tool.environ)
    return re.search(rf"{re.escape(option)}(?![\w-])", usage) is not None


def _processor(triple: str) -> str:
    return triple.split("-")[0]
