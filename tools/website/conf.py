"""Sphinx's settings for making a site from docs/, which is plain Markdown: `make docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from temporal_static_libs._about import PROJECT_URL, __version__  # noqa: E402

project = "temporal-static-libs"
author = "The temporal-static-libs authors"
release = __version__

extensions = ["myst_parser"]
# Anchors of headings like on GitHub.
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/favicon.svg"
nitpicky = True
# Disable Sphinx's guess, which takes Zig for Python.
highlight_language = "none"

_LOGGER = logging.getLogger(__name__)
_OUTSIDE = re.compile(r"(?<=\]\()\.\./([^)#\s]+)")


def _address_what_is_not_in_docs(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn links to other files of the repository into URLs on GitHub."""

    def address(link: re.Match[str]) -> str:
        if not (ROOT / link[1]).exists():
            _LOGGER.warning("a link to ../%s, which does not exist", link[1], location=page)
        return f"{PROJECT_URL}/blob/main/{link[1]}"

    source[0] = _OUTSIDE.sub(address, source[0])


def setup(app: Sphinx) -> None:
    """Connect the event handlers."""
    app.connect("source-read", _address_what_is_not_in_docs)
