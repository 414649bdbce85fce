"""One build at a time in a source tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from temporal_static_libs._build.staging import exclusive

PROGRAM = """\
import sys
from pathlib import Path
from temporal_static_libs._build.staging import exclusive
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


def test_second_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        holder = start_holder(tmp_path)
        assert holder.stderr is not None
        assert holder.stderr.readline() == f"Waiting for another build in {tmp_path}\n"
        assert holder.poll() is None
    stdout, _ = holder.communicate("", timeout=60)
    assert (holder.returncode, stdout) == (0, "has it\n")


def test_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "has it\n"
        holder.kill()
        holder.wait(timeout=60)
        with exclusive(tmp_path):
            pass


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        assert list(tmp_path.iterdir()) == []
