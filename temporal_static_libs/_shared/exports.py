"""The symbols that a shared library exports: those of the header that the component has."""

from __future__ import annotations

from .._build.archive_index import defined_symbols
from .._build.header import read_header
from .._components import Component
from .._errors import LinkError
from .._library_set import HEADER, LoadedSet
from .._manifest import ManifestLibrary
from .._messages import message

_SHOWN = 5  # of the symbols that are missing


def exported_symbols(component: Component) -> list[str]:
    """Return the interface's functions that a component has, and this project's own.

    They include the symbol that ties a program to its archive, so that a C program linked with the
    shared library gets the same check.

    Raises:
        CompileError: the header is missing or damaged.
    """
    header = read_header(HEADER)
    return sorted(component.functions(header.functions) | header.own_symbols)


def check_defined(
    loaded: LoadedSet, library: ManifestLibrary, symbols: list[str], prefix: str
) -> None:
    """Check that an archive defines all that is to be exported, before any linker runs.

    Args:
        loaded: the archives, verified.
        library: the one to be linked.
        symbols: as C spells them.
        prefix: what the archive puts before each.

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
