"""Where a set of archives came from, and how to fix it if something is wrong with it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ._about import __version__
from ._commands import program, quoted, remove_directory
from ._errors import MissingLibraryError
from ._manifest import CHECKSUMS_NAME
from ._messages import message

_REQUIREMENT = f"temporal-static-libs=={__version__}"
# Never with the installer's cache: what is damaged here may be damaged there, or a link to it.
_PIP = "-m pip install --force-reinstall --no-cache-dir"
_UV = "uv pip install --reinstall --no-cache --link-mode copy"


@dataclass(frozen=True)
class Origin:
    """One way that archives become the active ones.

    Attributes:
        source: ``wheel``, ``override`` or ``compiled``.
        described: the same for a reader, with the place.
        own_fix: the command that fixes a broken set; None if installing the package again does.
    """

    source: str
    described: str
    own_fix: str | None = None

    @property
    def fix(self) -> str:
        """The command that fixes a broken set."""
        return reinstall_command() if self.own_fix is None else self.own_fix

    def report(self, problem: str, file: Path) -> str:
        """Return the message of an error about one file of the set.

        Args:
            problem: what is wrong, on one line.
            file: the file it is wrong with.
        """
        # A line each, whatever is in a path.
        lines = (f"file:   {file}", f"source: {self.described}", f"fix:    {self.fix}")
        return "\n  ".join([problem, *(line.replace("\n", "\\n") for line in lines)])

    def unreadable(self, file: Path, error: OSError) -> MissingLibraryError:
        """Return the error about a file that is missing or cannot be read."""
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            problem = message("missing", name=file.name)
            if file.is_symlink():
                target = os.path.join(file.parent, os.readlink(file))
                problem = message("link-dangles", name=file.name, target=target)
        else:
            problem = message("unreadable", name=file.name, reason=error.strerror)
        return MissingLibraryError(self.report(problem, file))


@dataclass(frozen=True)
class Reason:
    """Why archives compiled on this machine are active.

    Attributes:
        setting: the environment variable that says so, with its value.
        own_instead: how to do without, a sentence; None if fixing the wheel's archives is.
    """

    setting: str
    own_instead: str | None = None

    @property
    def instead(self) -> str:
        """How to do without, a sentence."""
        if self.own_instead is None:
            return f"Fix the wheel's own archives: {reinstall_command()}"
        return self.own_instead


def wheel_origin() -> Origin:
    """Return the origin of the archives that this package's own wheel carries."""
    return Origin("wheel", f"wheel (temporal-static-libs {__version__})")


def override_origin(directory: Path) -> Origin:
    """Return the origin of the archives of the directory that TEMPORAL_LIBS_DIR names."""
    fix = "unset TEMPORAL_LIBS_DIR   # the wheel's own archives; or fix the directory"
    # Of a release's tarball, this is what somebody may name instead of the archives' directory.
    nested = directory / "lib"
    if not os.path.lexists(directory / CHECKSUMS_NAME) and os.path.lexists(nested / CHECKSUMS_NAME):
        fix = f"set TEMPORAL_LIBS_DIR to {quoted(nested)}, the directory of the archives"
    return Origin("override", f"override (TEMPORAL_LIBS_DIR={directory})", fix)


def compiled_origin(directory: Path, setting: str) -> Origin:
    """Return the origin of archives that were compiled on this machine.

    Args:
        directory: where they are.
        setting: what asks for them, as in ``USE_PREBUILT_LIBS=false``.
    """
    return Origin(
        "compiled",
        f"compiled on this machine ({setting})",
        f"{remove_directory(directory)}   # the next call compiles them again",
    )


def refuse_zip() -> None:
    """Check that the package's files are on disk.

    Raises:
        MissingLibraryError: they are in a zip archive, which only Python looks into.
    """
    package = Path(__file__).parent
    if package.is_dir():
        return
    archive = next(path for path in package.parents if path.exists())
    values = {"python": program(sys.executable), "quoted": quoted(archive)}
    raise MissingLibraryError(message("in-zip", file=package, archive=archive, **values))


def reinstall_command() -> str:
    """Return the command that installs this package again; if none is known, a sentence."""
    site = Path(__file__).absolute().parent.parent
    installer = _installer(site)
    python = sys.executable or "python"
    elsewhere = "" if _is_of_this_python(site) else f"--target {quoted(site)} "
    # It is there already, so that nothing is broken by installing it again.
    allowed = "--break-system-packages " if not elsewhere and _is_externally_managed() else ""
    if installer == "pip":
        # Into a directory that has something pip installs nothing without --upgrade.
        upgrade = elsewhere and "--upgrade "
        return f"{program(python)} {_PIP} {allowed}{upgrade}{elsewhere}{_REQUIREMENT}"
    if installer == "uv":
        return f"{_UV} --python {quoted(python)} {allowed}{elsewhere}{_REQUIREMENT}"
    # Others can need a file of the project's, an environment's name or no index at all.
    by = installer or "the program that installed it"
    return message("reinstall", requirement=_REQUIREMENT, installer=by, place=site)


def reinstall_anywhere(version: str) -> str:
    """Return the command for a file that is made before the package is installed.

    Args:
        version: the package's.
    """
    requirement = f"temporal-static-libs=={version}"
    return f"python {_PIP} {requirement}   # or: {_UV} {requirement}"


def _installer(site: Path) -> str:
    """Return what has installed the package, as it calls itself; an empty text if nobody says."""
    # Here and not above, as for the next one: only messages need it.
    from importlib.metadata import distributions

    # Only there: another copy of the package may be earlier on the path.
    for distribution in distributions(name="temporal-static-libs", path=[str(site)]):
        try:
            words = (distribution.read_text("INSTALLER") or "").split()
        except (OSError, ValueError):
            return ""
        name = " ".join(words)
        return name if name.isprintable() and len(name) < 50 else ""
    return ""


def _is_externally_managed() -> bool:
    """Return whether this Python refuses packages of installers other than the system's."""
    import sysconfig

    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return sys.prefix == sys.base_prefix and os.path.exists(marker)


def _is_of_this_python(site: Path) -> bool:
    """Return whether a directory is where installers put packages of this Python by default."""
    import sysconfig

    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]
    paths = [sysconfig.get_path(name, it) for it in schemes for name in ("purelib", "platlib")]
    return any(os.path.realpath(path) == os.path.realpath(site) for path in paths)


ASKED_FOR = Reason(
    "USE_PREBUILT_LIBS=false", "Unset USE_PREBUILT_LIBS: the wheel's own archives are used then."
)
FALLBACK = Reason("TEMPORAL_LIBS_FALLBACK=compile")
