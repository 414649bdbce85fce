"""Where a set of archives came from, and how to say so when something is wrong with it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ._about import __version__


@dataclass(frozen=True)
class Origin:
    """One way that archives get to be in force.

    Attributes:
        source: ``wheel``, ``override`` or ``compiled``.
        described: the same for a reader, with the place.
        mend: the command that puts a broken set right.
    """

    source: str
    described: str
    mend: str

    def report(self, problem: str, file: Path) -> str:
        """The message of an error about one file of the set.

        Args:
            problem: what is wrong, on one line.
            file: the file it is wrong with.
        """
        return "\n".join(
            (
                problem,
                f"  file:   {file}",
                f"  source: {self.described}",
                f"  mend:   {self.mend}",
            )
        )


@dataclass(frozen=True)
class Reason:
    """Why archives compiled on this machine are active.

    Attributes:
        setting: the environment variable that says so, with its value.
        instead: how to do without, a sentence.
    """

    setting: str
    instead: str


def wheel_origin() -> Origin:
    """The archives that this package's own wheel carries."""
    python = shlex.quote(sys.executable or "python")
    install = "-m pip install --force-reinstall --no-cache-dir"
    return Origin(
        source="wheel",
        described=f"wheel (temporal-static-libs {__version__})",
        mend=f"{python} {install} temporal-static-libs=={__version__}",
    )


def override_origin(directory: Path) -> Origin:
    """The archives of the directory that TEMPORAL_LIBS_DIR names."""
    return Origin(
        source="override",
        described=f"override (TEMPORAL_LIBS_DIR={directory})",
        mend="unset TEMPORAL_LIBS_DIR   # the wheel's own archives; or put the directory right",
    )


def compiled_origin(directory: Path, setting: str) -> Origin:
    """The archives that were compiled on this machine.

    Args:
        directory: where they are.
        setting: what asks for them, as in ``USE_PREBUILT_LIBS=false``.
    """
    return Origin(
        source="compiled",
        described=f"compiled on this machine ({setting})",
        mend=f"rm -rf {shlex.quote(str(directory))}   # the next call compiles them anew",
    )


ASKED_FOR = Reason(
    "USE_PREBUILT_LIBS=false", "Unset USE_PREBUILT_LIBS: the wheel's own archives are used then."
)
FALLBACK = Reason(
    "TEMPORAL_LIBS_FALLBACK=compile", f"Put the wheel's own archives right: {wheel_origin().mend}"
)
