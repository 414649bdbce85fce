"""Where the files for build systems are to say that the archives are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class Places:
    """What such files say besides what is in the manifest.

    Paths are relative to the directory that has ``cmake/`` and ``pkgconfig/`` in it, so that the
    files hold wherever the whole is put.

    Attributes:
        archives: the directory of the archives.
        include: the directory of the C header.
        protos: the directory of the protobuf files.
        source: ``wheel``, ``override`` or ``compiled``.
        mend: the command that puts a broken set right.
    """

    archives: PurePath
    include: PurePath
    protos: PurePath
    source: str
    mend: str
