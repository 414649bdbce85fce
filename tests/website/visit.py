"""Open each page of a built site in Chromium, search it, and print the results as JSON.

    python visit.py SITE CHROMIUM PAGES TERMS

Runs in the environment ``.venv/browser``, which has Playwright. ``PAGES`` and ``TERMS`` are
separated by commas.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

# View of the site by name: width and height in CSS pixels, and the color scheme.
VIEWS = {"desk": (1280, 900, "light"), "phone": (390, 844, "dark")}

_SEARCHED = re.compile(r"Search finished|did not match any documents")
_MEASURE = """() => {
    const root = document.documentElement;
    const images = [...document.querySelectorAll("article img")];
    const scrolls = element => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    // Furo cuts off wide elements, so the page does not scroll. Only scrollable boxes may be wider.
    const sticksOut = element => {
        if (element.getBoundingClientRect().right <= root.clientWidth + 1) return false;
        for (let box = element; box.tagName !== "ARTICLE"; box = box.parentElement)
            if (box !== element && scrolls(box)) return false;
        return true;
    };
    const cutOff = [...document.querySelectorAll("article *")].filter(sticksOut);
    return {
        heading: document.querySelector("article h1")?.innerText ?? "",
        excess: Math.max(root.scrollWidth, document.body.scrollWidth) - root.clientWidth,
        cut_off: cutOff.map(element => element.outerHTML.slice(0, 100)),
        broken_images: images.filter(i => i.complete && !i.naturalWidth).map(i => i.src),
        background: getComputedStyle(document.body).backgroundColor,
    };
}"""


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files without writing a log."""

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(site: str) -> Iterator[str]:
    """Serve a directory on a free port of the loopback interface, because search needs HTTP."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(browser: Browser, view: str) -> Iterator[tuple[Page, list[str]]]:
    """Open a tab, and collect its errors in a list."""
    width, height, scheme = VIEWS[view]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"exception: {error}"))
    page.on(
        "console",
        lambda message: (
            errors.append(f"console: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.on(
        "response",
        lambda response: (
            errors.append(f"{response.status}: {response.url}") if response.status >= 400 else None
        ),
    )
    try:
        yield page, errors
    finally:
        page.close()


def look(browser: Browser, root: str, view: str, pages: list[str]) -> dict[str, Any]:
    """Open pages one after the other; return measurements by page."""
    seen = {}
    with opened(browser, view) as (page, errors):
        for name in pages:
            page.goto(f"{root}/{name}.html", wait_until="load")
            seen[name] = {**page.evaluate(_MEASURE), "errors": list(errors)}
            errors.clear()
    return seen


def search(browser: Browser, root: str, term: str) -> list[str]:
    """Type a term into the search box of the first page; return the pages found, best first."""
    with opened(browser, "desk") as (page, errors):
        page.goto(f"{root}/index.html")
        page.locator("input.sidebar-search").fill(term)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?**")
        # Either text appears when no result is missing on the page.
        page.get_by_text(_SEARCHED).wait_for()
        found: list[str] = page.locator("ul.search a").evaluate_all(
            "links => links.map(link => new URL(link.href).pathname)"
        )
        if errors:
            raise RuntimeError(f"searching for {term}: {errors}")
    return [path.strip("/").removesuffix(".html") for path in found]


def main() -> None:
    """Print the report."""
    site, chromium, pages, terms = sys.argv[1:]
    with served(site) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        try:
            report = {
                "views": {view: look(browser, root, view, pages.split(",")) for view in VIEWS},
                "found": {term: search(browser, root, term) for term in terms.split(",")},
            }
        finally:
            browser.close()
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
