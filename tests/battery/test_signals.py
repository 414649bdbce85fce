"""Calls that are killed: nothing keeps running, and the next call works."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.installation.calls import Machine
from tests.support.installation.small import SDK_CORE, Installation
from tests.support.programs.process_status import is_running
from tests.support.programs.waiting import until
from tests.support.system.processes import end, write_program

# A cargo with a child, like rustc. It does not end while `hold` exists.
_CARGO = """\
#!/bin/sh
if [ "$1" = rustc ]; then
    echo $$ > '{place}/cargo.new'
    env --default-signal=INT sleep 300 &
    echo $! > '{place}/child'
    mv '{place}/cargo.new' '{place}/cargo.pid'
    while [ -e '{place}/hold' ]; do sleep 0.05; done
    kill $!
fi
exec '{cargo}' "$@"
"""


@dataclass(frozen=True)
class SlowBuild:
    """An installation whose build waits until it is released.

    Attributes:
        installation: the installation, without a compiled set.
        machine: runs calls that need the compiled set.
        place: the directory with the file `hold`.
    """

    installation: Installation
    machine: Machine
    place: Path

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start a call and wait until it compiles."""
        # Output goes to files, so that nothing waits for pipes of processes that outlive the call.
        with (
            (self.place / "stdout").open("wb") as stdout,
            (self.place / "stderr").open("wb") as stderr,
            subprocess.Popen(
                # The tests may run in the background with ignored signals.
                ["env", "--default-signal=INT,HUP,TERM", *self.machine.command("--libs")],
                env=self.machine.process_environ,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            ) as process,
        ):
            try:
                until((self.place / "cargo.pid").exists, "start of cargo", 20)
                yield process
            finally:
                for name in ("cargo.pid", "child"):
                    if (self.place / name).exists():
                        end(self.process(name))
                with suppress(ProcessLookupError):  # also processes that outlive the call
                    os.killpg(process.pid, signal.SIGKILL)

    def process(self, name: str) -> int:
        """The process ID of cargo or of its child."""
        return int((self.place / name).read_text(encoding="ascii"))

    def let_go(self) -> None:
        """Let cargo continue, also if it is started again."""
        (self.place / "hold").unlink()


@pytest.fixture
def slow_build(installation: Installation, place: Path) -> SlowBuild:
    """A build that takes as long as the test wants."""
    shutil.rmtree(installation.cache)
    (place / "hold").touch()
    programs = place / "slow"
    programs.mkdir()
    cargo = installation.tools / "rust" / "cargo"
    write_program(programs / "cargo", _CARGO.format(place=place, cargo=cargo))
    path = f"{programs}:{installation.path_with_rust}:{os.defpath}"
    machine = replace(installation.machine("compiled", PATH=path), timeout=30)
    return SlowBuild(installation, machine, place)


def see_that_the_next_call_works(build: SlowBuild) -> None:
    compiled = build.installation.libraries("compiled")
    outcome = build.machine.call("--libdir").ended()
    assert (outcome.status, outcome.line) == (0, os.fsencode(compiled))
    assert not (build.installation.cache / "compiling").exists()


STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("whom", ["process", "group"])
def test_signal_ends_the_build_too(slow_build: SlowBuild, whom: str, number: int) -> None:
    with slow_build.running() as process:
        cargo, child = slow_build.process("cargo.pid"), slow_build.process("child")
        (os.killpg if whom == "group" else os.kill)(process.pid, number)
        process.wait(timeout=10)
        until(lambda: not is_running(cargo), "end of cargo", 5)
        until(lambda: not is_running(child), "end of what cargo started", 5)
    assert (slow_build.place / "stdout").read_bytes() == b""
    assert b"Traceback" not in (slow_build.place / "stderr").read_bytes()
    assert process.returncode in (STATUS[signal.Signals(number)], -number)
    slow_build.let_go()
    see_that_the_next_call_works(slow_build)


