"""Where a set of archives came from, and how to fix it if something is wrong with it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ._about import __version__
from ._errors import MissingLibraryError
from ._messages import message


@dataclass(frozen=True)
class Origin:
    """One way that archives become the active ones.

    Attributes:
        source: ``wheel``, ``override`` or ``compiled``.
        described: the same for a reader, with the place.
        fix: the command that fixes a broken set.
    """

    source: str
    described: str
    fix: str

    def report(self, problem: str, file: Path) -> str:
        """Return the message of an error about one file of the set.

        Args:
            problem: what is wrong, on one line.
            file: the file it is wrong with.
        """
        return f"{problem}\n  file:   {file}\n  source: {self.described}\n  fix:    {self.fix}"

    def unreadable(self, file: Path, error: OSError) -> MissingLibraryError:
        """Return the error about a file that is missing or cannot be read."""
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            problem = message("missing", name=file.name)
        else:
            problem = message("unreadable", name=file.name, reason=error.strerror)
        return MissingLibraryError(self.report(problem, file))


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
    """Return the origin of the archives that this package's own wheel carries."""
    python = shlex.quote(sys.executable or "python")
    install = "-m pip install --force-reinstall --no-cache-dir"
    return Origin(
        source="wheel",
        described=f"wheel (temporal-static-libs {__version__})",
        fix=f"{python} {install} temporal-static-libs=={__version__}",
    )


def override_origin(directory: Path) -> Origin:
    """Return the origin of the archives of the directory that TEMPORAL_LIBS_DIR names."""
    return Origin(
        source="override",
        described=f"override (TEMPORAL_LIBS_DIR={directory})",
        fix="unset TEMPORAL_LIBS_DIR   # the wheel's own archives; or fix the directory",
    )


def compiled_origin(directory: Path, setting: str) -> Origin:
    """Return the origin of archives that were compiled on this machine.

    Args:
        directory: where they are.
        setting: what asks for them, as in ``USE_PREBUILT_LIBS=false``.
    """
    return Origin(
        source="compiled",
        described=f"compiled on this machine ({setting})",
        fix=f"rm -rf {shlex.quote(str(directory))}   # the next call compiles them again",
    )


ASKED_FOR = Reason(
    "USE_PREBUILT_LIBS=false", "Unset USE_PREBUILT_LIBS: the wheel's own archives are used then."
)
FALLBACK = Reason(
    "TEMPORAL_LIBS_FALLBACK=compile", f"Fix the wheel's own archives: {wheel_origin().fix}"
)
