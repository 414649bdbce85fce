"""Limits of a build's size, and of its growth in size and time since the last release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tools.records.build import Build

#: Bytes of a platform's wheel, which its users download.
LARGEST_WHEEL: Final = 50_000_000
#: Growth since the last release above which a warning is printed.
SIZE_GROWTH: Final = 0.05
DURATION_GROWTH: Final = 0.25


@dataclass(frozen=True)
class Finding:
    """Something to report about a build.

    Attributes:
        level: the level of the annotation: ``warning`` or ``error``.
        message: a sentence, which names the platform.
        fatal: whether it stops the release.
    """

    level: str
    message: str
    fatal: bool = False


def findings(build: Build, last: Build | None) -> Iterator[Finding]:
    """Report on a build, compared with the same platform's of the last release if there is one."""
    where = build.platform
    if build.record["error"] is not None:
        message = build.record["error"]["message"]
        yield Finding("error", f"{where}: the build failed: {build.outcome}: {message}")
    elif build.outcome != "ok":
        yield Finding("error", f"{where}: the build has no wheel that is proven and tagged")
    if build.wheel_size is not None and build.wheel_size > LARGEST_WHEEL:
        size, limit = megabytes(build.wheel_size), megabytes(LARGEST_WHEEL)
        yield Finding("error", f"{where}: the wheel has {size}, more than {limit}", fatal=True)
    if last is not None and build.outcome == "ok":
        yield from _growth(build, last)


def growth(now: float, then: float) -> float:
    """Return the relative growth; infinite if the old value is 0."""
    return now / then - 1 if then else float("inf")


def megabytes(size: int) -> str:
    """Format bytes in MB, which are a million bytes."""
    return f"{size / 1e6:.2f} MB"


def minutes(seconds: float) -> str:
    """Format a duration, to the second."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def units(build: Build) -> str:
    """Format the number of units that were not cached, without which a duration means nothing."""
    cargo = build.record["cargo"]
    return f"{cargo['compiled']} of {cargo['fresh'] + cargo['compiled']}"


def _growth(build: Build, last: Build) -> Iterator[Finding]:
    for what, size in build.sizes.items():
        then = last.sizes.get(what)
        if then is not None and size > then * (1 + SIZE_GROWTH):
            now = f"{build.platform}: {what} has {megabytes(size)}, {growth(size, then):+.1%}"
            yield Finding("warning", f"{now} against {megabytes(then)} of {last.version}")
    if build.seconds > last.seconds * (1 + DURATION_GROWTH):
        yield Finding(
            "warning",
            f"{build.platform}: the build took {minutes(build.seconds)}, "
            f"{growth(build.seconds, last.seconds):+.1%} against {minutes(last.seconds)} of "
            f"{last.version} (units compiled: {units(build)}, then {units(last)})",
        )
