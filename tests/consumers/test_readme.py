"""README.md: the commands on its first screen work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import temporal_static_libs
from tests.support.docs.commands import commands, files, run
from tests.support.pip.consumer import Consumer
from tests.support.programs.paths import consumer_environ
from tests.support.zig.own_bridge import copy_own_bridge


def test_zig_bridge_links_with_the_lines_in_the_readme(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    readme, guide = repo_root / "README.md", repo_root / "docs" / "zig.md"
    (lines,) = files(readme, "Install")
    told = [line for line in lines.splitlines() if not line.startswith("//")]
    assert told == files(guide, "In five minutes")[0].splitlines()

    bridge = copy_own_bridge(tmp_path / "a bridge", guide)
    for script in commands(readme, "Install"):
        consumer.shell(script, bridge.directory)
    printed = consumer.shell("zig-out/bin/bridge", bridge.directory)
    assert printed == f"{temporal_static_libs.__version__}\n"


def test_c_program_links_with_the_command_in_the_readme(repo_root: Path, tmp_path: Path) -> None:
    (script,) = commands(repo_root / "README.md", "Other build systems")
    shutil.copyfile(repo_root / "tests" / "wheel" / "program.c", tmp_path / "bridge.c")
    # In the tests' environment, because a shell splits the result of a substitution at spaces.
    run(f"{script}./bridge", tmp_path, consumer_environ())


def test_c_program_links_in_a_path_with_a_space_with_the_command_for_it(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    text = (repo_root / "README.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"If the path contains spaces, use `(.+?)`", text)
    shutil.copyfile(repo_root / "tests" / "wheel" / "program.c", tmp_path / "bridge.c")
    consumer.shell(f"{script}\n./bridge", tmp_path)
