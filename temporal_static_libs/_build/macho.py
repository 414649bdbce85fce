"""Finish a Mach-O archive: apart from the interface, no symbol can clash with another library's.

On a Mac, Apple's linker makes one object in which everything else is local. Elsewhere, no program
can link Mach-O objects into one, so the members stay separate, and every other global symbol gets a
name with this project's prefix. Failures and missing LLVM tools raise `CompileError`.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .._errors import CompileError
from .._messages import message
from .._targets import Target
from .advice import unexpected
from .archive_index import defined_symbols
from .header import OWN_PREFIX
from .tool import Tool, executable, output_of, program_on_path, unusable
from .toolchain import Toolchain

#: Prefix of symbols that are global only so that members of an archive can refer to each other.
PRIVATE_PREFIX = f"{OWN_PREFIX}_"

# Bitcode, which would double the size.
_UNWANTED_SECTIONS = ("__LLVM,__bitcode", "__LLVM,__cmdline")

# Tool to the first version that supports what is needed for Mach-O files.
_MINIMUM = {"objcopy": 20, "ar": 14}
_NEWEST = 40
_VERSION = re.compile(r"LLVM version (\d+)")


@dataclass(frozen=True)
class MachoTools:
    """LLVM's tools, found before the build starts; on a Mac also Apple's linker and its options."""

    objcopy: Tool
    ar: Tool
    linker: Tool | None
    linker_options: tuple[str, ...]


def find_macho_tools(toolchain: Toolchain, target: Target, floor_version: str) -> MachoTools:
    """Find the tools on the toolchain's PATH or in the toolchain."""
    platform = ("-platform_version", "macos", floor_version, floor_version)
    return MachoTools(
        objcopy=_find(toolchain, target, "objcopy"),
        ar=_find(toolchain, target, "ar"),
        linker=_apple_linker(toolchain),
        linker_options=("-arch", target.machine, *platform),
    )


def finish_macho(
    raw: Path, kept: Collection[str], output: Path, crates: bytes, tools: MachoTools, *, weak: bool
) -> None:
    """Make the archive that ships from the one that rustc made.

    The arguments are those of `finish_elf`; kept names are spelled as in C. The list of crates is
    omitted, because no available tool can mark a section that Apple's linker must keep.
    """
    names = {f"_{name}" for name in kept}
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        symbols = Path(scratch, "symbols")
        options = ["--strip-debug"]
        options += [f"--remove-section={section}" for section in _UNWANTED_SECTIONS]
        if weak:
            # All symbols, because the two archives also have the same private names.
            options.append("--weaken")
        if tools.linker is not None:
            members = [Path(scratch, f"{output.stem.removeprefix('lib')}.o")]
            symbols.write_text("".join(f"{name}\n" for name in sorted(names)), encoding="ascii")
            roots = [argument for name in sorted(names) for argument in ("-u", name)]
            exported = ("-exported_symbols_list", symbols)
            tools.linker.run(["-r", *tools.linker_options, *exported, *roots, "-o", *members, raw])
        else:
            members = _extract(raw, Path(scratch, "members"), tools)
            private = sorted(defined_symbols(raw) - names)
            lines = (f"{name} _{PRIVATE_PREFIX}{name.removeprefix('_')}\n" for name in private)
            symbols.write_text("".join(lines), encoding="ascii")
            options.append(f"--redefine-syms={symbols}")
        for member in members:
            tools.objcopy.run([*options, member])
        # D: no times and no owners.
        tools.ar.run(["--format=darwin", "rcsD", output, *members])


def _extract(raw: Path, directory: Path, tools: MachoTools) -> list[Path]:
    directory.mkdir()
    tools.ar.run(["x", raw], cwd=directory)
    members = sorted(directory.iterdir())
    listed = len(tools.ar.lines(["t", raw]))
    if (names := len(members)) != listed:
        raise unexpected(message("members-share-a-name", archive=raw, members=listed, names=names))
    return members


def _find(toolchain: Toolchain, target: Target, name: str) -> Tool:
    found = list(_candidates(toolchain, name))
    for tool in found:
        version = _VERSION.search(tool.version)
        if version is not None and int(version[1]) >= _MINIMUM[name]:
            return tool
    needs = {"platform": target.platform, "name": name, "minimum": _MINIMUM[name]}
    raise CompileError(message("llvm-missing", unusable=unusable(found), **needs))


def _candidates(toolchain: Toolchain, name: str) -> Iterator[Tool]:
    names = [f"llvm-{name}", *(f"llvm-{name}-{n}" for n in range(_MINIMUM[name], _NEWEST))]
    for candidate in names:
        program = program_on_path(candidate, toolchain.environ)
        if program is not None:
            yield _tool(program, toolchain, toolchain.environ)
    # The copy that comes with rustc does not know the path of its libraries.
    bundled = str(
        toolchain.sysroot / "lib/rustlib" / toolchain.host / "bin" / executable(f"rust-{name}")
    )
    if os.access(bundled, os.X_OK):
        libraries = str(toolchain.sysroot / "lib")
        yield _tool(bundled, toolchain, {**toolchain.environ, "LD_LIBRARY_PATH": libraries})


def _tool(program: str, toolchain: Toolchain, environ: Mapping[str, str]) -> Tool:
    version = output_of([program, "--version"], environ)
    match = _VERSION.search(version)
    first = match[0] if match else version.partition("\n")[0]
    return Tool(program, first, environ, toolchain.lock)


def _apple_linker(toolchain: Toolchain) -> Tool | None:
    if "apple" not in toolchain.host:
        return None
    program = program_on_path("ld", toolchain.environ)
    return None if program is None else _tool(program, toolchain, toolchain.environ)
