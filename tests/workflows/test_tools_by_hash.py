"""Tools are installed by hash everywhere that wheels are built, tested or released."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALTERED = "0" * 64
# The source distribution and the wheel, which are built locally.
OWN = re.compile(
    r"--no-deps( --force-reinstall)? (dist/sdist/\*\.tar\.gz|\$\(DIST\)/\*\.whl|\"\$wheel\")$"
)


def installing_lines() -> list[str]:
    """List `pip install` commands of the Makefile, cibuildwheel, workflows and scripts."""
    names = ["Makefile", "pyproject.toml", *(str(file) for file in ROOT.glob("tools/**/*.sh"))]
    names += [str(file) for file in (ROOT / ".github").glob("**/*.yml")]
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return [line.strip() for line in lines if re.search(r"\bpip[\w.]* install\b", line)]


def test_every_pip_install_requires_hashes() -> None:
    lines = installing_lines()
    assert len(lines) >= 6
    for line in lines:
        assert "--require-hashes" in line or OWN.search(line), line


def test_nothing_else_installs_python_packages() -> None:
    """Neither cibuildwheel's settings nor an action installs packages in other ways."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    cibuildwheel = text.partition("[tool.cibuildwheel]")[2].partition("[tool.pytest")[0]
    assert not re.search(r"^test-(groups|requires|extras) ", cibuildwheel, re.MULTILINE)
    for file in (ROOT / ".github").glob("**/*.yml"):
        assert not re.search(r"\b(pipx|uvx|uv) (run|install)\b|setup-uv@", file.read_text()), file


def make_venv(tree: Path, group: str) -> subprocess.CompletedProcess[str]:
    """Make a group's venv with the Makefile and this machine's index."""
    command = ["make", f".venv/{group}/.ready"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the files that the Makefile needs for a venv."""
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def alter(file: Path, package: str) -> None:
    """Replace each hash of a package."""
    head, name, rest = file.read_text(encoding="utf-8").partition(f"\n{package}==")
    assert name
    mine, end, others = rest.partition("    # via")
    mine = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{ALTERED}", mine)
    file.write_text(head + name + mine + end + others, encoding="utf-8")


@pytest.mark.parametrize(
    ("group", "file", "package"),
    [
        pytest.param("cibuildwheel", "cibuildwheel", "bashlex", id="tool"),
        pytest.param("header", "pip", "pip", id="pip"),
    ],
)
def test_tool_with_a_different_hash_is_not_installed(
    tree: Path, group: str, file: str, package: str
) -> None:
    alter(tree / "requirements" / f"{file}.txt", package)
    done = make_venv(tree, group)
    if "No matching distribution found" in done.stderr:
        pytest.skip(f"no package index: {done.stderr}")
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE" in done.stderr
    assert re.search(rf"{package}==.*\n +Expected sha256 {ALTERED}", done.stderr), done.stderr
    assert not (tree / ".venv" / group / ".ready").exists()


def test_tool_without_a_hash_is_not_installed(tree: Path) -> None:
    """A dependency that the file lacks is not installed either."""
    file = tree / "requirements" / "cibuildwheel.txt"
    text = file.read_text(encoding="utf-8")
    without, count = re.subn(r"^bashlex==.*\n(?: .*\n)+", "", text, flags=re.MULTILINE)
    assert count == 1
    file.write_text(without, encoding="utf-8")
    done = make_venv(tree, "cibuildwheel")
    if "No matching distribution found" in done.stderr:
        pytest.skip(f"no package index: {done.stderr}")
    assert done.returncode != 0
    assert "all requirements must have their versions pinned with ==" in done.stderr
    assert "bashlex" in done.stderr


def test_venv_is_rebuilt_when_its_file_changes(tree: Path) -> None:
    """It is not rebuilt if the file of another group changes."""
    ready = tree / ".venv" / "zig" / ".ready"
    ready.parent.mkdir(parents=True)
    ready.touch()
    question = ["make", "--question", ".venv/zig/.ready"]
    later = ready.stat().st_mtime + 10
    for name, status in (("build", 0), ("zig", 1)):
        os.utime(tree / "requirements" / f"{name}.txt", (later, later))
        done = subprocess.run(question, cwd=tree, capture_output=True, check=False)
        assert done.returncode == status, name
