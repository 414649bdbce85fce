"""Counts of how often a word is still allowed in a file, which can only fall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from tools import ToolError

Counts: TypeAlias = Counter[tuple[str, str]]
"""By path and word."""

HEADER = """\
# Uses that `make lint-words` still allows: path, word, count. Generated; to lower the counts, run
# make lint-words WORDS_ARGS=--update
"""


def read_allowed(path: Path) -> Counts:
    """Read the counts. An invalid line, for example after a merge, is an error."""
    counts = Counts()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        try:
            file, word, count = line.split("\t")
            counts[file, word] += int(count)
        except ValueError:
            problem = f"expected path, word and count, found {line!r}"
            raise ToolError(f"{path}:{number}: {problem}") from None
    return counts


def write_allowed(path: Path, counts: Mapping[tuple[str, str], int]) -> None:
    """Write the counts, sorted, one per line."""
    rows = [f"{file}\t{word}\t{count}\n" for (file, word), count in sorted(counts.items()) if count]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
