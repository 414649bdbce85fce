"""Errors of the system: a message and the right exit status, never a traceback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

ANSWERS = ("--libs", "--json", "--help", "--doctor", "--zig")


def in_shell(command: Command, script: str, **environ: str) -> tuple[int, str, str]:
    """Run a shell script in which ``"$@"`` is the command without options.

    Returns:
        Exit status, stdout and stderr.
    """
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command.argv],
        env={**os.environ, **environ},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("option", ANSWERS)
@pytest.mark.parametrize("stream", [">&-", ">/dev/full"], ids=["closed", "full"])
def test_unwritable_stdout(command: Command, stream: str, option: str) -> None:
    status, _, stderr = in_shell(command, f'"$@" {option} {stream}')
    assert status == 1
    assert stderr.startswith("temporal-libs-config: error: cannot write to standard output: ")
    assert len(stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ANSWERS)
def test_closed_pipe_on_stdout(command: Command, option: str) -> None:
    script = f'{{ "$@" {option}; echo $? >&2; }} | :'
    assert in_shell(command, f"sleep 0.1; {script}")[2] in ("0\n", "1\n")


@pytest.mark.parametrize(("option", "status"), [("--libs", 1), ("--nonsense", 2), ("--version", 0)])
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"], ids=["closed", "full"])
def test_unwritable_stderr(command: Command, stream: str, option: str, status: int) -> None:
    done = in_shell(command, f'"$@" {option} {stream}', TEMPORAL_LIBS_DIR="/nowhere")
    assert done[0] == status
    assert (done[1] == "") == (status != 0)


@pytest.mark.parametrize("option", ANSWERS)
def test_deleted_working_directory(command: Command, tmp_path: Path, option: str) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    usual = in_shell(command, f'"$@" {option}')
    assert usual[0] == 0
    assert in_shell(command, f'cd {place} && rmdir {place} && "$@" {option}') == usual


@pytest.mark.parametrize(
    "name",
    [
        "TEMPORAL_LIBS_DIR",
        "TEMPORAL_LIBS_CACHE_DIR",
        "TEMPORAL_LIBS_BUILD_RECORD",
        "TEMPORAL_LIBS_LINE_TABLES",
    ],
)
def test_relative_setting_in_a_deleted_working_directory(
    script: Command, tmp_path: Path, name: str
) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    status, stdout, stderr = in_shell(
        script, f'cd {place} && rmdir {place} && "$@" --libs', **{name: "a/b"}
    )
    assert (status, stdout) == (2, "")
    assert stderr == (
        f"temporal-libs-config: error: the environment variable {name} is 'a/b', a relative path, "
        "but the working directory cannot be found: No such file or directory\n"
        "  fix:    set it to an absolute path\n"
    )


@pytest.mark.parametrize("option", ["--libs", "--json", "--cmakedir", "--doctor"])
@pytest.mark.parametrize("name", ["TEMPORAL_LIBS_DIR", "TEMPORAL_LIBS_CACHE_DIR"])
def test_too_long_path(command: Command, option: str, name: str) -> None:
    status, stdout, stderr = in_shell(command, f'"$@" {option}', **{name: "/abcdefghi" * 600})
    if name == "TEMPORAL_LIBS_DIR" and option != "--doctor":
        assert (status, stdout) == (1, "")
        assert "File name too long" in stderr
    else:
        assert status in (0, 1)


def test_directory_that_the_user_cannot_enter(script: Command, tmp_path: Path) -> None:
    # Other users may not be able to read this interpreter and package, so import everything first.
    (tmp_path / "closed" / "inside").mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    program = (
        "import os, sys; from temporal_static_libs._cli import command, entry, doctor; "
        "os.geteuid() or os.seteuid(65534); sys.exit(entry.main(['--libs']))"
    )
    done = subprocess.run(
        [script.argv[0].replace("temporal-libs-config", "python"), "-c", program],
        env={**os.environ, "TEMPORAL_LIBS_DIR": str(tmp_path / "closed" / "inside")},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["fifo", "directory", "/dev/full"])
def test_unwritable_metrics(script: Command, tmp_path: Path, kind: str) -> None:
    file = Path(kind) if kind == "/dev/full" else tmp_path / kind
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    status, stdout, stderr = in_shell(script, '"$@" --libs', TEMPORAL_LIBS_METRICS=str(file))
    assert (status, stdout != "") == (0, True)
    assert f"warning: cannot append to TEMPORAL_LIBS_METRICS={file}: " in stderr


def test_metrics_get_no_incomplete_line(script: Command, tmp_path: Path) -> None:
    file = tmp_path / "metrics"
    file.write_bytes(b"x" * 1000 + b"\n")
    # In blocks of 512 bytes, which leaves room for the beginning of a line.
    shell = 'ulimit -f 2; trap "" XFSZ; "$@" --libs'
    status, _, stderr = in_shell(script, shell, TEMPORAL_LIBS_METRICS=str(file))
    assert status == 0
    assert f"cannot append to TEMPORAL_LIBS_METRICS={file}: No space left on device\n" in stderr
    assert file.stat().st_size == 1001
