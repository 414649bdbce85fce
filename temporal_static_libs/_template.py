"""The templates in share/, whose blanks are ``@NAME@``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_SHARE_DIR = Path(__file__).parent / "share"
_BLANK = re.compile(r"@([A-Z_]+)@")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template.

    Args:
        template: its file name.
        values: what to put for each blank, in the syntax of the file.

    Raises:
        KeyError: a blank has no value.
        OSError: the template cannot be read.
    """
    text = (_SHARE_DIR / template).read_text(encoding="utf-8")
    return _BLANK.sub(lambda blank: values[blank[1]], text)
