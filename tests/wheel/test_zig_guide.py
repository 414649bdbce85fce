"""docs/zig.md: after copying its lines, an existing bridge links and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import temporal_static_libs
from tests.support.docs.commands import commands, run
from tests.support.zig.own_bridge import copy_own_bridge, snippets
from tests.support.zig.zig_versions import OTHERS, OWN, python_with_zig

GUIDE = "In five minutes"
BY_FILE_NAME = "Archives by file name"


@pytest.fixture
def environ_with_zig(
    index: str, repo_root: Path, tmp_path: Path
) -> Callable[[str], Mapping[str, str]]:
    """A function that makes an environment with a Zig version as `zig`, and with the index."""

    def make(version: str) -> Mapping[str, str]:
        zig = tmp_path / "bin" / "zig"
        zig.parent.mkdir()
        zig.write_text(f'#!/bin/sh\nexec "{python_with_zig(version, repo_root)}" -m ziglang "$@"\n')
        zig.chmod(0o755)
        return {
            **os.environ,
            "PATH": f"{zig.parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index,
            "VIRTUAL_ENV": "",
        }

    return make


def test_ten_lines_from_pip_to_a_program(
    repo_root: Path, tmp_path: Path, environ_with_zig: Callable[[str], Mapping[str, str]]
) -> None:
    page = repo_root / "docs" / "zig.md"
    scripts = commands(page, GUIDE)
    copied = [*scripts, *snippets(page, GUIDE)]
    assert sum(len(text.splitlines()) for text in copied) <= 10

    bridge = copy_own_bridge(tmp_path / "bridge", page)
    environ = environ_with_zig(OWN)
    for script in scripts:
        run(script, bridge.directory, environ)
    program = bridge.directory / "zig-out" / "bin" / "bridge"
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stderr == f"{temporal_static_libs.__version__}\n"


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_bridge_that_adds_both_archives_by_file_name_runs(
    version: str,
    repo_root: Path,
    tmp_path: Path,
    environ_with_zig: Callable[[str], Mapping[str, str]],
) -> None:
    (script,) = commands(repo_root / "docs" / "zig.md", BY_FILE_NAME)
    ignored = shutil.ignore_patterns(".zig-cache", "zig-out")
    example = tmp_path / "zig-archives"
    shutil.copytree(repo_root / "examples" / "zig-archives", example, ignore=ignored)
    printed = run(script, example, environ_with_zig(version))
    assert f"runtime version: {temporal_static_libs.__version__}\n" in printed
