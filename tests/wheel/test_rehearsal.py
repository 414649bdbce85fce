"""The checks of a rehearsal's wheel. `make rehearse` runs the rehearsal itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from temporal_static_libs._targets import Target, target_of_triple
from tools import ToolError
from tools.images.rehearsal import rehearsal_image
from tools.wheel.check import check_wheel
from tools.wheel.rehearse import IDENTIFIER, TRIPLE
from tools.wheel.repair import repair

if TYPE_CHECKING:
    from tests.wheel.conftest import TinyTree


@pytest.fixture
def target() -> Target:
    """The platform that is rehearsed."""
    return target_of_triple(TRIPLE)


@pytest.fixture
def built(tiny_tree: TinyTree, tmp_path: Path) -> Path:
    """A wheel made by the build hook, from a tree that is not a checkout."""
    return tiny_tree.wheel(tmp_path / "built")


def test_wheel_without_a_commit_is_refused(built: Path, target: Target, tmp_path: Path) -> None:
    repaired = repair(built, tmp_path / "repaired")
    with pytest.raises(ToolError, match=r"its commit: None, not 'f{40}'$"):
        check_wheel(repaired, target, "quick", "f" * 40)


def test_wheel_with_another_profile_is_refused(built: Path, target: Target, tmp_path: Path) -> None:
    repaired = repair(built, tmp_path / "repaired")
    with pytest.raises(ToolError, match=r"its Cargo profile: 'quick', not 'release'$"):
        check_wheel(repaired, target, "release", "f" * 40)


def test_unrepaired_wheel_is_refused(built: Path, target: Target) -> None:
    with pytest.raises(ToolError, match=r"its tags in its name: {'py3-none-linux_x86_64'}"):
        check_wheel(built, target, "quick", "f" * 40)


def test_wheel_whose_metadata_differs_from_its_name_is_refused(
    built: Path, target: Target, tmp_path: Path
) -> None:
    renamed = tmp_path / repair(built, tmp_path / "repaired").name
    built.rename(renamed)
    with pytest.raises(ToolError, match=r"its tags in its WHEEL: {'py3-none-linux_x86_64'}"):
        check_wheel(renamed, target, "quick", "f" * 40)


def test_identifier_matches_the_platform(target: Target) -> None:
    assert f"cp311-manylinux_{target.machine}" == IDENTIFIER


def test_machine_without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="docker was not found on PATH"):
        rehearsal_image()
