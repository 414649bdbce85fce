"""License texts of the linked crates, found by cargo-about, as one file for people."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools import ToolError
from tools.licenses.linked_crates import PACKAGE, Crate
from tools.licenses.sections import SECTION, WIDTH, section

# Only a warning of cargo-about, which continues without the clarification.
_CLARIFICATION_FAILED: Final = "failed to validate all files specified in clarification"

_HEAD: Final = """\
Third-party software inside libtemporal_sdk_core.a and libtemporal_client.a

Made by `make licenses`; do not edit.
SHA-256 of Cargo.lock: {lock_sha256}

First, everything in the archives with its license, and its platforms unless it is on all of them.
Then the texts. If there is a choice of licenses, the one whose text is included was chosen. The
source of a crate, unmodified, is what cargo fetches for its name and version.

"""

_NO_FILE: Final = (
    "(These crates declare this license, but have no file with exactly its text. This is the "
    "text that SPDX publishes. The crates' authors: {authors}.)"
)


class LicenseText(NamedTuple):
    """A text, with its license's SPDX identifier and full name, and its crates."""

    identifier: str
    name: str
    text: str
    crates: tuple[Crate, ...]


class Licenses(NamedTuple):
    """The SPDX expression of each crate, and the texts in the order of their identifiers."""

    expressions: Mapping[Crate, str]
    texts: tuple[LicenseText, ...]


def run_cargo_about(program: str, workspace: Path, triples: Iterable[str]) -> dict[str, Any]:
    """Find the licenses and their texts, only in the crates' sources on this machine.

    The workspace's about.toml lists the allowed licenses and the checksums of files. The answer
    covers every crate that cargo metadata knows, including macros.
    """
    (manifest,) = (
        path
        for path in workspace.glob("*/Cargo.toml")
        if f'name = "{PACKAGE}"' in path.read_text(encoding="utf-8")
    )
    command = [program, "generate", "--frozen", "--fail", "--format", "json"]
    command += ["--config", "about.toml", "--manifest-path", str(manifest)]
    command += [f"--target={triple}" for triple in triples]
    done = subprocess.run(
        command, cwd=workspace, capture_output=True, encoding="utf-8", check=False
    )
    sys.stderr.write(done.stderr)
    done.check_returncode()
    if _CLARIFICATION_FAILED in done.stderr:
        raise ToolError("a clarification in about.toml is out of date: see cargo-about's warning")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def licenses_of(answer: Mapping[str, Any], linked: Iterable[Crate]) -> Licenses:
    """Reduce cargo-about's answer to the linked crates, each of which must have a license."""
    wanted = set(linked)
    expressions = {
        crate: re.sub(r"\s*/\s*", " OR ", entry["license"])
        for entry in answer["crates"]
        if (crate := Crate.of(entry["package"])) in wanted
    }
    texts = []
    for license_ in answer["licenses"]:
        users = {Crate.of(user["crate"]): user["crate"] for user in license_["used_by"]}
        crates = tuple(sorted(users.keys() & wanted))
        if not crates:
            continue
        text = license_["text"].strip("\n")
        if license_["source_path"] is None:
            # Without their e-mail addresses.
            people = {it.partition(" <")[0] for crate in crates for it in users[crate]["authors"]}
            note = _NO_FILE.format(authors=", ".join(sorted(people)) or "not named")
            text = f"{textwrap.fill(note, WIDTH)}\n\n{text}"
        texts.append(LicenseText(license_["id"], license_["name"], text, crates))
    lacking = {crate for crate in wanted if expressions.get(crate, "Unknown") == "Unknown"}
    lacking |= wanted - {crate for text in texts for crate in text.crates}
    if lacking:
        names = ", ".join(map(str, sorted(lacking)))
        raise ToolError(f"cargo-about finds no license for {names}: clarify it in about.toml")
    texts.sort(key=lambda text: (text.identifier, text.crates))
    return Licenses(dict(sorted(expressions.items())), tuple(texts))


def render(
    licenses: Licenses,
    platforms: Mapping[Crate, tuple[str, ...]],
    standard_library: str,
    lock_sha256: str,
) -> str:
    """Return the license file.

    Args:
        licenses: the licenses of third-party crates.
        platforms: the platforms of each crate.
        standard_library: the text of the section on Rust's standard library.
        lock_sha256: the hash of Cargo.lock.
    """
    everywhere = {platform for names in platforms.values() for platform in names}
    parts = [_HEAD.format(lock_sha256=lock_sha256)]
    for crate, expression in licenses.expressions.items():
        names = platforms[crate]
        only = "" if set(names) == everywhere else f" ({', '.join(names)})"
        parts.append(f"{crate}: {expression}{only}\n")
    parts.append("\nAnd Rust's standard library, which is the last section.\n")
    for entry in licenses.texts:
        parts.append(section(entry.name, entry.identifier, entry.crates, entry.text))
    parts.append(f"\n{SECTION}\n{standard_library}")
    return "".join(parts)
