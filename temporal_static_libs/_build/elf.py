"""Finish an ELF archive: one object in which only the interface is visible.

Failures and missing GNU binutils raise `CompileError`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._errors import CompileError
from .._messages import message
from .._targets import Target
from .crate_list import SECTION
from .sections import functions_in, retain_section, shorten_section_names
from .tool import Tool, output_of, program_on_path, unusable
from .toolchain import Toolchain

# Bitcode from the standard library's objects, which crashes binutils with an older LLVM plugin.
_UNWANTED_SECTIONS = (".llvmbc", ".llvmcmd")

# Removed by --strip-unneeded, unless explicitly kept.
_LINE_TABLES = ".debug_*"

# Merges data that refers to little else into one section per kind: tables of landing pads,
# constants, static variables. Linkers then cannot drop parts of it, which costs about 10 % of a
# small program. But with separate sections, there would be more than 65,279, the most that an ELF
# header can count, and Zig's own linker finds no symbols in such a file. INSERT keeps the defaults
# for the rest.
_MERGED_SECTIONS = """\
SECTIONS
{
  .gcc_except_table 0 : { *(.gcc_except_table .gcc_except_table.*) }
  .rodata 0 : { *(.rodata..Lanon.* .rodata..Lswitch.table.*) }
  .data 0 : { *(.data._ZN*) }
}
INSERT AFTER .rodata1;
"""


@dataclass(frozen=True)
class ElfTools:
    """GNU binutils, found before the build starts."""

    linker: Tool
    objcopy: Tool
    ar: Tool


def find_elf_tools(toolchain: Toolchain, target: Target) -> ElfTools:
    """Find the binutils for a target's processor.

    No other linker works. LLD, which comes with some Rust toolchains and supports every processor,
    drops the unwinding tables with ``-r --gc-sections``, and then a panic ends the process.
    """
    return ElfTools(
        linker=_find(toolchain, target, ("ld.bfd", "ld"), "--force-group-allocation"),
        objcopy=_find(toolchain, target, ("objcopy",), "--keep-global-symbols"),
        ar=_find(toolchain, target, ("ar",), None),
    )


def finish_elf(
    raw: Path,
    kept: Collection[str],
    output: Path,
    crates: bytes,
    tools: ElfTools,
    *,
    weak: bool,
    line_tables: bool = False,
) -> None:
    """Make an archive of one relocatable object from the one that rustc made.

    Args:
        raw: the archive that contains the code.
        kept: the symbols that stay global. Code that none of them needs is dropped.
        output: the archive to write.
        crates: the list of crates in it, for a section that stays in every program.
        tools: the programs to use.
        weak: whether another archive's symbols take precedence in the same link.
        line_tables: whether to keep line tables for debuggers. The code is the same.
    """
    names = sorted(kept)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        linked = Path(scratch, "linked.o")
        # Debuggers and error messages of linkers show this member name.
        finished = Path(scratch, f"{output.stem.removeprefix('lib')}.o")
        script = Path(scratch, "merged.ld")
        script.write_text(_MERGED_SECTIONS, encoding="ascii")
        symbols = Path(scratch, "symbols")
        symbols.write_text("".join(f"{name}\n" for name in names), encoding="ascii")
        listed = Path(scratch, "crates")
        listed.write_bytes(crates)
        tools.linker.run(
            [
                *("-r", "--gc-sections"),
                # Otherwise, linkers could not match groups, because their symbols become local.
                "--force-group-allocation",
                f"--script={script}",
                *(f"--undefined={name}" for name in names),
                *("-o", linked, raw),
            ]
        )
        # Stack traces and profiles show these names. Other names that no relocation needs are
        # removed, especially undefined ones, because some linkers look for them.
        functions = Path(scratch, "functions")
        functions.write_text("".join(f"{name}\n" for name in functions_in(linked)), "ascii")
        tools.objcopy.run(
            [
                f"--keep-global-symbols={symbols}",
                *([f"--weaken-symbols={symbols}"] if weak else []),
                *(f"--remove-section={section}" for section in _UNWANTED_SECTIONS),
                f"--add-section={SECTION}={listed}",
                f"--set-section-flags={SECTION}=alloc,readonly,data",
                *("--strip-unneeded", f"--keep-symbols={functions}"),
                *([f"--keep-section={_LINE_TABLES}"] if line_tables else []),
                *(linked, finished),
            ]
        )
        retain_section(finished, SECTION)
        shorten_section_names(finished)
        # D: no times and no owners.
        tools.ar.run(["rcsD", output, finished])


def _find(toolchain: Toolchain, target: Target, names: Sequence[str], option: str | None) -> Tool:
    native = toolchain.host.split("-")[0] == target.processor
    found = [tool for name in names for tool in _candidates(toolchain, target, name, native)]
    for tool in found:
        if tool.version.startswith("GNU ") and (option is None or _knows(tool, option)):
            return tool
    cross = f"binutils-{target.processor.replace('_', '-')}-linux-gnu"
    needs = {"platform": target.platform, "name": names[-1], "unusable": unusable(found)}
    package = "binutils" if native else cross
    raise CompileError(message("binutils-missing", package=package, **needs))


def _candidates(toolchain: Toolchain, target: Target, name: str, native: bool) -> Iterator[Tool]:
    # Binutils support one processor each; the C library does not matter.
    prefixes = dict.fromkeys((f"{target.gnu_triple}-", f"{target.processor}-linux-gnu-"))
    for prefix in (*prefixes, *([""] if native else [])):
        path = program_on_path(f"{prefix}{name}", toolchain.environ)
        if path is not None:
            answer = output_of([path, "--version"], toolchain.environ)
            yield Tool(path, answer.partition("\n")[0], toolchain.environ, toolchain.lock)


def _knows(tool: Tool, option: str) -> bool:
    usage = output_of([tool.path, "--help"], tool.environ)
    return re.search(rf"{re.escape(option)}(?![\w-])", usage) is not None
