"""Differences between two recordings: answers, which programs depend on, and words."""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Case = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A difference that occurs in one or more cases.

    Attributes:
        is_answer: whether programs may depend on it. If not, only people read it.
        part: the part of a case.
        text: before and after, as a unified diff.
        cases: the names of the cases.
    """

    is_answer: bool
    part: str
    text: str
    cases: tuple[str, ...]


def compare(
    before: Mapping[str, Case], after: Mapping[str, Case], words: Iterable[str] = ()
) -> list[Difference]:
    """Compare two recordings.

    Args:
        before: cases by name.
        after: the cases of the other recording, by name.
        words: options whose output only people read.

    Returns:
        The differences, answers first.
    """
    found: dict[tuple[bool, str, str], list[str]] = defaultdict(list)
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            where = "after" if name in after else "before"
            found[True, "case", f"only in the recording {where}\n"].append(name)
            continue
        is_for_people = not set(words).isdisjoint(before[name]["arguments"])
        old, new = _parts(before[name]), _parts(after[name])
        for part in sorted(old.keys() | new.keys()):
            if old.get(part) != new.get(part):
                is_answer = part != "stderr" and not (part == "stdout" and is_for_people)
                found[is_answer, part, _diff(old.get(part), new.get(part))].append(name)
    differences = [Difference(*key, tuple(cases)) for key, cases in found.items()]
    return sorted(differences, key=lambda difference: not difference.is_answer)


def report(differences: Sequence[Difference]) -> str:
    """Return a text with the differences and their number."""
    parts = []
    for each in differences:
        kind = "ANSWER" if each.is_answer else "words"
        cases = "".join(f"  {name}\n" for name in each.cases)
        parts.append(f"{kind}: {each.part}, cases: {len(each.cases)}\n{cases}{each.text}")
    for is_answer, title in ((True, "answers"), (False, "words")):
        chosen = [len(each.cases) for each in differences if each.is_answer == is_answer]
        parts.append(f"{title}: {len(chosen)} differences, in {sum(chosen)} places")
    return "\n".join(parts)


def _parts(case: Case) -> dict[str, str]:
    """The compared parts, as texts."""
    return {
        "status": str(case["status"]),
        "stdout": case["stdout"],
        "stderr": case["stderr"],
        **{f"file {path}": text for path, text in case["files"].items()},
    }


def _diff(before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return f"{'appeared' if before is None else 'gone'}:\n{before or after or ''}\n"
    diff = list(difflib.unified_diff(_lines(before), _lines(after), n=0, lineterm=""))
    # Without file names and line numbers, the same change has the same text in every case.
    lines = ["@@" if line.startswith("@@") else line for line in diff[2:]]
    # If the lines are equal, line endings or spaces in JSON differ.
    return "".join(f"{line}\n" for line in lines or (f"-{before!r}", f"+{after!r}"))


def _lines(text: str) -> list[str]:
    """The lines of a text. A line with a JSON object becomes one line for each value."""
    lines: list[str] = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        is_object = isinstance(value, dict)
        lines += json.dumps(value, indent=1).splitlines() if is_object else [line]
    return lines
