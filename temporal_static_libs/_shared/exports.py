"""The symbols that a shared library exports: those of the header that the component contains."""

from __future__ import annotations

from .._build.archive_index import defined_symbols
from .._build.header import read_header
from .._components import Component
from .._errors import LinkError
from .._library_set import HEADER, LoadedSet
from .._manifest import ManifestLibrary
from .._messages import message

_SHOWN = 5  # missing symbols in the message


def exported_symbols(component: Component) -> list[str]:
    """Return the interface's functions that a component contains, and this project's symbols.

    They include the symbol that ties a program to its archive, so a C program linked with the
    shared library gets the same check.

    Raises:
        CompileError: the header is missing or damaged.
    """
    header = read_header(HEADER)
    return sorted(component.functions(header.functions) | header.own_symbols)


def check_defined(
    loaded: LoadedSet, library: ManifestLibrary, symbols: list[str], prefix: str
) -> None:
    """Check that an archive defines all symbols to export, before a linker runs.

    Args:
        loaded: the archives, verified.
        library: the archive to link.
        symbols: the symbols, as spelled in C.
        prefix: the prefix of each symbol in the archive.

    Raises:
        LinkError: it does not, because it has another version or is not from this project.
    """
    archive = loaded.archive(library)
    try:
        defined = defined_symbols(archive)
    except ValueError as error:
        problem = message("damaged", name=archive.name, reason=error)
        raise LinkError(loaded.origin.report(problem, archive)) from None
    if missing := [symbol for symbol in symbols if prefix + symbol not in defined]:
        shown = ", ".join(missing[:_SHOWN]) + (" …" if missing[_SHOWN:] else "")
        values = {"archive": archive.name, "count": len(missing), "symbols": shown}
        problem = message("exports-missing", header=HEADER.name, **values)
        raise LinkError(loaded.origin.report(problem, archive))
