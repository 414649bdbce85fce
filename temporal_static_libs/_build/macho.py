"""Finishing a Mach-O archive: beyond the interface, nothing that another library could clash with.

On a Mac its own linker makes one object, in which everything else is local. Elsewhere no program
links Mach-O objects into one, so the members stay what they are, and every other global symbol gets
a name of this project's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from .advice import unexpected
from .archive_index import defined_symbols
from .header import OWN_PREFIX
from .llvm_tools import MachoTools
from .tool import output_of

#: Of symbols that are global only because the members of an archive refer to each other by them.
PRIVATE_PREFIX = f"{OWN_PREFIX}_"

# Bitcode, which would be twice the code.
_UNWANTED_SECTIONS = ("__LLVM,__bitcode", "__LLVM,__cmdline")


def finish_macho(
    raw: Path, kept: Collection[str], output: Path, tools: MachoTools, *, weak: bool
) -> None:
    """Make an archive that ships from the one that rustc made.

    Args:
        raw: the archive to take the code from.
        kept: the symbols that keep their names, as C spells them.
        output: the archive to write.
        tools: what to work with.
        weak: whether the symbols are to give way to those of another archive in the same link.

    Raises:
        CompileError: a tool failed; the message holds what it printed.
    """
    names = {f"_{name}" for name in kept}
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        symbols = Path(scratch, "symbols")
        options = ["--strip-debug"]
        options += [f"--remove-section={section}" for section in _UNWANTED_SECTIONS]
        if weak:
            # All of them: the two archives have the same private names as well.
            options.append("--weaken")
        if tools.linker is not None:
            members = [Path(scratch, f"{output.stem.removeprefix('lib')}.o")]
            symbols.write_text("".join(f"{name}\n" for name in sorted(names)), encoding="ascii")
            tools.linker.run(
                [
                    *("-r", *tools.linker_options),
                    *("-exported_symbols_list", symbols),
                    *(argument for name in sorted(names) for argument in ("-u", name)),
                    *("-o", members[0], raw),
                ]
            )
        else:
            members = _extract(raw, Path(scratch, "members"), tools)
            private = sorted(defined_symbols(raw) - names)
            lines = (f"{name} _{PRIVATE_PREFIX}{name.removeprefix('_')}\n" for name in private)
            symbols.write_text("".join(lines), encoding="ascii")
            options.append(f"--redefine-syms={symbols}")
        for member in members:
            tools.objcopy.run([*options, member])
        # D: no times, no owners.
        tools.ar.run(["--format=darwin", "rcsD", output, *members])


def _extract(raw: Path, directory: Path, tools: MachoTools) -> list[Path]:
    directory.mkdir()
    tools.ar.run(["x", raw], cwd=directory)
    members = sorted(directory.iterdir())
    listed = output_of([tools.ar.path, "t", str(raw)], tools.ar.environ).split()
    if len(members) != len(listed):
        raise unexpected(f"members of {raw} share a name: {len(listed)}, {len(members)} names")
    return members
