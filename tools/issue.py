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
    """Open the issue, or update the open one.

    Args:
        title: the issue's title.
        body: the whole text, as Markdown.
        search: words in the title of each such issue.
        titles: a pattern that matches the titles of such issues only.
        more: the command that prints text that is too long for an issue.

    Returns:
        What was done, in a few words.

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
                return f"issue {number} is already up to date"
            _gh("issue", "edit", number, "--title", title, "--body", body)
            return f"updated issue {number}"
    return f"opened {_gh('issue', 'create', '--title', title, '--body', body).strip()}"


def _gh(*arguments: str) -> str:
    try:
        done = subprocess.run(["gh", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"gh does not run: {error.strerror}") from None
    if done.returncode != 0:
        raise ToolError(f"gh {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout
