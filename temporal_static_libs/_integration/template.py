"""The templates in share/, with placeholders ``@NAME@``, and what goes into them."""

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
    """What such files say that is not in the manifest.

    Paths are relative to the directory that has ``cmake/`` and ``pkgconfig/`` in it, so that the
    files hold wherever the whole is put; or absolute, in files for one machine.

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
    """Fill in a template, and return its text.

    Args:
        template: its file name.
        values: what to put for each placeholder, in the syntax of the file.

    Raises:
        KeyError: a placeholder has no value.
        OSError, ValueError: the template cannot be read.
    """
    text = read_text(_SHARE_DIR / template)
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
