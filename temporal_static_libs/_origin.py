"""The source of a set of archives, and how to fix a broken set."""

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
# Without the installer's cache: it may contain the same damage, or the files may be links to it.
_PIP = "-m pip install --force-reinstall --no-cache-dir"
_UV = "uv pip install --reinstall --no-cache --link-mode copy"


@dataclass(frozen=True)
class Origin:
    """The source of a set of archives.

    Attributes:
        source: ``wheel``, ``override`` or ``compiled``.
        described: the source in words, with its place.
        own_fix: the command that fixes a broken set; None to install the package again.
    """

    source: str
    described: str
    own_fix: str | None = None

    @property
    def fix(self) -> str:
        """The command that fixes a broken set."""
        return reinstall_command() if self.own_fix is None else self.own_fix

    def report(self, problem: str, file: Path) -> str:
        """Return the error message about a file of the set.

        Args:
            problem: the problem, on one line.
            file: the affected file.
        """
        # One line each, even if a path contains line breaks.
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
        setting: the environment variable that requests it, with its value.
        own_instead: the alternative, a sentence; None to fix the wheel's archives.
    """

    setting: str
    own_instead: str | None = None

    @property
    def instead(self) -> str:
        """The alternative to compiling, a sentence."""
        if self.own_instead is None:
            return f"Fix the wheel's own archives: {reinstall_command()}"
        return self.own_instead


def wheel_origin() -> Origin:
    """Return the origin of the archives in this package's wheel."""
    return Origin("wheel", f"wheel (temporal-static-libs {__version__})")


def override_origin(directory: Path) -> Origin:
    """Return the origin of the archives in the directory that TEMPORAL_LIBS_DIR names."""
    fix = "unset TEMPORAL_LIBS_DIR   # the wheel's own archives; or fix the directory"
    # A common mistake: the directory of a release's tarball instead of `lib` in it.
    nested = directory / "lib"
    if not os.path.lexists(directory / CHECKSUMS_NAME) and os.path.lexists(nested / CHECKSUMS_NAME):
        fix = f"set TEMPORAL_LIBS_DIR to {quoted(nested)}, the directory of the archives"
    return Origin("override", f"override (TEMPORAL_LIBS_DIR={directory})", fix)


def compiled_origin(directory: Path, setting: str) -> Origin:
    """Return the origin of archives that were compiled on this machine.

    Args:
        directory: the directory of the archives.
        setting: the setting that requests them, such as ``USE_PREBUILT_LIBS=false``.
    """
    return Origin(
        "compiled",
        f"compiled on this machine ({setting})",
        f"{remove_directory(directory)}   # the next call compiles them again",
    )


def refuse_zip() -> None:
    """Check that the package's files are on disk.

    Raises:
        MissingLibraryError: they are in a zip archive, which only Python can read.
    """
    package = Path(__file__).parent
    if package.is_dir():
        return
    archive = next(path for path in package.parents if path.exists())
    values = {"python": program(sys.executable), "quoted": quoted(archive)}
    raise MissingLibraryError(message("in-zip", file=package, archive=archive, **values))


def reinstall_command() -> str:
    """Return the command that installs this package again, or a sentence if none is known."""
    site = Path(__file__).absolute().parent.parent
    installer = _installer(site)
    python = sys.executable or "python"
    elsewhere = "" if _is_of_this_python(site) else f"--target {quoted(site)} "
    # The package is already there, so installing it again breaks nothing.
    allowed = "--break-system-packages " if not elsewhere and _is_externally_managed() else ""
    if installer == "pip":
        # Without --upgrade, pip does not replace what is in the directory.
        upgrade = elsewhere and "--upgrade "
        return f"{program(python)} {_PIP} {allowed}{upgrade}{elsewhere}{_REQUIREMENT}"
    if installer == "uv":
        return f"{_UV} --python {quoted(python)} {allowed}{elsewhere}{_REQUIREMENT}"
    # Other installers may need a project file or the name of an environment, or use no index.
    by = installer or "the program that installed it"
    return message("reinstall", requirement=_REQUIREMENT, installer=by, place=site)


def reinstall_anywhere(version: str) -> str:
    """Return the command for generated files, which are written before the package is installed.

    Args:
        version: the version of the package.
    """
    requirement = f"temporal-static-libs=={version}"
    return f"python {_PIP} {requirement}   # or: {_UV} {requirement}"


def _installer(site: Path) -> str:
    """Return the name of the program that installed the package; empty if unknown."""
    # Imported here, because only messages need it; likewise below.
    from importlib.metadata import distributions

    # Only in this directory: another copy of the package may come first on the path.
    for distribution in distributions(name="temporal-static-libs", path=[str(site)]):
        try:
            words = (distribution.read_text("INSTALLER") or "").split()
        except (OSError, ValueError):
            return ""
        name = " ".join(words)
        return name if name.isprintable() and len(name) < 50 else ""
    return ""


def _is_externally_managed() -> bool:
    """Return whether this Python accepts packages only from the system's package manager."""
    import sysconfig

    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return sys.prefix == sys.base_prefix and os.path.exists(marker)


def _is_of_this_python(site: Path) -> bool:
    """Return whether installers use this directory for this Python by default."""
    import sysconfig

    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]
    paths = [sysconfig.get_path(name, it) for it in schemes for name in ("purelib", "platlib")]
    return any(os.path.realpath(path) == os.path.realpath(site) for path in paths)


ASKED_FOR = Reason(
    "USE_PREBUILT_LIBS=false", "Unset USE_PREBUILT_LIBS: the wheel's own archives are used then."
)
FALLBACK = Reason("TEMPORAL_LIBS_FALLBACK=compile")
