"""What the committed C header says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .._errors import CompileError

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_FUNCTION = re.compile(r"\b(temporal_core_\w+)\s*\(")


@dataclass(frozen=True)
class Header:
    """The facts that a manifest and the checks of a build need.

    Attributes:
        version: TEMPORAL_STATIC_LIBS_VERSION.
        abi: TEMPORAL_STATIC_LIBS_ABI_ID.
        functions: names of the API functions it declares.
    """

    version: str
    abi: str
    functions: frozenset[str]


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
        raise CompileError(f"{file} cannot be read: {error.strerror}") from None
    return Header(
        version=_macro(text, "TEMPORAL_STATIC_LIBS_VERSION", file),
        abi=_macro(text, "TEMPORAL_STATIC_LIBS_ABI_ID", file),
        functions=frozenset(_FUNCTION.findall(_COMMENT.sub("", text))),
    )


def _macro(text: str, name: str, file: Path) -> str:
    match = re.search(rf'^\s*#\s*define\s+{name}\s+"([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise CompileError(f'{file} has no line \'#define {name} "…"\'')
    return match[1]
