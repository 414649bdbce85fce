"""Finishing an ELF archive: one object, of which only the interface can be seen.

What fails, or is missing of GNU binutils, is a `CompileError`.
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

# Bitcode, from the standard library's objects: binutils with an older LLVM plugin die of it.
_UNWANTED_SECTIONS = (".llvmbc", ".llvmcmd")

# Goes with --strip-unneeded, if nothing keeps it.
_LINE_TABLES = ".debug_*"

# Puts what refers to little else into one section a kind: tables of landing pads, constants, static
# variables. Linkers can then drop no part of them, some 10 % of a small program; but with a section
# each there would be more than 65,279, the most that the header of an ELF file can count, and Zig's
# own linker finds no symbols in a file that has more. INSERT leaves the rest as it is by default.
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
    """GNU binutils, found before any work."""

    linker: Tool
    objcopy: Tool
    ar: Tool


def find_elf_tools(toolchain: Toolchain, target: Target) -> ElfTools:
    """Find the binutils for a target's processor.

    No other linker will do. LLD, which comes with some Rust toolchains and knows every processor,
    drops the unwinding tables in ``-r --gc-sections``, and then a panic ends the process.
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
        raw: the archive to take the code from.
        kept: the symbols that stay global. What none of them needs is dropped.
        output: the archive to write.
        crates: the list of crates in it, for a section that stays in every program.
        tools: what to work with.
        weak: whether the symbols are to give way to those of another archive in the same link.
        line_tables: whether to keep what a debugger reads. The code is the same.
    """
    names = sorted(kept)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        linked = Path(scratch, "linked.o")
        # The name of the member that a debugger or an error of a linker shows.
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
                # A group whose symbol becomes local could not be resolved against another's.
                "--force-group-allocation",
                f"--script={script}",
                *(f"--undefined={name}" for name in names),
                *("-o", linked, raw),
            ]
        )
        # Stack traces and profiles show them. Other names that no relocation needs go, most of all
        # undefined ones, which some linkers look for.
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
        # D: no times, no owners.
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
    # Binutils know one processor each; the C library makes no difference to them.
    prefixes = dict.fromkeys((f"{target.gnu_triple}-", f"{target.processor}-linux-gnu-"))
    for prefix in (*prefixes, *([""] if native else [])):
        path = program_on_path(f"{prefix}{name}", toolchain.environ)
        if path is not None:
            answer = output_of([path, "--version"], toolchain.environ)
            yield Tool(path, answer.partition("\n")[0], toolchain.environ, toolchain.lock)


def _knows(tool: Tool, option: str) -> bool:
    usage = output_of([tool.path, "--help"], tool.environ)
    return re.search(rf"{re.escape(option)}(?![\w-])", usage) is not None
