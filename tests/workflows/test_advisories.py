"""The workflow that looks for advisories, with fake databases."""

from __future__ import annotations

import http.server
import json
import os
import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tomli

from temporal_static_libs._targets import TARGETS
from tests.support.ci.git_tree import commit_all, git
from tests.support.ci.skips import require_program
from tests.support.ci.workflow_run import read_workflow

ROOT = Path(__file__).parents[2]
ADVISORY = """\
```toml
[advisory]
id = "RUSTSEC-2026-{number}"
package = "{crate}"
date = "2026-11-01"
url = "https://example.org/advisory"

[versions]
patched = []
```

# A fake advisory

Nothing is wrong with this crate.
"""
GH = """\
#!/bin/sh
printf '%s\\n' "$@" >> '{log}'
case $2 in
    list) echo '[]' ;;
    create) echo https://github.example/issues/7 ;;
esac
"""


class _Server(http.server.ThreadingHTTPServer):
    vulnerable: str
    asked: set[str]


class _Osv(http.server.BaseHTTPRequestHandler):
    """A fake of OSV's API."""

    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = query["package"]
        self.server.asked.add(package["name"])
        answer: dict[str, Any] = {}
        if package["name"] == self.server.vulnerable:
            affected = {"package": package, "ranges": [], "versions": [query["version"]]}
            advisory = {"id": "PYSEC-2026-9999", "details": "A fake advisory\n"}
            answer = {"vulns": [{**advisory, "affected": [affected]}]}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def osv(vulnerable: str) -> Iterator[tuple[str, set[str]]]:
    """Serve a database in which one package has an advisory, or none if the name is empty.

    Yields:
        Its URL, and the package names in the requests it received.
    """
    with _Server(("127.0.0.1", 0), _Osv) as server:
        server.vulnerable, server.asked = vulnerable, set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query", server.asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def cargo_deny() -> str:
    """The path where `make deny` installs the program."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", "deny"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    (command,) = re.findall(r"^cd rust && (\S+/cargo-deny) ", done.stdout, re.MULTILINE)
    return require_program(str(command))


def audit(
    directory: Path, cargo_deny: str, crate: str, package: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run `make audit`'s command; each database has an advisory for a package, if one is named."""
    python = require_program(str(ROOT / ".venv" / "audit" / "bin" / "python"))
    database = directory / "database"
    for number, name in ((9998, "not-a-dependency"), (9999, crate)):
        if name:
            file = database / "crates" / name / f"RUSTSEC-2026-{number}.md"
            file.parent.mkdir(parents=True)
            file.write_text(ADVISORY.format(crate=name, number=number), encoding="utf-8")
    commit_all(database)
    git(database, "branch", "--move", "--force", "main")
    # RustSec's database is a Git repository. Make git use the fake one instead.
    settings = directory / "gitconfig"
    lead = f'[url "{database.as_uri()}"]\n\tinsteadOf = https://github.com/'
    settings.write_text("".join(f"{lead}{name}/advisory-db\n" for name in ("RustSec", "rustsec")))
    text = (ROOT / "rust" / "deny.toml").read_text(encoding="utf-8")
    place = f'[advisories]\ndb-path = "{directory / "databases"}"'
    config = directory / "deny.toml"
    config.write_text(text.replace("[advisories]", place), encoding="utf-8")
    with osv(package) as (url, asked):
        done = subprocess.run(
            [
                *(python, "-m", "tools.audit", "--cargo-deny", cargo_deny, "--osv-url", url),
                *("--config", str(config), *arguments),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "GIT_CONFIG_GLOBAL": str(settings),
                "GITHUB_STEP_SUMMARY": str(directory / "summary"),
                "NO_PROXY": "127.0.0.1",
                "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    # Also the packages that no group names.
    assert not asked or {"hatchling", "pluggy"} <= asked
    return done


def test_advisories_about_a_crate_and_a_tool(tmp_path: Path, cargo_deny: str) -> None:
    log, gh = tmp_path / "log", tmp_path / "gh"
    gh.write_text(GH.format(log=log))
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    done = audit(tmp_path, cargo_deny, "ring", "hatchling", "--issue")
    assert done.returncode == 1, done.stderr
    crates, tools = re.findall(r"^- (.+)$", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"ring 0\.\S+: RUSTSEC-2026-9999: A fake advisory", crates)
    assert re.fullmatch(r"hatchling 1\.\S+: PYSEC-2026-9999: A fake advisory", tools)
    assert done.stdout == (tmp_path / "summary").read_text()
    assert done.stdout.endswith("In GitHub: opened https://github.example/issues/7.\n\n")
    created = log.read_text().partition("create\n")[2]
    assert created.startswith("--title\nAdvisories about what is built from\n--body\n### Crates")
    assert crates in created
    assert tools in created


def test_advisory_about_a_published_crate_that_the_workspace_has_a_copy_of(
    tmp_path: Path, cargo_deny: str
) -> None:
    done = audit(tmp_path, cargo_deny, "flate2", "")
    assert done.returncode == 1, done.stderr
    crates, _ = re.findall(r"^- (.+)$", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"flate2 1\.\S+: RUSTSEC-2026-9999: A fake advisory", crates)


def test_no_advisories(tmp_path: Path, cargo_deny: str) -> None:
    done = audit(tmp_path, cargo_deny, "", "", "--issue")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^- (.+)$", done.stdout, re.MULTILINE) == ["none", "none"]


def test_database_that_does_not_answer(tmp_path: Path, cargo_deny: str) -> None:
    """A missing answer does not count as "no advisories"."""
    done = audit(tmp_path, cargo_deny, "", "", "--osv-url", "http://127.0.0.1:1/v1/query")
    assert done.returncode == 2
    assert done.stderr.startswith("audit: pip-audit failed:")
    assert done.stdout == ""


def test_configuration_that_cargo_deny_rejects(tmp_path: Path, cargo_deny: str) -> None:
    (tmp_path / "bad.toml").write_text("[advisories]\nno-such = 1\n")
    done = audit(tmp_path, cargo_deny, "", "", "--config", str(tmp_path / "bad.toml"))
    assert done.returncode == 2
    assert done.stderr.startswith("audit: cargo-deny failed:")


def test_workflow_runs_daily_with_minimal_permissions() -> None:
    workflow = read_workflow(ROOT / ".github" / "workflows" / "advisories.yml")
    (schedule,) = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "issues": "write"}
    assert job["steps"][-1]["run"] == "make audit"
    assert job["steps"][-1]["env"]["AUDIT_ARGS"] == "--issue"


def test_audited_platforms_are_those_of_the_package() -> None:
    settings = tomli.loads((ROOT / "rust" / "deny.toml").read_text(encoding="utf-8"))
    assert settings["graph"]["targets"] == sorted(target.triple for target in TARGETS)


def test_each_exception_has_a_reason() -> None:
    settings = tomli.loads((ROOT / "rust" / "deny.toml").read_text(encoding="utf-8"))
    entries = [*settings["bans"]["deny"], *settings["bans"]["skip"]]
    entries += settings["advisories"]["ignore"]
    assert all(entry["reason"] for entry in entries)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param('"openssl-sys"', '"ring"', "crate 'ring = ", id="ban"),
        pytest.param('{ crate = "syn@2"', "#", "found 2 duplicate entries", id="duplicate"),
        pytest.param('"syn@2"', '"syn@1"', "skipped crate 'syn = ", id="old-exception"),
        pytest.param(
            "[sources]",
            '[sources]\nallow-registry = ["https://example.org"]',
            "'registry' source not explicitly allowed",
            id="source",
        ),
    ],
)
def test_disallowed_crate_is_found(
    tmp_path: Path, cargo_deny: str, before: str, after: str, message: str
) -> None:
    """Change the configuration instead of Cargo.lock, which has no disallowed crate."""
    text = (ROOT / "rust" / "deny.toml").read_text(encoding="utf-8")
    assert before in text
    config = tmp_path / "deny.toml"
    config.write_text(text.replace(before, after), encoding="utf-8")
    (arguments,) = re.findall(
        r"^DENY_ARGS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    command = [cargo_deny, "--locked", "--config", str(config), "--color", "never"]
    done = subprocess.run(
        [*command, "check", *arguments.split(), "bans", "sources"],
        cwd=ROOT / "rust",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert message in done.stderr + done.stdout
