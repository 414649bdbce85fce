"""The issue about the core: one, kept up to date with GitHub's own client."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Final

from tools.bump.errors import BumpError
from tools.bump.registry import CORE
from tools.interface.upstream import PROJECT

#: The titles that `bump.news` gives it.
_TITLE: Final = re.compile(
    rf"{CORE} \S+( is out|: {PROJECT} \S+ has another C interface)", re.ASCII
)
#: GitHub allows 65536 characters.
_MOST_CHARACTERS: Final = 60_000


def update_issue(title: str, body: str) -> str:
    """Open the issue, or bring the one that is open up to date, and return what has been done.

    Args:
        title: in a form that this finds the issue by.
        body: Markdown.

    Raises:
        BumpError: GitHub's client failed.
    """
    if len(body) > _MOST_CHARACTERS:
        lines = body[:_MOST_CHARACTERS].splitlines()[:-1]
        rest = "The rest is too long for an issue; `make upstream` prints it."
        body = "\n".join([*lines, "", rest])
    query = ("--search", f'in:title "{CORE}"', "--json", "number,title,body")
    for issue in json.loads(_gh("issue", "list", "--state", "open", *query)):
        if _TITLE.fullmatch(issue["title"]):
            number = str(issue["number"])
            if issue["title"] == title and issue["body"].split() == body.split():
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
