"""The templates in share/, with placeholders ``@NAME@``, and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from .._records import read_text

_SHARE_DIR = Path(__file__).parent.parent / "share"
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True)
class Places:
    """The values for the templates that are not in the manifest.

    Paths are relative to the directory that contains ``cmake/`` and ``pkgconfig/``, so that the
    package can be moved; or absolute, in files for one machine.

    Attributes:
        archives: the directory of the archives.
        include: the directory of the C header.
        protos: the directory of the protobuf files.
        source: ``wheel``, ``override``, ``compiled`` or ``tarball``.
        fix: the command that fixes a broken set.
    """

    archives: PurePath
    include: PurePath
    protos: PurePath
    source: str
    fix: str


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template and return its text.

    Args:
        template: the file name.
        values: placeholder to value, in the syntax of the file.

    Raises:
        KeyError: a placeholder has no value.
        OSError, ValueError: the template cannot be read.
    """
    text = read_text(_SHARE_DIR / template)
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
