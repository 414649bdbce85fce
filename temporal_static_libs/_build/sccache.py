"""What sccache has served, where it stands between cargo and rustc."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .tool import output_of

# Those of cargo: https://doc.rust-lang.org/cargo/reference/config.html#buildrustc-wrapper
_WRAPPER_VARIABLES = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER")


@dataclass(frozen=True)
class SccacheCounts:
    """Compilations that sccache was asked for.

    Attributes:
        hits: those it had.
        misses: those it had to have compiled.
    """

    hits: int
    misses: int


@contextmanager
def counting_sccache(
    environ: Mapping[str, str], take: Callable[[SccacheCounts | None], None]
) -> Iterator[None]:
    """Count what sccache serves during a block. Its server counts all that use it at the time.

    Args:
        environ: the environment that cargo runs in.
        take: is given the counts when the block has ended, also by an error; None if cargo does
            not use sccache, or if sccache does not tell.
    """
    before = _counts(environ)
    try:
        yield
    finally:
        after = _counts(environ)
        if before is None or after is None:
            take(None)
        else:
            take(SccacheCounts(after.hits - before.hits, after.misses - before.misses))


def _counts(environ: Mapping[str, str]) -> SccacheCounts | None:
    program = next((environ[name] for name in _WRAPPER_VARIABLES if environ.get(name)), "")
    if Path(program).stem != "sccache":
        return None
    try:
        stats = json.loads(output_of([program, "--show-stats", "--stats-format=json"], environ))
        return SccacheCounts(
            sum(stats["stats"]["cache_hits"]["counts"].values()),
            sum(stats["stats"]["cache_misses"]["counts"].values()),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
