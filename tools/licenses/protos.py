"""Make the license file of the protobuf files: a list of their directories, then the texts.

usage: python -m tools.licenses.protos

Writes ``rust/PROTO-LICENSES.txt`` for the files of the crate in ``rust/Cargo.lock``, which cargo
fetches if they are missing. ``protos.json`` has the license of each directory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any, Final

from temporal_static_libs._build.staging import crate_directory, find_protos
from tools import ROOT, ToolError, report_errors
from tools.licenses.sections import WIDTH, section

WORKSPACE = ROOT / "rust"
LICENSES = WORKSPACE / "PROTO-LICENSES.txt"
_TABLE = Path(__file__).with_name("protos.json")

_HEAD: Final = """\
The licenses of the protobuf files in temporal-static-libs

Made by `make proto-licenses`; do not edit.
The files are those of the crate temporalio-protos {version}, unmodified.

First each directory with its license; of a directory inside another, the entry of the inner one
counts. Then the texts, and where each comes from.

"""


@dataclass(frozen=True)
class License:
    """The license of some directories. Exactly one of the last three is given.

    Attributes:
        identifier: the SPDX identifier, such as ``MIT``.
        name: the license's full name.
        directories: the directories it covers, relative to the include directory.
        source: where the text comes from, a sentence.
        text: a file of the crate that contains only the text.
        head: a file of the include directory that begins with the text, as a comment.
        kept: a file in texts/, for a text that the crate lacks.
    """

    identifier: str
    name: str
    directories: list[str]
    source: str
    text: str = ""
    head: str = ""
    kept: str = ""


LICENSE_TABLE: Final = [License(**row) for row in json.loads(_TABLE.read_text(encoding="utf-8"))]


def render(metadata: Mapping[str, Any]) -> str:
    """Return the license file of the crate that a workspace uses, from ``cargo metadata``.

    Each protobuf file must be in a directory of the table, and each directory must have one.
    """
    protos = find_protos(metadata)
    crate = crate_directory(metadata)
    _check_complete(protos)
    (version,) = {
        package["version"]
        for package in metadata["packages"]
        if Path(package["manifest_path"]).parent == crate
    }
    listed = {name: it.identifier for it in LICENSE_TABLE for name in it.directories}
    parts = [_HEAD.format(version=version)]
    parts += [f"{name}: {identifier}\n" for name, identifier in sorted(listed.items())]
    for entry in LICENSE_TABLE:
        source = textwrap.fill(f"({entry.source})", WIDTH)
        text = f"{source}\n\n{_text(entry, crate, protos)}"
        parts.append(section(entry.name, entry.identifier, entry.directories, text))
    return "".join(parts)


def _check_complete(protos: Iterable[PurePath]) -> None:
    directories = {PurePath(name) for entry in LICENSE_TABLE for name in entry.directories}
    for path in protos:
        if not directories.intersection(path.parents):
            raise ToolError(f"{path} is not in any directory of {_TABLE.name}: add its directory")
    for directory in directories:
        if not any(directory in path.parents for path in protos):
            raise ToolError(f"{_TABLE.name} lists {directory}, without protobuf files: remove it")


def _text(entry: License, crate: Path, protos: Mapping[PurePath, Path]) -> str:
    if entry.head:
        lines = protos[PurePath(entry.head)].read_text(encoding="utf-8").splitlines()
        comment = takewhile(lambda line: line.startswith("//"), lines)
        text = "\n".join(line.removeprefix("//").removeprefix(" ") for line in comment)
    else:
        file = _TABLE.parent / "texts" / entry.kept if entry.kept else crate / entry.text
        text = file.read_text(encoding="utf-8")
    return text.strip("\n")


def read_metadata() -> dict[str, Any]:
    """Return the output of ``cargo metadata`` for the workspace."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=WORKSPACE))
    return metadata


def _write() -> None:
    try:
        LICENSES.write_text(render(read_metadata()), encoding="utf-8")
    except OSError as error:
        raise ToolError(str(error)) from None
    print(f"proto-licenses: {len(LICENSE_TABLE)} texts in {LICENSES.name}")


if __name__ == "__main__":
    sys.exit(report_errors("proto-licenses", _write))
