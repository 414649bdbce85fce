"""What the committed C header says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .._errors import CompileError
from .advice import unexpected

#: Of every symbol of this project's own.
OWN_PREFIX = "temporal_static_libs_"

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_FUNCTION = re.compile(r"\b(temporal_core_\w+)\s*\(")
_OWN_FUNCTION = re.compile(rf"\b({OWN_PREFIX}\w+)\s*\(")


@dataclass(frozen=True)
class Header:
    """The facts that a manifest and the checks of a build need.

    Attributes:
        version: TEMPORAL_STATIC_LIBS_VERSION.
        abi: TEMPORAL_STATIC_LIBS_ABI_ID.
        functions: names of the API functions it declares.
        own_symbols: names of this project's own functions, the one that ties a program to its
            archive included.
    """

    version: str
    abi: str
    functions: frozenset[str]
    own_symbols: frozenset[str]


def read_header(file: Path) -> Header:
    """Read the header.

    Args:
        file: temporal-sdk-core-c-bridge.h

    Raises:
        CompileError: it is missing, or lacks one of the macros.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise CompileError(
            f"{file} cannot be read: {error.strerror}\n"
            "  mend:   install the package anew, or in a checkout: git restore the file"
        ) from None
    code = _COMMENT.sub("", text)
    return Header(
        version=_macro(text, "TEMPORAL_STATIC_LIBS_VERSION", file),
        abi=_macro(text, "TEMPORAL_STATIC_LIBS_ABI_ID", file),
        functions=frozenset(_FUNCTION.findall(code)),
        own_symbols=frozenset(_OWN_FUNCTION.findall(code)),
    )


def _macro(text: str, name: str, file: Path) -> str:
    match = re.search(rf'^\s*#\s*define\s+{name}\s+"([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise unexpected(f"{file} has no line '#define {name} \"…\"'")
    return match[1]
