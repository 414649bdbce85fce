"""Builds that are ended early: nothing keeps running, and the next build works."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.pip.tiny_package import RustcWrapper, TinyPackage, rustc_wrapper
from tests.support.programs.waiting import until

if TYPE_CHECKING:
    from tests.wheel.conftest import TinyTree

ASKED = {"USE_PREBUILT_LIBS": "false"}
STATUS = {
    signal.SIGHUP: 129,
    signal.SIGINT: 130,
    signal.SIGQUIT: 131,
    signal.SIGTERM: 143,
}
HOOK = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture
def wrapper(tmp_path: Path) -> Iterator[RustcWrapper]:
    """A wrapper between cargo and rustc that keeps the compile from finishing."""
    wrapper = rustc_wrapper(tmp_path)
    wrapper.hold.touch()
    yield wrapper
    wrapper.hold.unlink(missing_ok=True)
    until(lambda: not programs_of(wrapper), "end of what a test has started")


def programs_of(wrapper: RustcWrapper) -> list[str]:
    """The command lines of processes with the wrapper in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if os.fsencode(wrapper.program) in (process / "environ").read_bytes():
                    found.append(os.fsdecode((process / "cmdline").read_bytes()))
            except OSError:
                continue
    return found


@contextmanager
def compiling(
    arguments: list[str], environ: Mapping[str, str], wrapper: RustcWrapper, cwd: str = "/"
) -> Iterator[subprocess.Popen[str]]:
    """Run Python and wait until rustc runs."""
    with subprocess.Popen(
        # The tests may run in the background with ignored signals.
        ["env", "--default-signal=HUP,INT,QUIT,TERM", sys.executable, *arguments],
        env={**environ, "RUSTC_WRAPPER": str(wrapper.program)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            until(wrapper.log.exists, "rustc")
            yield process
        finally:
            process.kill()


def command(package: TinyPackage) -> tuple[list[str], Mapping[str, str]]:
    """A call that compiles, and its environment."""
    return ["-m", "temporal_static_libs", "--libdir"], {**package.environ, **ASKED}


@pytest.mark.parametrize("number", STATUS)
def test_signal_to_the_caller_ends_cargo_too(
    tiny_package: TinyPackage, wrapper: RustcWrapper, number: signal.Signals
) -> None:
    with compiling(*command(tiny_package), wrapper) as process:
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (STATUS[number], "")
    assert "Traceback" not in stderr
    until(lambda: not programs_of(wrapper), "end of cargo and rustc")
    wrapper.hold.unlink()
    done = tiny_package.config("--libdir", "--verify", **ASKED)
    assert done.returncode == 0, done.stderr
    assert "Waiting" not in done.stderr
    names = {file.name for file in tiny_package.cache.iterdir()}
    assert names - {"verified"} == {tiny_package.compiled.parent.name}


def test_cargo_keeps_the_lock_after_its_caller_is_killed(
    tiny_package: TinyPackage, wrapper: RustcWrapper
) -> None:
    arguments, environ = command(tiny_package)
    with compiling(arguments, environ, wrapper) as first:
        first.kill()
        first.wait()
    assert programs_of(wrapper) != []
    with tiny_package.config_running("--libdir", **ASKED) as second:
        assert second.stderr is not None
        line = second.stderr.readline()
        assert re.fullmatch(
            rf"Waiting for another build in {tiny_package.cache}, which process {first.pid} "
            r"started at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\n",
            line,
        )
        time.sleep(0.3)
        assert second.poll() is None
        wrapper.hold.unlink()
        stdout, stderr = second.communicate(timeout=120)
    assert (second.returncode, stdout) == (0, f"{tiny_package.compiled}\n"), stderr
    names = {file.name for file in tiny_package.cache.iterdir()}
    assert names - {"verified"} == {tiny_package.compiled.parent.name}


def test_signal_ends_the_calling_program_and_its_build(
    tiny_package: TinyPackage, wrapper: RustcWrapper
) -> None:
    program = "import temporal_static_libs as t\ntry: t.lib_dir()\nfinally: print('undone')"
    _, environ = command(tiny_package)
    with compiling(["-c", program], environ, wrapper) as process:
        process.terminate()
        stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (143, "undone\n")
    until(lambda: not programs_of(wrapper), "end of cargo and rustc")


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: None"])
def test_signal_with_a_handler_is_left_to_the_program(
    tiny_package: TinyPackage, wrapper: RustcWrapper, handler: str
) -> None:
    program = (
        f"import signal\nsignal.signal(signal.SIGHUP, {handler})\n"
        "import temporal_static_libs as t\nprint(t.lib_dir())"
    )
    _, environ = command(tiny_package)
    with compiling(["-c", program], environ, wrapper) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        wrapper.hold.unlink()
        stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (0, f"{tiny_package.compiled}\n"), stderr


@pytest.mark.parametrize("thread", [False, True], ids=["main-thread", "other-thread"])
def test_signal_handlers_are_restored_after_a_build(
    tiny_package: TinyPackage, thread: bool
) -> None:
    program = (
        "import signal, sys, threading, temporal_static_libs as t\n"
        "handlers = lambda: [signal.getsignal(it) for it in (1, 2, 3, 15)]\n"
        "before = handlers()\n"
        "if len(sys.argv) > 1:\n"
        "    it = threading.Thread(target=t.lib_dir); it.start(); it.join()\n"
        "print(t.lib_dir(), handlers() == before)"
    )
    done = tiny_package.python("-c", program, *(["x"] if thread else []), **ASKED)
    assert done.stdout == f"{tiny_package.compiled} True\n", done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_build_hook_ends_cargo_too(
    tiny_tree: TinyTree, wrapper: RustcWrapper, tmp_path: Path, number: signal.Signals
) -> None:
    arguments = ["-c", HOOK, str(tmp_path)]
    with compiling(arguments, tiny_tree.environ, wrapper, str(tiny_tree.root)) as process:
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode in (STATUS[number], -number)
    until(lambda: not programs_of(wrapper), "end of cargo and rustc")
    assert not (tiny_tree.root / ".building").exists()


def test_cargo_keeps_the_lock_after_the_build_hook_is_killed(
    tiny_tree: TinyTree, wrapper: RustcWrapper, tmp_path: Path
) -> None:
    arguments = ["-c", HOOK, str(tmp_path)]
    with compiling(arguments, tiny_tree.environ, wrapper, str(tiny_tree.root)) as first:
        first.kill()
        first.wait()
    wrapper.log.unlink()
    with subprocess.Popen(
        [sys.executable, *arguments],
        env=tiny_tree.environ,
        cwd=tiny_tree.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as second:
        assert second.stderr is not None
        line = second.stderr.readline()
        assert f"another build in {tiny_tree.root}, which process {first.pid} started" in line
        wrapper.hold.unlink()
        _, stderr = second.communicate(timeout=120)
    assert second.returncode == 0, stderr
