"""A readable summary of a release's builds: a Markdown table and GitHub annotations."""

from __future__ import annotations

from collections.abc import Sequence

from temporal_static_libs._targets import TARGETS
from tools.records.build import Build
from tools.records.history import History, Release
from tools.records.limits import Finding, growth, megabytes, minutes, units

_HEAD = ("platform", "outcome", "wheel", "archives", "took", "compiled", "sccache", "toolchain")


def summary(release: Release, history: History, found: Sequence[Finding]) -> str:
    """Describe a release in Markdown, with the growth since the last one in the history."""
    lines = [f"## Builds of temporal-static-libs {release.version}", ""]
    lines += [_row(_HEAD), _row(["---"] * len(_HEAD))]
    lines += [_row(_cells(build, history.last_like(build))) for build in release.builds]
    lines += [_row([name, "no record", *[""] * 6]) for name in platforms_without(release)]
    lines += ["", *(f"- **{finding.level}**: {finding.message}" for finding in found)]
    return "\n".join(lines).rstrip() + "\n"


def platforms_without(release: Release) -> list[str]:
    """Return the supported platforms without a record in a release."""
    there = {build.platform for build in release.builds}
    return [target.platform for target in TARGETS if target.platform not in there]


def annotation(finding: Finding) -> str:
    """Format a finding as a workflow command of GitHub Actions."""
    escapes = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
    return f"::{finding.level}::{finding.message.translate(escapes)}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _cells(build: Build, last: Build | None) -> list[str]:
    before = last if build.outcome == "ok" else None
    archives = [
        f"{one['component']} {_size(int(one['size']), one['file'], before)}"
        for one in build.record["archives"]
    ]
    sccache, toolchain = build.record["sccache"], build.record["toolchain"]
    took = minutes(build.seconds)
    return [
        build.platform,
        build.outcome,
        _size(build.wheel_size, "the wheel", before) if build.wheel_size else "",
        ", ".join(archives),
        f"{took} ({growth(build.seconds, before.seconds):+.0%})" if before else took,
        units(build),
        f"{sccache['hits']} hits, {sccache['misses']} misses" if sccache else "",
        toolchain["rustc"] if toolchain else "",
    ]


def _size(size: int, what: str, last: Build | None) -> str:
    then = None if last is None else last.sizes.get(what)
    grown = "" if then is None else f" ({growth(size, then):+.1%})"
    return f"{megabytes(size)}{grown}"
