"""The requirements files with hashes, and the check that they match pyproject.toml's groups."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tools import requirements
from tools.requirements import find_problems, read_groups, read_pins

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the groups and their files."""
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def change(file: Path, before: str, after: str) -> None:
    """Replace text that occurs exactly once."""
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_files_match_the_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert requirements.main(["--check"]) == 0, capsys.readouterr().err
    assert {"build", "cibuildwheel", "pip", "release", "test", "zig"} <= {f.stem for f in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_has_only_pins_with_hashes(file: Path) -> None:
    """No index and no path: the hash identifies what is installed, whatever its source."""
    text = file.read_text(encoding="utf-8")
    pins = read_pins(text)
    assert pins
    assert all(re.fullmatch(r"==[\w.!+]+", str(pin.specifier)) for pin in pins)
    assert not any(pin.url for pin in pins)
    assert "://" not in text
    assert text.count("--") == text.count("--hash=sha256:")


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        pytest.param(
            '["pycparser==3.11"]',
            '["pycparser==3.12"]',
            "requirements/header.txt: the group has pycparser==3.12, not ['==3.11']",
            id="version",
        ),
        pytest.param(
            '["pycparser==3.11"]',
            '["pycparser==3.11", "wheel==0.48.0"]',
            "requirements/header.txt: wheel is in the group, not here",
            id="added",
        ),
        pytest.param(
            '{ include-group = "header" },',
            "",
            "requirements/cross.txt: pycparser is here, not in the group",
            id="removed",
        ),
        pytest.param(
            'pip = ["pip==26.3"]',
            'pip = ["pip==26.3"]\nnew = ["wheel==0.48.0"]',
            "requirements/new.txt is missing",
            id="new-group",
        ),
        pytest.param(
            'header = ["pycparser==3.11"]',
            'header-tools = ["pycparser==3.11"]',
            "requirements/header.txt: pyproject.toml has no such group",
            id="old-group",
        ),
        pytest.param(
            "\"pipx==1.17.12; python_version < '3.11'\"",
            "\"pipx==1.17.11; python_version < '3.11'\"",
            "requirements/delivery.txt: the group has pipx==1.17.11, not ['==1.17.12']",
            id="marker",
        ),
    ],
)
def test_changed_group_is_reported(tree: Path, before: str, after: str, problem: str) -> None:
    change(tree / "pyproject.toml", before, after)
    if problem.endswith("no such group"):
        change(tree / "pyproject.toml", '{ include-group = "header" },', "")
        change(tree / "pyproject.toml", '{ include-group = "header" }, ', "")
    assert problem in list(find_problems(tree))


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        pytest.param(r" \\\n( +--hash=.*\n)+", "\n", "not a version with hashes: ", id="no-hash"),
        pytest.param("pycparser==3.11", "pycparser==3.10", "the group has pycparser", id="version"),
        pytest.param("sha256:[0-9a-f]", "sha256:", "not SHA-256: pycparser==3.11", id="short"),
        pytest.param("sha256:", "md5:", "not SHA-256: pycparser==3.11", id="md5"),
        pytest.param("^", "--index-url https://example.org\n", "the first line", id="index"),
        pytest.param("$", "--no-binary :all:\n", "not a version with hashes: --no", id="option"),
    ],
)
def test_edited_file_is_reported(tree: Path, before: str, after: str, problem: str) -> None:
    file = tree / "requirements" / "header.txt"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(before, after, text, flags=re.DOTALL, count=0), encoding="utf-8")
    assert any(
        found.startswith(f"requirements/header.txt: {problem}") for found in find_problems(tree)
    )


def test_groups_that_are_only_included_need_no_file() -> None:
    assert not any(group.endswith("-tools") for group in read_groups(ROOT))


def test_oldest_python_is_that_of_the_project() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={requirements.OLDEST_PYTHON}"' in text
    assert requirements.PYTHONS[0] == requirements.OLDEST_PYTHON
