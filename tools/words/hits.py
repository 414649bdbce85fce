"""Find words of the glossary and misspellings in the files of a checkout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from tools import ToolError

# Between two words of a phrase: a space, a word boundary in an identifier, or a line break with the
# quotes or comment marks around it.
_CAMEL = r"(?-i:(?<=[a-z])(?=[A-Z]))"
_BREAK = r"""[ \t]*["']?[ \t]*\\?\n[ \t]*(?:\\\\|\#+|//[/!]?|\*|>|[bfr]?["'])?[ \t]*"""
_GAP = rf"(?:[ _-]|{_CAMEL}|{_BREAK})"
# Around a phrase: not inside a word, but possibly inside an identifier.
_START = rf"(?:(?<![^\W_])|{_CAMEL})"
_END = rf"(?:(?![^\W_])|{_CAMEL})"


class Source(NamedTuple):
    """A file to check: its path from the root of the checkout, and its lines.

    The path is the first element of `lines`, so that an index is a line number.
    """

    path: str
    lines: Sequence[str]


class Hit(NamedTuple):
    """A use of a word to avoid.

    Attributes:
        path: the path of the file.
        line: the line number; 0 for the path itself.
        word: the word or phrase in lower case, with spaces between words.
        instead: what to write.
        excerpt: the text of the line.
    """

    path: str
    line: int
    word: str
    instead: Sequence[str]
    excerpt: str


def read_sources(root: Path, exclude: Sequence[str]) -> list[Source]:
    """Read a checkout's text files, including uncommitted ones, except excluded patterns."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"git cannot list the files of {root}: {done.stderr.strip()}")
    sources = []
    for path in sorted(set(done.stdout.split("\0")) - {""}):
        file = root / path
        # Git lists a deleted file until the deletion is committed.
        if any(fnmatchcase(path, pattern) for pattern in exclude) or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if "\0" not in text:
            if path == "CHANGELOG.md":  # without its entries for past versions
                text = "\n## [".join(text.split("\n## [")[:2])
            sources.append(Source(path, [path, *text.split("\n")]))
    return sources


def find_phrases(sources: Iterable[Source], phrases: Mapping[str, Sequence[str]]) -> Iterator[Hit]:
    """Find phrases, given with what to write instead."""
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
    """Find words that are not spelled in American English.

    The text of all files is passed on the standard input of typos. Given files, it would skip those
    that can contain its settings, such as pyproject.toml. The settings are in `settings`.
    """
    places = [(source, line) for source in sources for line in range(len(source.lines))]
    program = Path(sys.executable).with_name("typos")
    command: list[str | Path] = [program, "--config", settings, "--format", "json", "-"]
    text = "\n".join(source.lines[line] for source, line in places).encode()
    try:
        done = subprocess.run(command, input=text, capture_output=True, check=False)
    except FileNotFoundError:
        raise ToolError(f"{program} is missing: run 'make .venv/lint/.ready'") from None
    if done.returncode not in (0, 2):  # 2: there are misspellings
        raise ToolError(f"typos failed: {done.stderr.decode(errors='replace').strip()}")
    for found in map(json.loads, done.stdout.splitlines()):
        if found["type"] != "typo":
            raise ToolError(f"typos did not check the text: {found}")
        source, line = places[found["line_num"] - 1]
        instead = [word.lower() for word in found["corrections"]]
        yield Hit(source.path, line, found["typo"].lower(), instead, source.lines[line])
