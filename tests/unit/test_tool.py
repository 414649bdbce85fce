"""Finding programs on PATH and reading their versions, however they behave."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from temporal_static_libs._build.tool import output_of, program_on_path
from tests.support.programs.process_status import is_running
from tests.support.programs.waiting import until


def write_program(file: Path, text: str) -> Path:
    """Write a program for the shell."""
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    file.chmod(0o755)
    return file


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The path for a test's program, which can write its process ID to `number`."""
    return tmp_path / "program"


def ask(program: Path, text: str) -> tuple[str, float]:
    """Run a program, and return its output and the duration in seconds."""
    write_program(program, text)
    start = time.monotonic()
    answer = output_of([str(program)], {"PATH": os.defpath})
    return answer, time.monotonic() - start


def _see_that_it_ends(program: Path) -> None:
    number = int(program.with_name("program.number").read_text())
    until(lambda: not is_running(number), "end of what was started")


def test_program_runs_in_an_empty_directory(program: Path) -> None:
    assert ask(program, "pwd")[0] == "/\n"


@pytest.mark.parametrize("text", ["echo 1.2", "echo 1.2 >&2", "echo 1.2; exit 3"])
def test_both_streams_are_read_whatever_the_status(program: Path, text: str) -> None:
    assert ask(program, text)[0] == "1.2\n"


def test_program_that_cannot_be_started(program: Path) -> None:
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    assert output_of([str(program)], {}) == "does not run: Exec format error"


def test_program_gets_no_input(program: Path) -> None:
    assert ask(program, "cat; echo 1.2")[0] == "1.2\n"


@pytest.mark.parametrize(
    "text",
    ["exec sleep 300", "trap '' TERM INT HUP; sleep 300; sleep 300", "sleep 300 & wait"],
    ids=["hangs", "ignores-signals", "child-hangs"],
)
def test_hanging_program_is_ended(program: Path, text: str) -> None:
    answer, seconds = ask(program, f"echo $$ > {program}.number; {text}")
    assert answer == "did not respond within 5 seconds"
    assert 4.9 < seconds < 15
    _see_that_it_ends(program)


def test_child_that_keeps_the_pipe_open_does_not_block(program: Path) -> None:
    answer, seconds = ask(program, f"sleep 300 & echo $! > {program}.number; echo 1.2")
    assert answer == "1.2\n"
    assert seconds < 5
    _see_that_it_ends(program)


@pytest.mark.parametrize("text", ["exec yes 1.2", "exec yes 1.2 >&2", "exec cat /dev/zero"])
def test_endless_output_is_cut_off(program: Path, text: str) -> None:
    answer, seconds = ask(program, text)
    assert len(answer) == 64 << 10
    assert seconds < 5


@pytest.mark.parametrize("path", ["", ".", ":{0}", "{0}:", "{0}:.", "here", "::", "{0}:here"])
def test_relative_directories_on_path_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here", "empty"):
        (tmp_path / name).mkdir()
    write_program(tmp_path / "tool", "")
    write_program(tmp_path / "here" / "tool", "")
    environ = {"PATH": path.format(tmp_path / "empty")}
    assert program_on_path("tool", environ) is None
    environ["PATH"] += f":{tmp_path / 'here'}"
    assert program_on_path("tool", environ) == str(tmp_path / "here" / "tool")


def test_program_given_by_path_is_not_searched_for(tmp_path: Path) -> None:
    tool = write_program(tmp_path / "tool", "")
    assert program_on_path(str(tool), {"PATH": ""}) == str(tool)
