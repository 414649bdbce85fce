"""Read the committed C header, and check that interface.json describes it.

Functions raise CompileError if a file is missing or lacks required content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .._checksums import sha256_of
from .._errors import CompileError
from .._messages import message
from .._records import parse_json, read_text
from .advice import unexpected

#: Prefix of every symbol that this project adds.
OWN_PREFIX = "temporal_static_libs_"

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_FUNCTION = re.compile(r"\b(temporal_core_\w+)\s*\(")
_OWN_FUNCTION = re.compile(rf"\b({OWN_PREFIX}\w+)\s*\(")

_FIX = "in a checkout, run `make header`; otherwise, unpack the sources again"


@dataclass(frozen=True)
class Header:
    """The header's contents that a manifest and the checks of a build need.

    Attributes:
        version: TEMPORAL_STATIC_LIBS_VERSION.
        abi: TEMPORAL_STATIC_LIBS_ABI_ID.
        functions: names of the API functions that it declares.
        own_symbols: names of this project's own functions, including the one that ties a program to
            its archive.
    """

    version: str
    abi: str
    functions: frozenset[str]
    own_symbols: frozenset[str]


def read_header(file: Path) -> Header:
    """Read temporal-sdk-core-c-bridge.h."""
    try:
        text = read_text(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CompileError(message("header-unreadable", file=file, reason=reason)) from None
    code = _COMMENT.sub("", text)
    return Header(
        version=_macro(text, "TEMPORAL_STATIC_LIBS_VERSION", file),
        abi=_macro(text, "TEMPORAL_STATIC_LIBS_ABI_ID", file),
        functions=frozenset(_FUNCTION.findall(code)),
        own_symbols=frozenset(_OWN_FUNCTION.findall(code)),
    )


def check_interface(file: Path, header_file: Path) -> None:
    """Refuse an interface.json that does not describe the header.

    Called only for wheels: compiled code does not depend on the description.
    """
    header = read_header(header_file)
    files = {"file": file, "header": header_file.name}
    try:
        described = parse_json(read_text(file))
        named = {function["name"] for function in described["functions"]}
        facts = (
            ("version", described["version"], header.version),
            ("ABI id", described["abi"], header.abi),
            ("SHA-256 of the header", described["header"]["sha256"], sha256_of(header_file)),
        )
    except OSError as error:
        raise _refused(message("interface-unreadable", file=file, reason=error.strerror)) from None
    except (KeyError, TypeError, ValueError):
        raise _refused(message("interface-malformed", file=file)) from None
    # Without the symbol that ties a program to its archive, which changes with each version.
    own = {name for name in header.own_symbols if not name.endswith(f"_abi_{header.abi}")}
    # Functions first: unlike a hash, they show what has changed.
    if differing := named ^ (own | header.functions):
        functions = ", ".join(sorted(differing))
        raise _refused(message("interface-functions-differ", functions=functions, **files))
    for subject, found, expected in facts:
        if found != expected:
            values = {"subject": subject, "found": found, "expected": expected}
            raise _refused(message("interface-value-differs", **files, **values))


def _refused(problem: str) -> CompileError:
    return CompileError(f"{problem}\n  fix:    {_FIX}")


def _macro(text: str, name: str, file: Path) -> str:
    match = re.search(rf'^\s*#\s*define\s+{name}\s+"([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise unexpected(message("header-without-macro", file=file, name=name))
    return match[1]
