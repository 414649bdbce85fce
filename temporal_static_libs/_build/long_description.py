"""README.md as the package index shows it, where the files beside it are not."""

from __future__ import annotations

import re

from temporal_static_libs._about import PROJECT_URL

# A link's or a picture's text and target, unless that is an address or a heading already.
_RELATIVE = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#|/)(?P<target>[^)\s]+)\)")


def long_description(readme: str) -> str:
    """Turn links to files of the repository into addresses.

    Args:
        readme: Markdown.

    Returns:
        The same with the project's address before each relative target.
    """

    def absolute(link: re.Match[str]) -> str:
        view = "raw" if link["picture"] else "blob"
        return f"{link['picture']}[{link['text']}]({PROJECT_URL}/{view}/main/{link['target']})"

    return _RELATIVE.sub(absolute, readme)
