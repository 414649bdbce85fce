"""The commands on a page of docs/, so that tests run the same commands as readers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path, heading: str) -> list[str]:
    """The shell scripts under a heading: one per block, from its lines after ``$`` and ``>``.

    Raises:
        ValueError: the page has no such heading, or the heading has no block.
    """
    scripts = [
        "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith(("$ ", "> ")))
        for language, block in _blocks(page, heading)
        if language == "console"
    ]
    if not scripts:
        raise ValueError(f"{page} has no commands under {heading!r}")
    return scripts


def files(page: Path, heading: str) -> list[str]:
    """The contents of files that the reader should write, under a heading.

    Raises:
        ValueError: the page has no such heading.
    """
    return [block for language, block in _blocks(page, heading) if language != "console"]


def _blocks(page: Path, heading: str) -> list[tuple[str, str]]:
    sections = re.split(r"^##+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts = dict(zip(sections[1::2], sections[2::2], strict=True))
    if heading not in texts:
        raise ValueError(f"{page} has no heading {heading!r}")
    return _BLOCK.findall(texts[heading])


def run(
    script: str,
    directory: Path,
    environ: Mapping[str, str],
    *prefix: str,
    python: Path = Path(sys.executable),
) -> str:
    """Run a script like a reader, in a shell where ``python`` is that of an environment.

    Args:
        script: a script from `commands`.
        directory: where to run it; created if it is missing.
        environ: the environment variables, with PATH.
        prefix: a command that runs the shell.
        python: the environment's interpreter.

    Returns:
        The output of the successful script.
    """
    directory.mkdir(exist_ok=True)
    done = subprocess.run(
        [*prefix, "bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env={**environ, "PATH": f"{python.parent}{os.pathsep}{environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
