"""Find words of the glossary, and misspellings, in the files of a checkout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import tomli

# Between two words of a phrase: a space, a joint of an identifier, or a line break with the quotes
# or comment signs around it.
_CAMEL = r"(?-i:(?<=[a-z])(?=[A-Z]))"
_BREAK = r"""[ \t]*["']?[ \t]*\\?\n[ \t]*(?:\\\\|\#+|//[/!]?|\*|>|[bfr]?["'])?[ \t]*"""
_GAP = rf"(?:[ _-]|{_CAMEL}|{_BREAK})"
# Around a phrase: never inside a word, but also inside an identifier.
_START = rf"(?:(?<![^\W_])|{_CAMEL})"
_END = rf"(?:(?![^\W_])|{_CAMEL})"


class WordsError(Exception):
    """The words cannot be checked."""


@dataclass(frozen=True)
class Glossary:
    """The table of words.

    Attributes:
        exclude: patterns of paths that are not checked.
        rules: phrases not to write, each with what to write instead.
        advice: the same, for phrases that are often right.
    """

    exclude: Sequence[str]
    rules: Mapping[str, Sequence[str]]
    advice: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Source:
    """A file to check.

    Attributes:
        path: from the root of the checkout.
        lines: the path, then the lines of the file, so that an index is a line number.
    """

    path: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Hit:
    """A word that is not to be written.

    Attributes:
        path: of the file.
        line: its number; 0 is the path itself.
        word: in lower case, with spaces between the words of a phrase.
        instead: what to write.
        excerpt: the line.
    """

    path: str
    line: int
    word: str
    instead: Sequence[str]
    excerpt: str


def read_glossary(path: Path) -> Glossary:
    """Read the table of words."""
    table = tomli.loads(path.read_text(encoding="utf-8"))
    return Glossary(table["exclude"], table["rules"], table["advice"])


def read_sources(root: Path, exclude: Sequence[str]) -> list[Source]:
    """Read the text files of a checkout, including those that are not committed yet.

    Raises:
        WordsError: if Git cannot list the files.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WordsError(f"git cannot list the files of {root}: {done.stderr.strip()}")
    sources = []
    for path in sorted(set(done.stdout.split("\0")) - {""}):
        file = root / path
        # Git lists a deleted file until the deletion is committed.
        if any(fnmatchcase(path, pattern) for pattern in exclude) or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if "\0" not in text:
            sources.append(Source(path, [path, *_present(path, text).split("\n")]))
    return sources


def _present(path: str, text: str) -> str:
    """Leave out the changelog's entries for past versions."""
    return "\n## [".join(text.split("\n## [")[:2]) if path == "CHANGELOG.md" else text


def find_phrases(sources: Iterable[Source], phrases: Mapping[str, Sequence[str]]) -> Iterator[Hit]:
    """Find phrases of the glossary."""
    known = list(phrases)
    groups = "|".join(f"({_GAP.join(phrase.split())})" for phrase in known)
    pattern = re.compile(f"{_START}(?:{groups}){_END}", re.IGNORECASE)
    for source in sources:
        text = "\n".join(source.lines)
        for match in pattern.finditer(text):
            word = known[(match.lastindex or 0) - 1]
            line = text.count("\n", 0, match.start())
            yield Hit(source.path, line, word, phrases[word], source.lines[line])


def find_misspellings(sources: Sequence[Source], settings: Path) -> Iterator[Hit]:
    """Find words that are not spelled as in American English.

    The text of all files goes to the standard input of typos: given the files, it skips each that
    could hold its settings, such as pyproject.toml and Cargo.toml.

    Args:
        sources: the files.
        settings: of typos.

    Raises:
        WordsError: if typos fails.
    """
    places = [(source, line) for source in sources for line in range(len(source.lines))]
    program = Path(sys.executable).with_name("typos")
    command: list[str | Path] = [program, "--config", settings, "--format", "json", "-"]
    text = "\n".join(source.lines[line] for source, line in places).encode()
    try:
        done = subprocess.run(command, input=text, capture_output=True, check=False)
    except FileNotFoundError:
        raise WordsError(f"{program} is missing: run 'make .venv/lint/.ready'") from None
    if done.returncode not in (0, 2):  # 2: there are misspellings
        raise WordsError(f"typos failed: {done.stderr.decode(errors='replace').strip()}")
    for found in map(json.loads, done.stdout.splitlines()):
        if found["type"] != "typo":
            raise WordsError(f"typos did not check the text: {found}")
        source, line = places[found["line_num"] - 1]
        instead = [word.lower() for word in found["corrections"]]
        yield Hit(source.path, line, found["typo"].lower(), instead, source.lines[line])
