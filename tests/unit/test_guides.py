"""Each guide in docs/ lists its prerequisites, and `make guides` follows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import ToolError
from tools.guides.pages import Steps
from tools.guides.table import GUIDES, NOT_FOLLOWED

PAGE = """\
# Guide

## Prerequisites

```console
# apt-get install gcc
$ python3 -m venv .venv
```

## Build

With a `bridge.c` of yours, this `src/build.txt`:

```text
content
```

It goes with this:

```text
no name
```

```console
$ one \\
>   more
output
$ two
```
"""


def test_make_guides_follows_each_guide(repo_root: Path) -> None:
    index = (repo_root / "docs" / "index.md").read_text(encoding="utf-8")
    section = index.split("\n## Get started\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"\]\(([\w-]+)\.md\)", section))
    assert {"elixir", "zig"} <= listed
    assert listed <= set(GUIDES) | set(NOT_FOLLOWED)


@pytest.mark.parametrize("name", GUIDES)
def test_guide_installs_packages_and_then_runs_a_program(name: str) -> None:
    steps = GUIDES[name].steps()
    assert steps.as_root.startswith("apt-get install ")
    assert "pip install temporal-static-libs\n" in steps.commands


@pytest.mark.parametrize("name", GUIDES)
def test_files_shown_in_the_guide_are_written(name: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    files = GUIDES[name].steps().files
    GUIDES[name].lay_out(project, files)
    for file, content in files.items():
        assert content in (project / file).read_text(encoding="utf-8")


def test_steps_are_read_from_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    steps = Steps()
    steps.add(page, ["Prerequisites", "Build"])
    assert steps == Steps(
        as_root="apt-get install gcc\n",
        commands="python3 -m venv .venv\none \\\n  more\ntwo\n",
        files={"src/build.txt": "content\n"},
    )
    with pytest.raises(ToolError, match="no heading 'Run'"):
        steps.add(page, ["Run"])
