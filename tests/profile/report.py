"""What is printed and written: tables, the lines of Cargo.toml, and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tests.profile.crates import PROGRAM, Binary, Origin
from tests.profile.rule import FEWEST_SAMPLES, THRESHOLD, Changes, Decision
from tests.profile.sampling import Place

LIBC = "libc"
_LIBC_FILES = ("libc.so", "libc-", "libm.so", "libpthread", "ld-linux", "ld-musl")


@dataclass(frozen=True)
class Split:
    """The samples of one workload.

    Attributes:
        library: those in the library, by origin.
        libc: those in the C library.
        others: all others: the program that uses the library, such as Python.
    """

    library: Mapping[Origin, int]
    libc: int
    others: int

    @property
    def total(self) -> int:
        """Samples in the library."""
        return sum(self.library.values())

    @classmethod
    def of(cls, parts: Sequence[Split]) -> Split:
        """Add up those of several runs."""
        library: Counter[Origin] = Counter()
        for part in parts:
            library.update(part.library)
        return cls(library, sum(it.libc for it in parts), sum(it.others for it in parts))


def split(samples: Mapping[Place, int], file: str, binary: Binary) -> Split:
    """Tell the library's samples from others.

    Args:
        samples: by place.
        file: the path of what the library is in, as the process mapped it.
        binary: the same file.
    """
    library: Counter[Origin] = Counter()
    libc = others = 0
    for place, count in samples.items():
        if place.file == file:
            origin = binary.origin(place.offset)
            if origin.name == PROGRAM:
                others += count
            else:
                library[origin] += count
        elif PurePath(place.file).name.startswith(_LIBC_FILES):
            libc += count
        else:
            others += count
    return Split(library, libc, others)


def tables(
    splits: Mapping[str, Split],
    shares: Mapping[Origin, Mapping[str, float]],
    decisions: Sequence[Decision],
) -> str:
    """Give the shares and decisions as tables in Markdown, in percent of the library's samples."""
    workloads = list(splits)
    head = ["crate", *workloads, "largest", "mean", "now", "rule"]
    rows = [
        [
            it.package,
            *(_percent(it.shares[workload]) for workload in workloads),
            _percent(it.largest),
            _percent(it.mean),
            it.current,
            it.level if it.level == it.current else f"**{it.level}**",
        ]
        for it in decisions
    ]
    fixed = [
        [str(origin), *(_percent(values[workload]) for workload in workloads)]
        for origin, values in sorted(shares.items(), key=lambda it: -max(it[1].values()))
        if not origin.has_level
    ]
    counts = [
        ["samples in the library", *(f"{it.total:,}" for it in splits.values())],
        ["libc, for 100 in the library", *(_of_hundred(it.libc, it) for it in splits.values())],
        ["others, for 100 in the library", *(_of_hundred(it.others, it) for it in splits.values())],
    ]
    return "\n\n".join(
        [
            _table(head, rows),
            "No opt-level changes these:\n\n" + _table(["code", *workloads], [*fixed, *counts]),
        ]
    )


def conclusions(splits: Mapping[str, Split], changed: Changes) -> str:
    """Give the rule, and what changes in Cargo.toml."""
    share, workload = changed.left
    lines = [
        f"Rule: a crate gets opt-level 3 if it has at least {THRESHOLD:.1%} of the library's "
        "samples in one workload. All others are compiled for size.",
        "Together, the crates that the rule compiles for size have at most "
        f"{share:.1%} of the samples ({workload}).",
    ]
    few = [name for name, it in splits.items() if it.total < FEWEST_SAMPLES]
    if few:
        lines.append(
            f"Fewer than {FEWEST_SAMPLES:,} samples in the library: {', '.join(few)}. "
            "Use a larger --seconds."
        )
    for title, changes in (("add", changed.added), ("drop", changed.dropped)):
        lines += ["", f"Lines to {title} in rust/Cargo.toml, [profile.release.package]:", ""]
        lines += [f"    {line}" for line in changes] or ["    (none)"]
    if changed.added or changed.dropped:
        lines += ["", "Then rebuild and run this again: generic code can move to another crate."]
    return "\n".join(lines)


def as_json(
    facts: Mapping[str, object],
    splits: Mapping[str, Split],
    shares: Mapping[Origin, Mapping[str, float]],
    decisions: Sequence[Decision],
    changed: Changes,
) -> dict[str, Any]:
    """Give all of it as a JSON object; shares are between 0 and 1."""
    return {
        **facts,
        "threshold": THRESHOLD,
        "workloads": {
            name: {"library": it.total, "libc": it.libc, "others": it.others}
            for name, it in splits.items()
        },
        "crates": {
            it.package: {
                "shares": dict(it.shares),
                "largest": it.largest,
                "mean": it.mean,
                "now": it.current,
                "rule": it.level,
            }
            for it in decisions
        },
        "fixed": {
            str(origin): dict(values) for origin, values in shares.items() if not origin.has_level
        },
        "add": changed.added,
        "drop": changed.dropped,
        "left": {"share": changed.left[0], "workload": changed.left[1]},
    }


def _percent(share: float) -> str:
    return f"{share * 100:.1f}" if share else "0"


def _of_hundred(count: int, of: Split) -> str:
    return f"{count / of.total * 100:.0f}" if of.total else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table whose columns are as wide as their cells."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(aligned)} |"

    return "\n".join(line(row) for row in (head, ruler, *rows))
