"""Check words and spelling: glossary.toml's phrases, and American English.

    python -m tools.words [--update] [--accept] [--advice]

Runs in an environment with pyproject.toml's dependency group ``lint``. See CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tomli

from tools import ROOT, ToolError
from tools.words.allowed import Counts, read_allowed, write_allowed
from tools.words.hits import Hit, find_misspellings, find_phrases, read_sources

TABLES = "tools/words"


def run(root: Path, *, update: bool, accept: bool, advice: bool) -> int:
    """Check the words of a checkout, after lowering or raising the counts if requested."""
    tables = root / TABLES
    glossary = tomli.loads((tables / "glossary.toml").read_text(encoding="utf-8"))
    sources = read_sources(root, glossary["exclude"])
    if advice:
        for hit in find_phrases(sources, glossary["advice"]):
            print(f'{_place(hit)}\n    "{hit.word}": perhaps {_quoted(hit.instead)}')
        return 0
    misspellings = find_misspellings(sources, tables / "typos.toml")
    hits = [*find_phrases(sources, glossary["rules"]), *misspellings]
    found = Counts((hit.path, hit.word) for hit in hits)
    allowed = read_allowed(tables / "allowed.tsv")
    if update or accept:
        before, allowed = allowed, found if accept else found & allowed
        write_allowed(tables / "allowed.tsv", allowed)
        print(f"{TABLES}/allowed.tsv: {before.total()} uses before, {allowed.total()} now")
    problems = list(_compare(hits, found, allowed))
    print("".join(f"{line}\n" for line in problems), end="")
    return 1 if problems else 0


def _compare(hits: Sequence[Hit], found: Counts, allowed: Counts) -> Iterator[str]:
    """Yield lines to print: differences, each use of a too frequent word, what to do."""
    for path, word in sorted(found - allowed):
        uses = [hit for hit in hits if (hit.path, hit.word) == (path, word)]
        yield (
            f'{path}: "{word}" {_times(found[path, word])}, at most {allowed[path, word]} allowed: '
            f"say {_quoted(uses[0].instead)}"
        )
        yield from (f"    {_place(hit)}" for hit in uses)
    for path, word in sorted(allowed - found):
        yield f'{path}: "{word}" {_times(found[path, word])}, but {allowed[path, word]} allowed'
    if found - allowed:
        yield "If a use is right, or only its file was renamed: make lint-words WORDS_ARGS=--accept"
    if allowed - found:
        yield "To lower the counts: make lint-words WORDS_ARGS=--update"


def _place(hit: Hit) -> str:
    return f"{hit.path}:{hit.line}: {hit.excerpt.strip()}" if hit.line else f"{hit.path}: its path"


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"


def _quoted(words: Sequence[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line, this process's if None.

    Returns:
        0; 1 if a word is used more or less often than allowed; 2 if the words cannot be checked.
    """
    parser = argparse.ArgumentParser(prog="words", description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="lower the counts in allowed.tsv")
    parser.add_argument(
        "--accept", action="store_true", help="also raise the counts, for uses to keep"
    )
    parser.add_argument(
        "--advice", action="store_true", help="list phrases that need judgment instead"
    )
    try:
        return run(root, **vars(parser.parse_args(argv)))
    except ToolError as error:
        print(f"words: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