def test_build_keeps_the_lock_after_its_caller_is_killed(slow_build: SlowBuild) -> None:
    with slow_build.running() as process:
        cargo = slow_build.process("cargo.pid")
        process.kill()
        process.wait()
        assert is_running(cargo)
        (slow_build.place / "cargo.pid").rename(slow_build.place / "first")
        with subprocess.Popen(
            slow_build.machine.command("--libdir"),
            env=slow_build.machine.process_environ,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as following:
            try:
                assert following.stderr is not None
                first = following.stderr.readline()
                # It reports which process it waits for, and does not start a second cargo.
                assert "aiting" in first, first
                assert str(cargo) in first or str(process.pid) in first
                assert not (slow_build.place / "cargo.pid").exists()
                assert following.poll() is None
                slow_build.let_go()
                stdout, _ = following.communicate(timeout=30)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(following.pid, signal.SIGKILL)
                end(cargo)
        compiled = slow_build.installation.libraries("compiled")
        assert (following.returncode, stdout) == (0, f"{compiled}\n")


def test_caller_killed_with_its_build_blocks_nothing(slow_build: SlowBuild) -> None:
    with slow_build.running() as process:
        end(slow_build.process("cargo.pid"))
        process.kill()
        process.wait()
    slow_build.let_go()
    see_that_the_next_call_works(slow_build)


# --- while files for build systems are written ---

# Kills itself before the n-th operation of a kind on files in the cache.
_KILLED = """\
import os, sys
event, number, cache, kind, site, *options = sys.argv[1:]
number, kind, count = int(number), int(kind), 0
def hook(name, arguments):
    global count
    if name == event and any(str(a).startswith(cache) for a in map(text, arguments)):
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        count += 1
        if count == number:
            os.kill(os.getpid(), kind)
def text(argument):
    return os.fsdecode(argument) if isinstance(argument, (str, bytes, os.PathLike)) else ""
sys.path.insert(0, site)
sys.argv[1:] = options
from temporal_static_libs._cli.entry import main
sys.addaudithook(hook)
sys.exit(main())
"""
STEPS = ("open", "os.rename", "os.symlink", "os.mkdir")


def killed_at(machine: Machine, step: str, number: int, kind: int, option: str) -> int:
    """Run a call that is killed at a step; return its exit status."""
    cache = machine.environ["TEMPORAL_LIBS_CACHE_DIR"]
    arguments = [step, str(number), cache, str(int(kind)), str(machine.site), option]
    command = [machine.command()[0], "-c", _KILLED, *arguments]
    done = subprocess.run(
        command, env=machine.environ, cwd="/", capture_output=True, timeout=20, check=False
    )
    assert b"Error" not in done.stderr, done.stderr
    return done.returncode


@pytest.mark.parametrize("option", ["--cmakedir", "--pkgconfigdir"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_while_files_are_written(reset: Installation, step: str, option: str) -> None:
    machine = reset.machine("override")
    (usual,) = reset.machine("override").ask((option,))
    content = contents(Path(os.fsdecode(usual.answered().line)))
    for number in range(1, 40):
        shutil.rmtree(reset.cache)
        status = killed_at(machine, step, number, signal.SIGKILL, option)
        (outcome,) = machine.ask((option,))
        assert outcome.answered().stdout == usual.stdout
        assert contents(Path(os.fsdecode(outcome.line))) == content
        if status == 0:
            assert number > 1, f"there was no {step}"
            return
        assert status == -signal.SIGKILL
    raise AssertionError("it never finished")


def contents(directory: Path) -> dict[str, bytes]:
    """The content of a directory, without hidden leftovers. Targets of links must exist."""
    files = [file for file in directory.iterdir() if file.is_file() and file.name[0] != "."]
    found = {file.name: file.read_bytes() for file in files}
    root = directory.parents[len(directory.parts) - 1 - directory.parts.index("build-systems") - 2]
    assert (root / "lib" / SDK_CORE).is_file()
    return found


# Creates a leftover with its process ID for each file that a call writes, then makes that call.
_SAME_NUMBER = """\
import os, pathlib, sys
root, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, sys.argv[3])
for file in list(root.rglob("*")):
    if file.is_symlink() or file.is_file():
        for name in (f".{file.name}.{os.getpid()}", f"{file.name}.{os.getpid()}"):
            leftover = file.with_name(name)
            if kind == "file":
                leftover.write_text("half")
                leftover.chmod(0)
            elif kind == "directory":
                (leftover / "x").mkdir(parents=True)
            elif kind == "link":
                leftover.symlink_to("/nowhere")
        file.unlink()
sys.argv[1:] = [OPTION]
from temporal_static_libs._cli.entry import main
sys.exit(main())
"""


@pytest.mark.parametrize("option", ["--cmakedir", "--pkgconfigdir"])
@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_leftover_of_a_process_with_the_same_id(
    reset: Installation, kind: str, option: str
) -> None:
    machine = reset.machine("override")
    (usual,) = machine.ask((option,))
    program = _SAME_NUMBER.replace("OPTION", repr(option))
    root = str(reset.cache / "build-systems")
    command = [machine.command()[0], "-c", program, root, kind, str(machine.site)]
    done = subprocess.run(
        command, env=machine.environ, cwd="/", capture_output=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == usual.answered().stdout
    contents(Path(os.fsdecode(usual.line)))


@pytest.mark.parametrize("step", ["open", "os.rename", "os.mkdir"])
def test_killed_while_a_receipt_is_written(reset: Installation, step: str) -> None:
    machine = reset.machine()
    for number in range(1, 10):
        shutil.rmtree(reset.cache)
        status = killed_at(machine, step, number, signal.SIGKILL, "--libs")
        (outcome,) = machine.ask(("--libs",))
        outcome.answered()
        if status == 0:
            assert number > 1, f"there was no {step}"
            return
    raise AssertionError("it never finished")


def test_killed_while_hashing_it_leaves_no_receipt(reset: Installation) -> None:
    machine = reset.machine(TEMPORAL_LIBS_METRICS=str(reset.root / "metrics"))
    archive = reset.libraries("wheel") / SDK_CORE
    os.truncate(archive, 2 << 30)
    manifest = archive.with_name("manifest.json")
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    facts["libraries"][0]["size"] = 2 << 30
    manifest.write_text(json.dumps(facts), encoding="utf-8")
    with subprocess.Popen(
        machine.command("--libs"),
        env=machine.process_environ,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until(lambda: _reads(process.pid, archive), "reading of the archive", 10)
        process.kill()
    verified = reset.cache / "verified"
    assert not verified.exists() or [*verified.iterdir()] == []


def _reads(process: int, file: Path) -> bool:
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        try:
            if os.readlink(descriptor) == str(file):
                return True
        except OSError:
            continue
    return False
