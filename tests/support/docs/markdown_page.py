"""The links and anchors of a Markdown page, as displayed on GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

# CommonMark displays an undefined reference as text.
_UNDEFINED = re.compile(r"\[[^\[\]]+\]\[[^\[\]]*\]")


@dataclass(frozen=True)
class MarkdownPage:
    """A Markdown page.

    Attributes:
        targets: the targets of its links and images, in order, as written.
        anchors: valid anchors after ``#`` in links to it.
        undefined: references ``[text][label]`` with an undefined label.
    """

    targets: list[str]
    anchors: set[str]
    undefined: list[str]


def read_page(file: Path) -> MarkdownPage:
    """Read a page.

    Raises:
        OSError: ``file`` cannot be read.
    """
    return parse_page(file.read_text(encoding="utf-8"))


def parse_page(text: str) -> MarkdownPage:
    """Parse the text of a page."""
    parser = MarkdownIt("commonmark").enable("table").use(anchors_plugin, max_level=6)
    page = MarkdownPage([], set(), [])
    for token in _flat(parser.parse(text)):
        if token.type in ("html_block", "html_inline"):
            _Html(page).feed(token.content)
        elif token.type == "text":
            page.undefined.extend(_UNDEFINED.findall(token.content))
        elif token.type == "heading_open":
            page.anchors.add(str(token.attrs["id"]))
        for attribute in ("href", "src"):
            if attribute in token.attrs:
                page.targets.append(str(token.attrs[attribute]))
    return page


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


class _Html(HTMLParser):
    """Collects links and anchors in HTML within a page."""

    def __init__(self, page: MarkdownPage) -> None:
        super().__init__()
        self._page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self._page.targets.append(value)
            elif value and (name == "id" or (tag == "a" and name == "name")):
                self._page.anchors.add(value)
