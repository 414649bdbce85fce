"""The directory that keeps what is compiled, and what has been verified, on this machine.

Nobody else may write to it. Paths are strings here: most calls of `temporal-libs-config` need
nothing else of what loading pathlib costs.
"""

from __future__ import annotations

import os
import sys

from . import _ownership as ownership
from ._errors import CompileError
from ._settings import CACHE_DIRECTORY

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._settings import Settings

_OWN_NAME = "temporal-static-libs"
_ELSEWHERE = f"set {CACHE_DIRECTORY} to a directory of yours"


def cache_directory(settings: Settings) -> str:
    """Where it is. It need not exist.

    Args:
        settings: what names one, or says where the user's cache directory is.

    Returns:
        An absolute path.

    Raises:
        CompileError: no variable names one, and the user has no home.
    """
    if settings.cache_directory is not None:
        return settings.cache_directory
    return os.path.join(_user_cache_directory(settings.environ), _OWN_NAME)


def make_own_directory(directory: str | os.PathLike[str], *, may_be_link: bool = False) -> None:
    """Make a directory that only the user may enter, if it is not there; then see whose it is.

    Args:
        directory: what is above it is made, too, with the permissions that the umask gives.
        may_be_link: as for `refuse_if_not_own`.

    Raises:
        CompileError: it cannot be made, or somebody else could have put something into it.
    """
    try:
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        ownership.make_private_directory(directory)
    except OSError as error:
        raise CompileError(not_usable(directory, error)) from None
    refuse_if_not_own(directory, may_be_link=may_be_link)


def refuse_if_not_own(directory: str | os.PathLike[str], *, may_be_link: bool = False) -> None:
    """See that a directory is the user's, and that nobody else may write to it.

    Args:
        directory: one that does not exist is nobody else's.
        may_be_link: whether it can be a symbolic link, one of the user or of the administrator.

    Raises:
        CompileError: it is not so, or it is no directory.
    """
    try:
        status = os.lstat(directory)
        if ownership.is_link(status):
            if not (may_be_link and ownership.is_trusted_link(status)):
                raise _refusal(directory, status, "is a symbolic link", _ELSEWHERE)
            status = os.stat(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CompileError(not_usable(directory, error)) from None
    if not ownership.is_directory(status):
        raise _refusal(directory, status, "is not a directory", _ELSEWHERE)
    if not ownership.is_users(status):
        whose = f"belongs to somebody else (you are {ownership.describe_user()})"
        raise _refusal(directory, status, whose, _ELSEWHERE)
    if ownership.is_writable_by_others(status):
        import shlex

        trust = f"chmod 700 {shlex.quote(os.fspath(directory))}   # if you trust what is in it"
        raise _refusal(
            directory, status, "can be written to by others", f"{trust}; or {_ELSEWHERE}"
        )


def not_usable(directory: str | os.PathLike[str], error: OSError) -> str:
    """The message for a cache that cannot be used, such as one of a read-only file system."""
    return (
        f"the cache directory cannot be used: {error.strerror or error}\n"
        f"  file:   {error.filename or os.fspath(directory)}\n"
        f"  mend:   make it one that you can write to, or {_ELSEWHERE}"
    )


def _refusal(
    directory: str | os.PathLike[str], status: os.stat_result, problem: str, mend: str
) -> CompileError:
    return CompileError(
        f"the cache directory {problem}: it is not used\n"
        f"  file:   {os.fspath(directory)}\n"
        f"  owner:  {ownership.describe_owner(status)}\n"
        f"  mend:   {mend}"
    )


def _user_cache_directory(environ: Mapping[str, str]) -> str:
    # The XDG specification has relative paths ignored.
    named = environ.get("XDG_CACHE_HOME", "")
    if sys.platform != "darwin" and os.path.isabs(named):
        return named
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise CompileError(
            f"there is no home directory to have a cache directory in\n  mend:   {_ELSEWHERE}"
        )
    return os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache")
