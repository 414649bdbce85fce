"""Make the license file of the protobuf files: a list of their directories, then the texts.

usage: python -m tools.licenses.protos

Writes ``rust/PROTO-LICENSES.txt`` for the files of the crate that ``rust/Cargo.lock`` names, which
cargo fetches if they are not there. The form is that of ``rust/THIRD-PARTY-LICENSES.txt``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any, Final

from temporal_static_libs._build.staging import crate_directory, find_protos
from tools import ROOT
from tools.licenses.crate_texts import PART, SECTION

WORKSPACE = ROOT / "rust"
LICENSES = WORKSPACE / "PROTO-LICENSES.txt"
_TEXTS = ROOT / "tools" / "licenses" / "texts"

_WIDTH: Final = len(SECTION)

_HEAD: Final = """\
The licenses of the protobuf files in temporal-static-libs

Made by `make proto-licenses`; do not edit.
The files are those of the crate temporalio-protos {version}, unmodified.

First each directory with its license; of a directory inside another, the entry of the inner one
counts. Then the texts, and where each comes from.

"""


class LicenseError(Exception):
    """A license file cannot be made. The message says why."""


@dataclass(frozen=True)
class License:
    """The license of some directories.

    Attributes:
        identifier: SPDX's, as in ``MIT``.
        name: the license's full name.
        directories: what it is of, relative to the include directory.
        source: where the text comes from, a sentence.
        text: a file of the crate with the text, as it is.
        head: a file of the include directory that begins with the text, as a comment.
        kept: a file in texts/, for a text that the crate does not have.
    """

    identifier: str
    name: str
    directories: tuple[str, ...]
    source: str
    text: str | None = None
    head: str | None = None
    kept: str | None = None


LICENSE_TABLE: Final = (
    License(
        "Apache-2.0",
        "Apache License 2.0",
        ("google/api", "google/rpc", "grpc"),
        "Each file names this license at its head, with its copyright; the crate does not have the "
        "text. This is the one of the package googleapis-common-protos, which has these files too.",
        kept="Apache-2.0.txt",
    ),
    License(
        "BSD-3-Clause",
        "BSD 3-Clause License",
        ("google/protobuf",),
        "Each file has this text at its head.",
        head="google/protobuf/any.proto",
    ),
    License(
        "BSD-3-Clause",
        "BSD 3-Clause License",
        ("protoc-gen-openapiv2",),
        "Neither the files nor the crate name a license. By their option go_package they are of "
        "github.com/grpc-ecosystem/grpc-gateway, and this is the license of that project as Debian "
        "has it, in the package golang-github-grpc-ecosystem-grpc-gateway-dev 1.6.4-2.",
        kept="grpc-gateway.txt",
    ),
    License(
        "MIT",
        "MIT License",
        ("nexusannotations", "temporal/api"),
        "The file protos/api_upstream/LICENSE of the crate; these are the files below it that name "
        "no other license.",
        text="protos/api_upstream/LICENSE",
    ),
    License(
        "MIT",
        "MIT License",
        ("temporal/api/cloud",),
        "The file protos/api_cloud_upstream/LICENSE of the crate.",
        text="protos/api_cloud_upstream/LICENSE",
    ),
    License(
        "MIT",
        "MIT License",
        ("temporal/api/testservice",),
        "Each file has this text at its head.",
        head="temporal/api/testservice/v1/service.proto",
    ),
    License(
        "MIT",
        "MIT License",
        ("temporal/sdk/core",),
        "The file LICENSE.txt of the crate.",
        text="LICENSE.txt",
    ),
)


def render(metadata: Mapping[str, Any]) -> str:
    """The license file of the crate that a workspace uses.

    Args:
        metadata: what ``cargo metadata`` says of the workspace.

    Raises:
        LicenseError: a protobuf file is in none of the directories, or a directory has none.
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
        heading = f"{entry.name} ({entry.identifier})"
        directories = "".join(f"{directory}\n" for directory in entry.directories)
        source = textwrap.fill(f"({entry.source})", _WIDTH)
        text = "\n".join(line.rstrip() for line in _lines(entry, crate, protos)).strip("\n")
        parts.append(f"\n{SECTION}\n{heading}\n{PART}\n{directories}{PART}\n{source}\n\n{text}\n")
    return "".join(parts)


def _check_complete(protos: Iterable[PurePath]) -> None:
    directories = {PurePath(name) for entry in LICENSE_TABLE for name in entry.directories}
    for path in protos:
        if not directories.intersection(path.parents):
            raise LicenseError(f"{path} is in no directory of LICENSE_TABLE: add its directory")
    for directory in directories:
        if not any(directory in path.parents for path in protos):
            raise LicenseError(f"LICENSE_TABLE has {directory}, without a protobuf file: remove it")


def _lines(entry: License, crate: Path, protos: Mapping[PurePath, Path]) -> Iterator[str]:
    if entry.head is not None:
        lines = protos[PurePath(entry.head)].read_text(encoding="utf-8").splitlines()
        for line in takewhile(lambda line: line.startswith("//"), lines):
            yield line.removeprefix("//").removeprefix(" ")
    else:
        file = _TEXTS / entry.kept if entry.kept else crate / str(entry.text)
        yield from file.read_text(encoding="utf-8").splitlines()


def read_metadata() -> dict[str, Any]:
    """What ``cargo metadata`` says of the workspace.

    Raises:
        subprocess.CalledProcessError: it failed; its messages are on stderr.
    """
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    done = subprocess.run(command, cwd=WORKSPACE, stdout=subprocess.PIPE, check=True)
    metadata: dict[str, Any] = json.loads(done.stdout)
    return metadata


def main() -> int:
    """Run the command line; 0 when the file is written, 1 with a message when it is not."""
    try:
        LICENSES.write_text(render(read_metadata()), encoding="utf-8")
    except (LicenseError, OSError, subprocess.CalledProcessError) as error:
        print(f"proto-licenses: {error}", file=sys.stderr)
        return 1
    print(f"proto-licenses: {len(LICENSE_TABLE)} texts in {LICENSES.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
