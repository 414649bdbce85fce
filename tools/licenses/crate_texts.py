"""The licence texts of the linked crates, found by cargo-about, as one file for people.

A section is a line of ``=``, the licence, a line of ``-``, the crates it is for, one a line, a line
of ``-`` and the text.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.licenses.linked_crates import PACKAGE, Crate

_WIDTH: Final = 100
SECTION: Final = "=" * _WIDTH
PART: Final = "-" * _WIDTH

# Only a warning of cargo-about, which goes on without the clarification.
_CLARIFICATION_FAILED: Final = "failed to validate all files specified in clarification"

_HEAD: Final = """\
Third-party software inside libtemporal_sdk_core.a and libtemporal_client.a

Made by `make licenses`; do not edit.
SHA-256 of Cargo.lock: {lock_sha256}

First all that is in the archives, with its licence; what is not on every platform names those it is
on. Then the texts. Where there is a choice of licences, the one whose text is here was taken. The
source of a crate, unmodified, is what cargo fetches for its name and version.

"""

_NO_FILE: Final = (
    "(These crates declare this licence, and have no file that is its text as it stands. This is "
    "the text that SPDX publishes. The crates' authors: {authors}.)"
)


@dataclass(frozen=True)
class LicenceText:
    """One text, and the crates it is the licence of.

    Attributes:
        identifier: SPDX's, as in ``MIT``.
        name: the licence's full name.
        text: what the crates' licence file says.
        crates: sorted.
    """

    identifier: str
    name: str
    text: str
    crates: tuple[Crate, ...]


@dataclass(frozen=True)
class Licences:
    """What cargo-about found.

    Attributes:
        expressions: SPDX expression of each crate.
        texts: in the order of their identifiers.
    """

    expressions: Mapping[Crate, str]
    texts: tuple[LicenceText, ...]


def run_cargo_about(program: str, workspace: Path, triples: Iterable[str]) -> dict[str, Any]:
    """Find the licences and their texts, in the crates' sources on this machine and nowhere else.

    Args:
        program: cargo-about.
        workspace: the directory of the Cargo workspace and of about.toml.
        triples: the target triples.

    Returns:
        Its answer: of every crate that cargo metadata knows, macros included.

    Raises:
        subprocess.CalledProcessError: a licence is not on about.toml's list; what cargo-about says
            of it goes to stderr, as its warnings do.
        ValueError: a file that about.toml has the checksum of is another one now.
    """
    command = [program, "generate", "--frozen", "--fail", "--format", "json"]
    command += ["--config", "about.toml", "--manifest-path", str(_manifest_path(workspace))]
    for triple in triples:
        command += ["--target", triple]
    done = subprocess.run(
        command, cwd=workspace, capture_output=True, encoding="utf-8", check=False
    )
    sys.stderr.write(done.stderr)
    done.check_returncode()
    if _CLARIFICATION_FAILED in done.stderr:
        raise ValueError("a clarification in about.toml is out of date: see cargo-about's warning")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def licences_of(answer: Mapping[str, Any], linked: Iterable[Crate]) -> Licences:
    """Reduce cargo-about's answer to the linked crates.

    Args:
        answer: from `run_cargo_about`.
        linked: the crates.

    Raises:
        ValueError: it has no licence or no text for one of them.
    """
    wanted = set(linked)
    expressions = {
        crate: re.sub(r"\s*/\s*", " OR ", entry["license"])
        for entry in answer["crates"]
        if (crate := _crate(entry["package"])) in wanted
    }
    texts = []
    for licence in answer["licenses"]:
        users = {_crate(user["crate"]): user["crate"] for user in licence["used_by"]}
        crates = tuple(sorted(users.keys() & wanted))
        if not crates:
            continue
        text = licence["text"].strip("\n")
        if licence["source_path"] is None:
            text = f"{_no_file(users[crate] for crate in crates)}\n\n{text}"
        texts.append(LicenceText(licence["id"], licence["name"], text, crates))
    lacking = {crate for crate in wanted if expressions.get(crate, "Unknown") == "Unknown"}
    lacking |= wanted - {crate for licence in texts for crate in licence.crates}
    if lacking:
        names = ", ".join(map(str, sorted(lacking)))
        raise ValueError(f"cargo-about finds no licence for {names}: clarify it in about.toml")
    texts.sort(key=lambda licence: (licence.identifier, licence.crates))
    return Licences(dict(sorted(expressions.items())), tuple(texts))


def render(
    licences: Licences,
    platforms: Mapping[Crate, tuple[str, ...]],
    standard_library: str,
    lock_sha256: str,
) -> str:
    """Write the file.

    Args:
        licences: of the crates that are not this project's own.
        platforms: the platforms that have each crate.
        standard_library: the text of the section on Rust's standard library.
        lock_sha256: hash of Cargo.lock.
    """
    everywhere = {platform for names in platforms.values() for platform in names}
    parts = [_HEAD.format(lock_sha256=lock_sha256)]
    for crate, expression in licences.expressions.items():
        names = platforms[crate]
        only = "" if set(names) == everywhere else f" ({', '.join(names)})"
        parts.append(f"{crate}: {expression}{only}\n")
    parts.append("\nAnd Rust's standard library, which is the last section.\n")
    for licence in licences.texts:
        crates = "".join(f"{crate}\n" for crate in licence.crates)
        heading = f"{licence.name} ({licence.identifier})"
        text = "\n".join(line.rstrip() for line in licence.text.splitlines())
        parts.append(f"\n{SECTION}\n{heading}\n{PART}\n{crates}{PART}\n{text}\n")
    parts.append(f"\n{SECTION}\n{standard_library}")
    return "".join(parts)


def _crate(package: Mapping[str, Any]) -> Crate:
    return Crate(package["name"], package["version"])


def _no_file(packages: Iterable[Mapping[str, Any]]) -> str:
    # Less their addresses.
    people = {name.partition(" <")[0] for package in packages for name in package["authors"]}
    note = _NO_FILE.format(authors=", ".join(sorted(people)) or "not named")
    return textwrap.fill(note, _WIDTH)


def _manifest_path(workspace: Path) -> Path:
    """The Cargo.toml of the package that the archives are made of."""
    (manifest,) = (
        path
        for path in workspace.glob("*/Cargo.toml")
        if f'name = "{PACKAGE}"' in path.read_text(encoding="utf-8")
    )
    return manifest
