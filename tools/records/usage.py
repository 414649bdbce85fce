"""A summary of a file of TEMPORAL_LIBS_METRICS: the libraries' use on a machine."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

_SOURCES: Final = ("wheel", "override", "compiled", None)
_CHECKED: Final = ("remembered", "hashed", None)


def usage(lines: Iterable[str]) -> str:
    """Summarize the lines of a file, each of which is a search for libraries, as text."""
    read = [_resolution(line) for line in lines if line.strip()]
    known = [one for one in read if one is not None]
    broken = len(read) - len(known)
    checked = Counter(one["checked"] for one in known)
    compiled = sum(one["source"] == "compiled" for one in known)
    failed = Counter(one["outcome"] for one in known if one["outcome"] != "ok")
    text = [
        f"resolutions:  {len(known)}" + (f", and {broken} broken lines" if broken else ""),
        f"success:      {_share(len(known) - failed.total(), len(known))}",
        f"cache hits:   {_share(checked['remembered'], checked['remembered'] + checked['hashed'])}"
        ", checks that were remembered",
        f"fallback:     {_share(compiled, len(known))}, compiled on the machine",
    ]
    if known:
        times = [float(one["milliseconds"]) for one in known]
        shares = [f"p{percent} {percentile(times, percent):.1f} ms" for percent in (50, 90, 99)]
        text.append(f"took:         {', '.join(shares)}, longest {max(times):.1f} ms")
    text += [f"failed:       {count} {name}" for name, count in failed.most_common()]
    return "\n".join(text)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that this percentage of values does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _resolution(line: str) -> dict[str, Any] | None:
    """Parse a line; None for a broken one, for example from a killed process."""
    try:
        value: dict[str, Any] = json.loads(line)
        known = value["source"] in _SOURCES and value["checked"] in _CHECKED
        known = known and isinstance(value["outcome"], str) and math.isfinite(value["milliseconds"])
    except (KeyError, TypeError, ValueError):
        return None
    return value if known else None


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part} of {whole})" if whole else "none"
