"""One build at a time in a source tree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from temporal_static_libs._build.lock import NOTE, exclusive

PROGRAM = """\
import sys
from pathlib import Path
from temporal_static_libs._build.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("has it", flush=True)
    sys.stdin.read()
"""


def start_holder(directory: Path) -> subprocess.Popen[str]:
    """Another process that locks the directory until its standard input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_second_build_waits_for_the_first_and_prints_a_notice(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        holder = start_holder(tmp_path)
        assert holder.stderr is not None
        line = holder.stderr.readline()
        waits = f"Waiting for another build in {tmp_path}, which process {os.getpid()} started at "
        assert re.fullmatch(rf"{waits}20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", line)
        assert holder.poll() is None
    stdout, _ = holder.communicate("", timeout=60)
    assert (holder.returncode, stdout) == (0, "has it\n")


@pytest.mark.parametrize(
    "note", [None, b"", b"process x\nsince y\n", b"process 1\nsince \x1b[2J\n", b"\xff", "fifo"]
)
def test_invalid_note_is_not_printed(tmp_path: Path, note: bytes | str | None) -> None:
    with exclusive(tmp_path):
        (tmp_path / NOTE).unlink()
        if note == "fifo":
            os.mkfifo(tmp_path / NOTE)
        elif isinstance(note, bytes):
            (tmp_path / NOTE).write_bytes(note)
        holder = start_holder(tmp_path)
        assert holder.stderr is not None
        assert holder.stderr.readline() == f"Waiting for another build in {tmp_path}\n"
    holder.communicate("", timeout=60)
    assert holder.returncode == 0


def test_program_that_inherits_the_lock_holds_it(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "from pathlib import Path\n"
        "from temporal_static_libs._build.lock import exclusive\n"
        "with exclusive(Path(sys.argv[1])) as lock:\n"
        "    it = subprocess.Popen(['cat'], pass_fds=[lock])\n"
        "    print(it.pid, flush=True)\n"
        "    it.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        first.stdout.readline()
        first.kill()
        first.wait()
        with start_holder(tmp_path) as second:
            assert second.stderr is not None
            assert f"process {first.pid} started" in second.stderr.readline()
            first.stdin.close()  # cat ends
            second.communicate("", timeout=60)
        assert second.returncode == 0


def test_process_left_behind_by_a_build_does_not_hold_the_lock(tmp_path: Path) -> None:
    """For example sccache's server, which the first compile starts."""
    with exclusive(tmp_path) as lock:
        assert lock is not None
        server = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock])
    with server, start_holder(tmp_path) as holder:
        stdout, stderr = holder.communicate("", timeout=60)
        assert (stdout, stderr) == ("has it\n", "")
        assert server.stdin is not None
        server.stdin.close()


def test_killed_process_releases_the_lock(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "has it\n"
        holder.kill()
        holder.wait(timeout=60)
        with exclusive(tmp_path):
            pass


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        assert [file.name for file in tmp_path.iterdir()] == [NOTE]
    assert list(tmp_path.iterdir()) == []


def test_read_only_directory_can_be_locked() -> None:
    with exclusive(Path("/proc/self")) as lock:
        assert lock is not None
