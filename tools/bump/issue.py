"""The issue that says a newer core is out: one, kept up to date with GitHub's own client."""

from __future__ import annotations

import json
import subprocess
from typing import Final

from bump.errors import BumpError
from bump.registry import CORE

_TITLE: Final = f"{CORE} {{}} is out"


def tell(version: str, there: str) -> str:
    """Open the issue, or say in the one that is open which core is the newest now.

    Args:
        version: the newest core.
        there: the one that the archives carry.

    Returns:
        What has been done, in a few words.

    Raises:
        BumpError: GitHub's client failed.
    """
    title = _TITLE.format(version)
    body = f"The archives carry {there}. To move: `make bump VERSION={version}`, then `make test`."
    search = f'in:title "{CORE}"'
    listed = _gh("issue", "list", "--state", "open", "--search", search, "--json", "number,title")
    prefix, suffix = _TITLE.split("{}")
    for issue in json.loads(listed):
        if issue["title"].startswith(prefix) and issue["title"].endswith(suffix):
            number = str(issue["number"])
            if issue["title"] == title:
                return f"issue {number} says so already"
            _gh("issue", "edit", number, "--title", title, "--body", body)
            return f"issue {number} is brought up to date"
    return f"opened {_gh('issue', 'create', '--title', title, '--body', body).strip()}"


def _gh(*arguments: str) -> str:
    try:
        done = subprocess.run(["gh", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise BumpError(f"gh does not run: {error.strerror}") from None
    if done.returncode != 0:
        raise BumpError(f"gh {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout
