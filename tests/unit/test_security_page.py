"""Each claim in docs/security.md has a test, and SECURITY.md names the right contact."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from temporal_static_libs._about import PROJECT_URL
from tests.support.docs.proofs import is_test

CLAIM = re.compile(r'<a id="([\w-]+)"></a>')
# A test cannot check statements about trust, or answers to a reviewer.
UNTESTED = (
    "## Who is trusted with what",
    "## SLSA level",
    "## Verify a release",
    "## OpenSSF Scorecard",
)


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "security.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def proofs() -> list[tuple[str, str]]:
    """Pairs of a claim and one of its tests, such as ``unit/test_a.py::test_b``."""
    with Path(__file__).with_name("security_claims.tsv").open(encoding="utf-8") as table:
        return [(row["claim"], row["test"]) for row in csv.DictReader(table, delimiter="\t")]


def test_the_claims_of_the_page_are_those_that_have_tests(
    page: str, proofs: list[tuple[str, str]]
) -> None:
    assert list(dict.fromkeys(claim for claim, _ in proofs)) == CLAIM.findall(page)


def test_every_named_test_exists(proofs: list[tuple[str, str]], repo_root: Path) -> None:
    named = [test.partition("::") for _, test in proofs]
    assert len(set(proofs)) == len(proofs)
    assert [it for it in named if not is_test(repo_root / "tests" / it[0], it[2])] == []


def test_every_defense_is_a_claim(page: str) -> None:
    tables = re.findall(r"^## .*(?:\n(?!## ).*)*", page, re.MULTILINE)
    sections = [section for section in tables if not section.startswith(UNTESTED)]
    assert len(sections) == len(tables) - len(UNTESTED)
    rows = [
        row
        for section in sections
        for table in re.findall(r"^\|[-|]+\|\n((?:\|.*\n)+)", section, re.MULTILINE)
        for row in table.splitlines()
    ]
    assert len(rows) > 20
    assert [row for row in rows if CLAIM.match(row, 2) is None] == []


def test_reports_are_addressed_to_the_project(repo_root: Path) -> None:
    policy = (repo_root / "SECURITY.md").read_text(encoding="utf-8")
    assert f"<{PROJECT_URL}/security/advisories/new>" in policy
    assert not re.search(r"[\w.]+@[\w.]+", policy)


def test_package_imports_no_network_module(package_dir: Path) -> None:
    network = re.compile(r"^\s*(?:import|from) (socket|ssl|http|urllib|ftplib)\b", re.MULTILINE)
    files = list(package_dir.rglob("*.py"))
    assert files
    assert [file for file in files if network.search(file.read_text(encoding="utf-8"))] == []


def test_no_option_opens_a_socket(tmp_path: Path) -> None:
    """An audit hook ends the process at the first socket event."""
    program = (
        "import os, sys\n"
        "def hook(event, arguments):\n"
        "    if event.startswith('socket.'):\n"
        "        os.write(2, event.encode())\n"
        "        os._exit(9)\n"
        "sys.addaudithook(hook)\n"
        "import temporal_static_libs as t\n"
        "t.verify(), t.lib_dir(), t.include_dir(), t.library_set(), t.link_flags()\n"
        "from temporal_static_libs._cli.entry import main\n"
        "from temporal_static_libs._cli.options import ANSWERS\n"
        "answers = [it for it in ANSWERS if it != '--shared']\n"
        "answers += ['--shared', sys.argv[1]]\n"
        "for options in (answers, ['--doctor'], ['--zig'], ['--completion', 'bash']):\n"
        "    assert main(options) == 0, options\n"
        "if sys.argv[2:]:\n"
        "    import socket\n"
        "    socket.socket().connect(('127.0.0.1', 9))\n"
    )

    def status(*arguments: str) -> int:
        command = [sys.executable, "-c", program, str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, cwd="/", check=False).returncode

    assert (status(), status("connect")) == (0, 9)
