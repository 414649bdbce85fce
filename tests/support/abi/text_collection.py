"""Runs the program that collects failure texts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.abi import failure_texts
from tests.support.abi.capi import CApi

ROOT = Path(__file__).parents[3]
SECONDS = 120.0


def collected(
    api: CApi,
    declared: str,
    scratch: Path,
    *groups: str,
    server: str = "",
    environment: Mapping[str, str] | None = None,
) -> dict[str, dict[str, str]]:
    """Collect the texts of groups in a child process with backtraces enabled.

    Args:
        api: the interface.
        declared: its declarations.
        scratch: a directory to write to.
        groups: keys of `failure_texts.GROUPS`.
        server: the address of a dev server, for the group ``servers``.
        environment: additional variables of the child.
    """
    declarations, out = scratch / "declarations", scratch / "texts.json"
    declarations.write_text(declared, encoding="utf-8")
    path = str(ROOT)
    done = subprocess.run(
        [
            *(sys.executable, failure_texts.__file__),
            *(str(declarations), str(api.library), str(out), server),
            *groups,
        ],
        env={**os.environ, "PYTHONPATH": path, "RUST_BACKTRACE": "full", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    texts: dict[str, dict[str, str]] = json.loads(out.read_text(encoding="utf-8"))
    return texts
