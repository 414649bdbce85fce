"""The table of shared library formats: file names, and options for the C compiler driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._components import Component
from .._targets import Target

#: A file with arguments for the driver, so that the command line stays short.
ROOTS_FILE = "roots"


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        prefix: the beginning of file names.
        suffix: the end of file names.
        symbol_prefix: the prefix of C names in object files.
        exports_file: the name of the file that lists the exported symbols.
        exports_head: the beginning of that file.
        exports_tail: its end.
        exports_entry: the line of a symbol, with ``{}`` for its name.
        options: the driver's options, including the one for `exports_file`, for a file name, a
            target and its oldest supported version.
    """

    prefix: str
    suffix: str
    symbol_prefix: str
    exports_file: str
    exports_head: str
    exports_tail: str
    exports_entry: str
    options: Callable[[str, Target, str], Sequence[str]]

    def file_name(self, component: Component) -> str:
        """Return the file name of a component's shared library."""
        return f"{self.prefix}{component.shared_library}{self.suffix}"

    def exports(self, symbols: Iterable[str]) -> str:
        """Return the content of `exports_file`.

        Args:
            symbols: the symbols, as spelled in C.
        """
        lines = (f"{self.exports_entry.format(self.symbol_prefix + it)}\n" for it in symbols)
        return f"{self.exports_head}{''.join(lines)}{self.exports_tail}"

    def roots(self, symbols: Iterable[str]) -> str:
        """Return the content of `ROOTS_FILE`: references that make the linker use the members.

        Args:
            symbols: the symbols, as spelled in C.
        """
        return "".join(f"-Wl,-u,{self.symbol_prefix}{symbol}\n" for symbol in symbols)

    def arguments(self, file_name: str, target: Target, floor_version: str) -> list[str]:
        """Return the arguments that precede the archive.

        Args:
            file_name: the shared library, in the working directory, like `exports_file` and
                `ROOTS_FILE`.
            target: the platform.
            floor_version: the oldest supported version of the platform.
        """
        options = self.options(file_name, target, floor_version)
        return ["-shared", "-o", file_name, *options, f"@{ROOTS_FILE}"]


def _elf_options(file_name: str, target: Target, _floor_version: str) -> Sequence[str]:
    return (
        f"-Wl,-soname,{file_name}",
        f"-Wl,--version-script={_VERSION_SCRIPT}",
        *(target.gc_flag, "-Wl,--as-needed"),
        # An undefined symbol is an error now, and not only when a program loads the library.
        "-Wl,-z,defs",
        # Makes the loader's tables read-only, and keeps the program's stacks non-executable.
        *("-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"),
    )


def _macho_options(file_name: str, target: Target, floor_version: str) -> Sequence[str]:
    return (
        *("-arch", target.machine, f"-mmacosx-version-min={floor_version}"),
        # The program that loads the library sets the directories to search.
        f"-Wl,-install_name,@rpath/{file_name}",
        f"-Wl,-exported_symbols_list,{_SYMBOL_LIST}",
        target.gc_flag,
    )


def _pe_options(_file_name: str, _target: Target, _floor_version: str) -> Sequence[str]:
    return (_DEFINITION, "-Wl,--gc-sections")


_VERSION_SCRIPT = "exports.map"
_SYMBOL_LIST = "exports.list"
_DEFINITION = "exports.def"

FORMATS: Mapping[str, Format] = {
    "linux": Format(
        *("lib", ".so", "", _VERSION_SCRIPT),
        *("{\nglobal:\n", "local:\n*;\n};\n", "{};"),
        options=_elf_options,
    ),
    "macos": Format("lib", ".dylib", "_", _SYMBOL_LIST, "", "", "{}", options=_macho_options),
    "windows": Format("", ".dll", "", _DEFINITION, "EXPORTS\n", "", "{}", options=_pe_options),
}
"""Operating system of a target to the format of its shared libraries."""
