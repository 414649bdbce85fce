"""The cache directory: compiled archives, and results of verification.

No other user may write to it. On Windows, the access lists of the user's profile ensure that, and
nothing here checks it. Functions raise CompileError if the directory cannot be used. Paths are
strings and imports few, because the fastest answers of `temporal-libs-config` need this module.
"""

from __future__ import annotations

import os
import sys

from . import _ownership as ownership
from ._errors import CompileError

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._settings import Settings

    Directory = str | os.PathLike[str]


def cache_directory(settings: Settings) -> str:
    """Return its absolute path. It need not exist."""
    if settings.cache_directory is not None:
        return settings.cache_directory
    return os.path.join(_user_cache_directory(settings.environ), "temporal-static-libs")


def make_own_directory(directory: Directory, *, may_be_link: bool = False) -> None:
    """Create a directory that only the user may enter, if it does not exist; check its owner.

    Args:
        directory: its parents are created too, with the permissions of the umask.
        may_be_link: as for `refuse_if_not_own`.
    """
    try:
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        ownership.make_private_directory(directory)
    except OSError as error:
        raise CompileError(not_usable(directory, error)) from None
    refuse_if_not_own(directory, may_be_link=may_be_link)


def refuse_if_not_own(directory: Directory, *, may_be_link: bool = False) -> None:
    """Check that the user owns a directory, and that nobody else may write to it.

    Args:
        directory: the directory; it passes if it does not exist.
        may_be_link: whether to accept a symbolic link that the user or the administrator owns.
    """
    try:
        status = os.lstat(directory)
        # No other user can have created such a link.
        is_own_link = ownership.is_link(status) and ownership.is_users_or_administrators(status)
        if may_be_link and is_own_link:
            status = os.stat(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CompileError(not_usable(directory, error)) from None
    is_own = ownership.is_directory(status) and ownership.is_users(status)
    if not is_own or ownership.is_writable_by_others(status):
        raise CompileError(_refusal(os.fspath(directory), status))


def not_usable(directory: Directory, error: OSError) -> str:
    """Return the message for a cache that cannot be used, such as one that is read-only."""
    from ._messages import message

    file = error.filename or os.fspath(directory)
    return message("cache-unusable", reason=error.strerror or error, file=file)


def _refusal(file: str, status: os.stat_result) -> str:
    from ._commands import quoted
    from ._messages import message

    owner = ownership.describe_owner(status)
    if ownership.is_link(status):
        return message("cache-link", file=file, owner=owner)
    if not ownership.is_directory(status):
        return message("cache-no-directory", file=file, owner=owner)
    if not ownership.is_users(status):
        user = ownership.describe_user()
        return message("cache-of-another-user", user=user, file=file, owner=owner)
    return message("cache-writable", file=file, owner=owner, quoted=quoted(file))


def _user_cache_directory(environ: Mapping[str, str]) -> str:
    if sys.platform == "win32":
        return _local_app_data(environ)
    # The XDG specification requires that relative paths are ignored.
    named = environ.get("XDG_CACHE_HOME", "")
    if sys.platform != "darwin" and os.path.isabs(named):
        return named
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise _no_home()
    return os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache")


def _local_app_data(environ: Mapping[str, str]) -> str:
    """Return Windows' directory for application data that stays on this machine."""
    named = environ.get("LOCALAPPDATA", "")
    if os.path.isabs(named):
        return os.path.abspath(named)
    home = environ.get("USERPROFILE") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise _no_home()
    return os.path.abspath(os.path.join(home, "AppData", "Local"))


def _no_home() -> CompileError:
    from ._messages import message

    return CompileError(message("no-home"))
