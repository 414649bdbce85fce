"""One issue about a subject, kept up to date with GitHub's own client."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Final

from tools import ToolError

#: GitHub allows 65536 characters.
_MOST_CHARACTERS: Final = 60_000


def update(title: str, body: str, *, search: str, titles: re.Pattern[str], more: str) -> str:
    """Open the issue, or bring the one that is open up to date.

    Args:
        title: the issue's.
        body: all of it, as Markdown.
        search: words that each title of such an issue has.
        titles: what each title of such an issue matches, and no other issue's does.
        more: the command that prints what is too long for an issue.

    Returns:
        What has been done, in a few words.

    Raises:
        ToolError: GitHub's client failed.
    """
    if len(body) > _MOST_CHARACTERS:
        lines = body[:_MOST_CHARACTERS].splitlines()[:-1]
        body = "\n".join([*lines, "", f"The rest is too long for an issue; `{more}` prints it."])
    fields = "number,title,body"
    query = f'in:title "{search}"'
    listed = _gh("issue", "list", "--state", "open", "--search", query, "--json", fields)
    for issue in json.loads(listed):
        if titles.fullmatch(issue["title"]):
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
        raise ToolError(f"gh does not run: {error.strerror}") from None
    if done.returncode != 0:
        raise ToolError(f"gh {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout
