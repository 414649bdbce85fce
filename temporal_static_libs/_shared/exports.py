"""Which symbols a shared library exports: the header's, as far as the component has them."""

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

    Among them is the one that ties a program to its archive, so that a C program that is linked
    with the shared library gets the same check.

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
        LinkError: it does not; it is of another version, or not one of this project's.
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
