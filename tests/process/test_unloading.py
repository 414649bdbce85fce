"""Calling ``dlclose`` on a shared library that links the archive."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.programs.c_program import build_program

HERE = Path(__file__).parent

ROUNDS = 8


@pytest.fixture(scope="module")
def unload(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """The command that loads, uses and unloads a library several times."""
    scratch = tmp_path_factory.mktemp("unload")
    hidden = ["-shared", "-fPIC", "-Wl,--exclude-libs,ALL"]
    return [
        build_program(HERE / "unload.c", scratch),
        build_program(HERE / "bridge_to_unload.c", scratch, hidden),
        str(ROUNDS),
    ]


def rounds(command: list[str | Path], using: str) -> list[str]:
    ended = subprocess.run(
        [*command, using], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split()


def test_a_library_is_unloaded_once_its_threads_and_those_that_used_it_have_ended(
    unload: list[str | Path],
) -> None:
    assert rounds(unload, "thread") == ["unloaded"] * ROUNDS


def test_a_library_stays_in_memory_while_a_thread_lives_that_used_it(
    unload: list[str | Path],
) -> None:
    assert rounds(unload, "main") == ["loaded"] * ROUNDS


def test_a_library_can_be_closed_while_its_threads_still_end(unload: list[str | Path]) -> None:
    """Whether it is unloaded depends on which is faster."""
    assert len(rounds(unload, "at-once")) == ROUNDS
