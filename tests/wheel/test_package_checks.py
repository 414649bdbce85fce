"""What PyPI's own checkers say of the wheel and of the source distribution."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(tool: str, *arguments: str | Path) -> None:
    """Run an installed checker, whose complaints are the test's message."""
    done = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_check_wheel_contents_finds_nothing(wheel: Path) -> None:
    run("check-wheel-contents", wheel)


def test_twine_takes_the_wheel_and_the_source_distribution(
    wheel: Path, repo_root: Path, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path],
        cwd=repo_root,
        capture_output=True,
        check=True,
    )
    (sdist,) = tmp_path.iterdir()
    run("twine", "check", "--strict", wheel, sdist)
