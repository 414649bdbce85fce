"""What cargo left, made into the archives that ship: nothing but the interface to be seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from .._components import Component
from .._targets import Target
from .elf import finish_elf
from .gnu_tools import find_elf_tools
from .header import Header
from .llvm_tools import find_macho_tools
from .macho import finish_macho
from .toolchain import Toolchain

#: Makes a component's archive: from the raw archive, into a directory. Returns the new file.
Finisher = Callable[[Path, Component, Path], Path]


def find_finisher(
    toolchain: Toolchain, target: Target, floor_version: str, header: Header
) -> Finisher:
    """Settle how archives of a target are finished.

    Both components are made of one raw archive, so they hold the same code. Where both are in one
    link, the symbols of `sdk-core` win in either order, and all calls go to that one copy.

    Args:
        toolchain: whose programs are used.
        target: whose archives they are.
        floor_version: the oldest libc or macOS they are for.
        header: the interface.

    Raises:
        CompileError: a program is missing.
    """
    if target.object_format == "elf":
        work = partial(finish_elf, tools=find_elf_tools(toolchain, target))
    else:
        work = partial(finish_macho, tools=find_macho_tools(toolchain, target, floor_version))

    def finish(raw: Path, component: Component, directory: Path) -> Path:
        output = directory / target.archive_name.format(component.library)
        kept = component.functions(header.functions) | header.own_symbols
        work(raw, kept, output, weak=component.is_subset)
        return output

    return finish
