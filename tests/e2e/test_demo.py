"""tools/demo.py, which 'make demo' runs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.programs.paths import consumer_environ
from tools.zig_bridge import copy_zig_bridge

DEADLINE = 1200.0


@pytest.fixture
def tree(tmp_path: Path, repo_root: Path) -> Path:
    """The files of the checkout that the demo needs."""
    tree = tmp_path / "tree"
    (tree / "tools").mkdir(parents=True)
    for module in ("__init__.py", "demo.py", "dev_server.py", "processes.py", "zig_bridge.py"):
        (tree / "tools" / module).write_bytes((repo_root / "tools" / module).read_bytes())
    copy_zig_bridge(tree / "examples" / "zig-bridge")
    return tree


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A directory only for the demo's temporary files."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch


@contextmanager
def demo(
    tree: Path, scratch: Path, python: str | Path = sys.executable
) -> Iterator[subprocess.Popen[str]]:
    """The running demo. It must leave nothing behind, however it ends."""
    with subprocess.Popen(
        [python, "-m", "tools.demo"],
        cwd=tree,
        env={**consumer_environ(), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
    assert processes_of(scratch) == []
    assert list(scratch.iterdir()) == []


def processes_of(scratch: Path) -> list[str]:
    """Command lines of the processes that inherited the demo's TMPDIR."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"TMPDIR={scratch}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def test_the_demo_ends_with_its_result(tree: Path, scratch: Path) -> None:
    with demo(tree, scratch) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, errors) == (0, "")
    last = r"demo ok: workflow (\S+) run ([0-9a-f-]{36}) result 12586269025"
    assert re.fullmatch(last, output.splitlines()[-1])
    assert re.search(r"^ +server version: \d+\.\d+", output, re.MULTILINE)
    assert [line for line in output.splitlines() if line.startswith("==> ")] == [
        "==> demo 1/5: find temporal-libs-config",
        "==> demo 2/5: build the Zig bridge",
        "==> demo 3/5: start a Temporal dev server",
        "==> demo 4/5: run the Zig program",
        "==> demo 5/5: stop the server",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_too(tree: Path, scratch: Path, number: signal.Signals) -> None:
    with demo(tree, scratch) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("==> demo 3/5"):
                break
        while not any("start-dev" in command for command in processes_of(scratch)):
            assert process.poll() is None
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "demo ok" not in output
    assert f"demo stopped by {number.name}" in errors


def test_a_failed_step_is_named_with_its_log(tree: Path, scratch: Path) -> None:
    surface = tree / "examples" / "zig-bridge" / "src" / "bridge" / "surface.zig"
    surface.write_text("this is not Zig")
    with demo(tree, scratch) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "demo ok" not in output
    assert "demo failed: build the Zig bridge" in errors
    assert re.search(r"surface\.zig:1:\d+: error: ", errors)


def test_an_environment_without_the_wheel(tree: Path, scratch: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False)
    with demo(tree, scratch, tmp_path / "empty" / "bin" / "python") as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "demo ok" not in output
    assert "demo failed: find temporal-libs-config" in errors
    assert "pip install temporal-static-libs" in errors
