"""Finishing an ELF archive: one object, of which only the interface can be seen."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from .gnu_tools import ElfTools
from .section_names import shorten_section_names

# Bitcode, from the standard library's objects: binutils with an older LLVM plugin die of it.
_UNWANTED_SECTIONS = (".llvmbc", ".llvmcmd")

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


def finish_elf(
    raw: Path, kept: Collection[str], output: Path, tools: ElfTools, *, weak: bool
) -> None:
    """Make an archive of one relocatable object from the one that rustc made.

    Args:
        raw: the archive to take the code from.
        kept: the symbols that stay global. What none of them needs is dropped.
        output: the archive to write.
        tools: what to work with.
        weak: whether the symbols are to give way to those of another archive in the same link.

    Raises:
        CompileError: a tool failed; the message holds what it printed.
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
        tools.objcopy.run(
            [
                f"--keep-global-symbols={symbols}",
                *([f"--weaken-symbols={symbols}"] if weak else []),
                *(f"--remove-section={section}" for section in _UNWANTED_SECTIONS),
                *("--strip-unneeded", linked, finished),
            ]
        )
        shorten_section_names(finished)
        # D: no times, no owners.
        tools.ar.run(["rcsD", output, finished])
