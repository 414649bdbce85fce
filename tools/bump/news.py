"""Reasons to act: a newer core is out, or Temporal's C interface differs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Final

from packaging.version import Version

from tools.bump.locations import current
from tools.bump.migrate import HEADER
from tools.bump.registry import CORE, newest_core
from tools.interface.errors import CannotCompareError
from tools.interface.upstream import PROJECT, Comparison, compare

TITLES: Final = re.compile(
    rf"{CORE} \S+( is out|: {PROJECT} \S+ has another C interface)", re.ASCII
)


@dataclass(frozen=True)
class News:
    """The result of the check.

    Attributes:
        there: the core in the archives.
        newest: the newest published core.
        comparison: the comparison with Temporal's newest C interface; None if it failed.
        problem: why the comparison failed.
    """

    there: str
    newest: str
    comparison: Comparison | None
    problem: str = ""

    @property
    def is_newer(self) -> bool:
        """Whether a newer core is out."""
        return Version(self.newest) > Version(self.there)

    @property
    def is_for_an_issue(self) -> bool:
        """Whether there is a reason for an issue."""
        return self.is_newer or (self.comparison is not None and self.comparison.breaks)

    @property
    def title(self) -> str:
        """The issue's title, which matches `TITLES`."""
        if self.is_newer or self.comparison is None:
            return f"{CORE} {self.newest} is out"
        version = self.comparison.distribution.version
        return f"{CORE} {self.there}: {PROJECT} {version} has another C interface"

    @property
    def text(self) -> str:
        """The whole result, as Markdown."""
        core = f"{CORE} {self.there} is the newest."
        if self.is_newer:
            core = (
                f"{CORE} {self.newest} is out; the archives have {self.there}. "
                f"To move: `make bump VERSION={self.newest}`, then `make test`."
            )
        said = "The C interface, compared with Temporal's"
        if self.comparison is None:
            said = "Could not compare the C interface with Temporal's"
        # Indented text is displayed unchanged, whatever it contains.
        report = indent(str(self.comparison or self.problem), "    ")
        return f"{core}\n\n{said} (`make upstream`):\n\n{report}"


def look(root: Path) -> News:
    """Check cargo's registry and pip's index for news about a checkout.

    Raises:
        ToolError: cargo cannot find the newest core.
    """
    there, newest = current(root)[CORE], newest_core().version
    try:
        return News(there, newest, compare(root / HEADER))
    except CannotCompareError as error:
        return News(there, newest, None, str(error))
