"""Whether interface.json describes the header that it is packed with."""

from __future__ import annotations

import json
from pathlib import Path

from .._checksums import sha256_of
from .._errors import CompileError
from .header import Header, read_header

_FIX = "in a checkout, run `make header`, which writes it; elsewhere, unpack the sources again"


def check_interface(file: Path, header_file: Path) -> None:
    """Refuse a description of another header.

    Only what goes into a wheel is checked: nothing that is compiled depends on the description.

    Args:
        file: interface.json
        header_file: the header that it has to describe.

    Raises:
        CompileError: it describes another one, or is missing or damaged; or the header is.
    """
    header = read_header(header_file)
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
        found = {
            "version": described["version"],
            "ABI id": described["abi"],
            "SHA-256 of the header": described["header"]["sha256"],
        }
        functions = {function["name"] for function in described["functions"]}
    except OSError as error:
        raise CompileError(f"{file} cannot be read: {error.strerror}\n  fix:    {_FIX}") from None
    except (KeyError, TypeError, ValueError):
        raise CompileError(
            f"{file} does not have the form of interface.schema.json\n  fix:    {_FIX}"
        ) from None
    # The functions first: they say what has changed, which a hash does not.
    if differing := functions ^ _described_functions(header):
        raise CompileError(
            f"{file} does not fit {header_file.name}: only one of them has "
            f"{', '.join(sorted(differing))}\n  fix:    {_FIX}"
        )
    expected = {
        "version": header.version,
        "ABI id": header.abi,
        "SHA-256 of the header": sha256_of(header_file),
    }
    for subject, value in expected.items():
        if found[subject] != value:
            raise CompileError(
                f"{file} does not fit {header_file.name}: its {subject} is {found[subject]}, "
                f"expected {value}\n  fix:    {_FIX}"
            )


def _described_functions(header: Header) -> set[str]:
    # Not the symbol that ties a program to its archive: it changes with each version.
    own = {name for name in header.own_symbols if not name.endswith(f"_abi_{header.abi}")}
    return own | header.functions
