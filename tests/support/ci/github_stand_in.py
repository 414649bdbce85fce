"""A stand-in for the part of GitHub's API that a release uses, behind a Unix socket.

The real ``gh`` connects to it through its setting ``http_unix_socket``.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = "somebody/temporal-static-libs"
_API = "https://api.github.com"
_UPLOADS = "https://uploads.github.com"


@dataclass
class GitHub:
    """The stand-in's data and requests.

    Attributes:
        environ: variables that make ``gh`` connect to it.
        releases: releases in GitHub's JSON format, without the assets' content.
        contents: the content of each asset, by number.
        tags: commits by tag.
        requests: method and path of each request.
        settings: responses about the repository, by path.
        fail_uploads: names of assets whose upload is interrupted.
    """

    environ: dict[str, str]
    releases: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[int, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    fail_uploads: set[str] = field(default_factory=set)

    @property
    def assets(self) -> dict[str, bytes]:
        """The assets of the only release."""
        (release,) = self.releases
        return {asset["name"]: self.contents[asset["id"]] for asset in release["assets"]}

    def changes(self) -> list[str]:
        """The requests that would change something."""
        # GraphQL requests are queries.
        asked = ("GET ", "POST /graphql")
        return [request for request in self.requests if not request.startswith(asked)]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    github: GitHub


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _handle(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.github.requests.append(f"{self.command} {url.path}")
        path = url.path.removeprefix(f"/repos/{REPOSITORY}")
        if self.command == "GET" and path.lstrip("/") in self.server.github.settings:
            self._send(200, self.server.github.settings[path.lstrip("/")])
            return
        for method, pattern, answer in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                query = dict(urllib.parse.parse_qsl(url.query))
                self._send(*answer(self, match[1] if match.re.groups else "", query, body))
                return
        self._send(501, {"message": f"the stand-in has no {self.command} {path}"})

    def _send(self, status: int, content: object) -> None:
        raw = isinstance(content, bytes)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        kind = "application/octet-stream" if raw else "application/json; charset=utf-8"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        # gh requests a release in two ways at once, and closes the connection of the slower one.
        with contextlib.suppress(BrokenPipeError):
            self.end_headers()
            self.wfile.write(data)

    def _commit(self, tag: str, _query: dict[str, str], _body: bytes) -> tuple[int, object]:
        commit = self.server.github.tags.get(tag)
        missing = {"message": f"No commit found for SHA: tags/{tag}"}
        return (200, {"sha": commit}) if commit else (422, missing)

    def _by_tag(self, tag: str, _query: dict[str, str], _body: bytes) -> tuple[int, object]:
        for release in self.server.github.releases:
            if release["tag_name"] == tag and not release["draft"]:
                return 200, release
        return 404, {"message": "Not Found"}

    def _list(self, _rest: str, _query: dict[str, str], _body: bytes) -> tuple[int, object]:
        return 200, self.server.github.releases

    def _graphql(self, _rest: str, _query: dict[str, str], body: bytes) -> tuple[int, object]:
        tag = json.loads(body)["variables"]["tagName"]
        for release in self.server.github.releases:
            if release["tag_name"] == tag:
                found = {"databaseId": release["id"], "isDraft": release["draft"]}
                return 200, {"data": {"repository": {"release": found}}}
        return 200, {"data": {"repository": {"release": None}}}

    def _create(self, _rest: str, _query: dict[str, str], body: bytes) -> tuple[int, object]:
        github, number = self.server.github, len(self.server.github.releases) + 1
        address = f"/repos/{REPOSITORY}/releases/{number}"
        release = {
            **json.loads(body),
            "id": number,
            "url": f"{_API}{address}",
            "upload_url": f"{_UPLOADS}{address}/assets{{?name,label}}",
            "html_url": f"https://github.com/{REPOSITORY}/releases/{number}",
            "assets": [],
        }
        github.releases.append(release)
        self._tag(release)
        return 201, release

    def _find(self, number: str, _query: dict[str, str], _body: bytes) -> tuple[int, object]:
        return 200, self.server.github.releases[int(number) - 1]

    def _edit(self, number: str, _query: dict[str, str], body: bytes) -> tuple[int, object]:
        release = self.server.github.releases[int(number) - 1]
        release.update(json.loads(body))
        self._tag(release)
        return 200, release

    def _tag(self, release: dict[str, Any]) -> None:
        if not release["draft"]:
            self.server.github.tags.setdefault(release["tag_name"], release["target_commitish"])

    def _upload(self, number: str, query: dict[str, str], body: bytes) -> tuple[int, object]:
        github = self.server.github
        release, broken = github.releases[int(number) - 1], query["name"] in github.fail_uploads
        identifier = 100 + len(github.contents)
        asset = {
            "id": identifier,
            "name": query["name"],
            "size": len(body),
            "state": "starter" if broken else "uploaded",
            "url": f"{_API}/repos/{REPOSITORY}/releases/assets/{identifier}",
        }
        if any(other["name"] == query["name"] for other in release["assets"]):
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
        github.contents[identifier] = b"" if broken else body
        release["assets"].append(asset)
        return (400, {"message": "it broke off"}) if broken else (201, asset)

    def _asset(self, number: str, _query: dict[str, str], _body: bytes) -> tuple[int, object]:
        return 200, self.server.github.contents[int(number)]

    def _remove(self, number: str, _query: dict[str, str], _body: bytes) -> tuple[int, object]:
        for release in self.server.github.releases:
            release["assets"] = [one for one in release["assets"] if one["id"] != int(number)]
        return 204, b""


_ROUTES = (
    ("GET", r"/commits/tags/(.+)", _Handler._commit),
    ("GET", r"/releases/tags/(.+)", _Handler._by_tag),
    ("GET", r"/releases", _Handler._list),
    ("POST", r"/graphql", _Handler._graphql),
    ("POST", r"/releases", _Handler._create),
    ("GET", r"/releases/(\d+)", _Handler._find),
    ("PATCH", r"/releases/(\d+)", _Handler._edit),
    ("POST", r"/releases/(\d+)/assets", _Handler._upload),
    ("GET", r"/releases/assets/(\d+)", _Handler._asset),
    ("DELETE", r"/releases/assets/(\d+)", _Handler._remove),
)


@contextlib.contextmanager
def github_stand_in(directory: Path) -> Iterator[GitHub]:
    """Serve the stand-in.

    Args:
        directory: a new directory with a short path, for the socket and the settings of ``gh``.
    """
    socket, settings = directory / "socket", directory / "gh"
    settings.mkdir(parents=True)
    (settings / "config.yml").write_text(f"http_unix_socket: {socket}\n", encoding="utf-8")
    environ = {
        "GH_CONFIG_DIR": str(settings),
        "GH_REPO": REPOSITORY,
        "GH_TOKEN": "no-secret",
        "GH_NO_UPDATE_NOTIFIER": "1",
    }
    with _Server(str(socket), _Handler) as server:
        server.github = GitHub(environ)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.github
        finally:
            server.shutdown()
            thread.join()
