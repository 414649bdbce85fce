"""What a file of TEMPORAL_LIBS_METRICS says of the libraries' use on a machine."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: Percentiles of the durations that are told.
_PERCENTILES: Final = (50, 90, 99)


@dataclass(frozen=True)
class Resolution:
    """One line: libraries were asked for.

    Attributes:
        source: ``wheel``, ``override`` or ``compiled``; None if it did not come to that.
        checked: ``remembered`` if an earlier check still held, ``hashed`` if the archives were
            read; None if they were not checked.
        outcome: ``ok``, or the name of an exception's class.
        milliseconds: how long it took.
    """

    source: str | None
    checked: str | None
    outcome: str
    milliseconds: float


def resolutions(lines: Iterable[str]) -> Iterator[Resolution | None]:
    """Read lines; None stands for a broken one, as a process that was killed leaves."""
    for line in lines:
        try:
            yield _resolution(json.loads(line))
        except (KeyError, TypeError, ValueError):
            yield None


def usage(lines: Iterable[str]) -> str:
    """Sum lines up in words.

    Args:
        lines: of the file.
    """
    read = list(resolutions(line for line in lines if line.strip()))
    known = [one for one in read if one is not None]
    broken = len(read) - len(known)
    checked = Counter(one.checked for one in known)
    sources = Counter(one.source for one in known)
    failed = Counter(one.outcome for one in known if one.outcome != "ok")
    text = [
        f"resolutions:  {len(known)}" + (f", and {broken} broken lines" if broken else ""),
        f"success:      {_share(len(known) - failed.total(), len(known))}",
        f"cache hits:   {_share(checked['remembered'], checked['remembered'] + checked['hashed'])}"
        ", checks that were remembered",
        f"fallback:     {_share(sources['compiled'], len(known))}, compiled on the machine",
    ]
    if known:
        text.append(f"took:         {_durations([one.milliseconds for one in known])}")
    text += [f"failed:       {count} {name}" for name, count in failed.most_common()]
    return "\n".join(text)


def percentile(values: Sequence[float], percent: int) -> float:
    """The least value that so many percent of all do not exceed: the nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _resolution(value: dict[str, Any]) -> Resolution:
    found = Resolution(
        value["source"], value["checked"], value["outcome"], float(value["milliseconds"])
    )
    if found.source not in ("wheel", "override", "compiled", None):
        raise ValueError(found.source)
    if found.checked not in ("remembered", "hashed", None):
        raise ValueError(found.checked)
    if not isinstance(found.outcome, str) or not math.isfinite(found.milliseconds):
        raise ValueError(value)
    return found


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part} of {whole})" if whole else "none"


def _durations(values: Sequence[float]) -> str:
    told = [f"p{percent} {percentile(values, percent):.1f} ms" for percent in _PERCENTILES]
    return ", ".join([*told, f"longest {max(values):.1f} ms"])
