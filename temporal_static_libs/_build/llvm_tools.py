"""LLVM's tools, which finish a Mach-O archive; found before any work."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._errors import CompileError
from .._targets import Target
from .tool import Tool, output_of, program_on_path
from .toolchain import Toolchain

# Tool to the first version whose one does for Mach-O files what is asked of it.
_MINIMUM = {"objcopy": 20, "ar": 14}
_NEWEST = 40
_VERSION = re.compile(r"LLVM version (\d+)")


@dataclass(frozen=True)
class MachoTools:
    """What `_build.macho` works with.

    Attributes:
        objcopy: LLVM's.
        ar: LLVM's.
        linker: Apple's; None where there is none.
        linker_options: what it has to be told of the target.
    """

    objcopy: Tool
    ar: Tool
    linker: Tool | None
    linker_options: tuple[str, ...]


def find_macho_tools(toolchain: Toolchain, target: Target, floor_version: str) -> MachoTools:
    """Find the tools.

    Args:
        toolchain: with which objcopy may come, and whose PATH is looked through.
        target: whose archives are to be finished.
        floor_version: the oldest macOS they are for.

    Raises:
        CompileError: one is missing or too old; the message says how to get it.
    """
    platform = ("-platform_version", "macos", floor_version, floor_version)
    return MachoTools(
        objcopy=_find(toolchain, target, "objcopy"),
        ar=_find(toolchain, target, "ar"),
        linker=_apple_linker(toolchain),
        linker_options=("-arch", target.machine, *platform),
    )


def _find(toolchain: Toolchain, target: Target, name: str) -> Tool:
    found = list(_candidates(toolchain, name))
    for tool in found:
        version = _VERSION.search(tool.version)
        if version is not None and int(version[1]) >= _MINIMUM[name]:
            return tool
    unusable = "".join(f"\n  not usable: {tool.path} ({tool.version})" for tool in found)
    raise CompileError(
        f"finishing the archives for {target.platform} needs the llvm-{name} of LLVM "
        f"{_MINIMUM[name]} or newer, and there is none{unusable}\n"
        "    Debian, Ubuntu:  apt-get install llvm-22\n"
        "    Homebrew:        brew install llvm   # and its bin directory on PATH"
    )


def _candidates(toolchain: Toolchain, name: str) -> Iterator[Tool]:
    names = [f"llvm-{name}", *(f"llvm-{name}-{n}" for n in range(_MINIMUM[name], _NEWEST))]
    for candidate in names:
        program = program_on_path(candidate, toolchain.environ)
        if program is not None:
            yield _tool(program, toolchain.environ)
    # Comes with rustc, without the libraries' path in it.
    of_rust = str(toolchain.sysroot / "lib/rustlib" / toolchain.host / "bin" / f"rust-{name}")
    if os.access(of_rust, os.X_OK):
        libraries = str(toolchain.sysroot / "lib")
        yield _tool(of_rust, {**toolchain.environ, "LD_LIBRARY_PATH": libraries})


def _tool(program: str, environ: Mapping[str, str]) -> Tool:
    version = output_of([program, "--version"], environ)
    match = _VERSION.search(version)
    return Tool(program, match[0] if match else version.partition("\n")[0], environ)


def _apple_linker(toolchain: Toolchain) -> Tool | None:
    if "apple" not in toolchain.host:
        return None
    program = program_on_path("ld", toolchain.environ)
    return None if program is None else _tool(program, toolchain.environ)
