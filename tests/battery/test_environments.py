"""States of a machine: closed and full streams, missing directories, misbehaving tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.installation.calls import Machine, Outcome
from tests.support.installation.small import Installation
from tests.support.system.processes import write_program
from tests.support.system.users import NOBODY, needs_root

ANSWERS = ("--libs", "--json", "--help", "--version", "--zig", "--doctor")
BOUND = 15  # seconds in which the doctor checks every tool, whatever they do


def in_shell(machine: Machine, script: str) -> Outcome:
    """Run a shell script in which ``"$@"`` is the command without options."""
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *machine.command()],
        env=machine.process_environ,
        cwd=machine.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=machine.timeout,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))


# --- directories ---


@pytest.mark.parametrize("option", ANSWERS)
def test_deleted_working_directory(shared: Installation, place: Path, option: str) -> None:
    script = f'cd {place} && /bin/rmdir {place} && exec "$@" {option}'
    usual = in_shell(shared.machine(), f'exec "$@" {option}').answered()
    outcome = in_shell(shared.machine(), script).answered()
    # Output of tools that the doctor runs there is not the package's.
    assert option == "--doctor" or outcome.stdout == usual.stdout


@pytest.mark.parametrize("name", ["TEMPORAL_LIBS_DIR", "TEMPORAL_LIBS_CACHE_DIR"])
@pytest.mark.parametrize("option", ["--libs", "--cmakedir", "--version", "--doctor"])
def test_relative_setting_in_a_deleted_working_directory(
    shared: Installation, place: Path, option: str, name: str
) -> None:
    machine = shared.machine("override", **{name: "relative"})
    outcome = in_shell(machine, f'cd {place} && /bin/rmdir {place} && exec "$@" {option}').ended()
    assert outcome.status in (0, 1, 2)
    if name == "TEMPORAL_LIBS_DIR" and option in ("--libs", "--cmakedir"):
        assert (outcome.status, outcome.stdout) in ((1, b""), (2, b""))
        assert "TEMPORAL_LIBS_DIR" in outcome.stderr


@needs_root
@pytest.mark.parametrize("option", ["--libs", "--json", "--cmakedir", "--verify"])
@pytest.mark.parametrize("inside", [True, False], ids=["below-it", "itself"])
def test_directory_that_the_user_cannot_enter(
    reset: Installation, place: Path, option: str, inside: bool
) -> None:
    closed = place / "closed"
    directory = closed / "override" if inside else closed
    shutil.copytree(reset.override, directory)
    closed.chmod(0o700)
    machine = reset.machine("override", TEMPORAL_LIBS_DIR=str(directory))
    (outcome,) = replace(machine, user=NOBODY).ask((option,))
    outcome.refused(str(directory), "Permission denied")


@needs_root
def test_working_directory_that_the_user_cannot_enter(shared: Installation, place: Path) -> None:
    place.chmod(0o700)
    command = [*replace(shared.machine(), user=NOBODY).command("--libs")]
    done = subprocess.run(
        ["/bin/sh", "-c", f'cd {place} && exec "$@"', "sh", "setpriv", *_as_nobody(), *command],
        env={**shared.machine().process_environ, "PATH": os.defpath},
        capture_output=True,
        timeout=10,
        check=False,
    )
    stderr = done.stderr.decode()
    Outcome(done.returncode, done.stdout, stderr).answered()


def _as_nobody() -> list[str]:
    return [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


@pytest.mark.parametrize("option", ["--libs", "--cmakedir", "--doctor"])
@pytest.mark.parametrize("home", ["unset", "empty", "relative", "missing", "a-file"])
def test_home_that_is_not_a_directory(
    reset: Installation, place: Path, home: str, option: str
) -> None:
    environ = {**reset.environ("override")}
    del environ["TEMPORAL_LIBS_CACHE_DIR"]
    (place / "file").touch()
    values = {
        "empty": "",
        "relative": "some/where",
        "missing": str(place / "a" / "b"),
        "a-file": str(place / "file"),
    }
    environ["HOME"] = values.get(home, "")
    if home in ("unset", "empty"):
        # Then the system determines the home directory, which the tests must not change.
        environ["XDG_CACHE_HOME"] = str(place / "cache")
    if home == "unset":
        del environ["HOME"]
    (outcome,) = Machine(reset.site, environ, cwd=place).ask((option,))
    if option == "--cmakedir" and home in ("relative", "a-file"):
        outcome.refused("TEMPORAL_LIBS_CACHE_DIR")
    else:
        outcome.answered()
    assert not (place / "some").exists()


@needs_root
def test_read_only_home(reset: Installation, place: Path) -> None:
    environ = {**reset.environ("override"), "HOME": str(place)}
    del environ["TEMPORAL_LIBS_CACHE_DIR"]
    machine = Machine(reset.site, environ, user=NOBODY)
    libs, cmake = machine.ask(("--libs",), ("--cmakedir",))
    libs.answered()
    cmake.refused(str(place), "Permission denied", "TEMPORAL_LIBS_CACHE_DIR")


@pytest.mark.parametrize("option", ["--libs", "--cmakedir", "--doctor", "--help"])
def test_missing_directory_for_temporary_files(reset: Installation, option: str) -> None:
    machine = reset.machine("override", TMPDIR="/nowhere/at/all")
    machine.call(option).answered()


# --- streams ---


@pytest.mark.parametrize("option", ["--libs", "--doctor", "--nonsense", "--cmakedir"])
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"], ids=["closed", "full"])
def test_unwritable_stderr(shared: Installation, stream: str, option: str) -> None:
    machine = shared.machine("override", TEMPORAL_LIBS_DIR="/nowhere")
    outcome = in_shell(machine, f'exec "$@" {option} {stream}')
    assert outcome.status == (2 if option == "--nonsense" else 1)
    assert (outcome.stdout == b"") == (option != "--doctor")
    assert b"Traceback" not in outcome.stdout


@pytest.mark.parametrize("option", ANSWERS)
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"], ids=["closed", "full"])
def test_unwritable_stderr_without_messages(shared: Installation, stream: str, option: str) -> None:
    usual = in_shell(shared.machine(), f'exec "$@" {option}').answered()
    assert in_shell(shared.machine(), f'exec "$@" {option} {stream}').answered() == usual


@pytest.mark.parametrize("option", [*ANSWERS, "--completion bash", "--doctor --json"])
@pytest.mark.parametrize("stream", [">&-", ">/dev/full"], ids=["closed", "full"])
def test_unwritable_stdout(shared: Installation, stream: str, option: str) -> None:
    outcome = in_shell(shared.machine(), f'exec "$@" {option} {stream}')
    outcome.refused("cannot write to standard output")


@pytest.mark.parametrize("option", [*ANSWERS, "--completion bash", "--doctor --json"])
def test_stdout_without_a_reader(shared: Installation, option: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout:
        done = subprocess.run(
            [*shared.machine().command(), *option.split()],
            env=shared.machine().process_environ,
            cwd="/",
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=10,
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize("option", ANSWERS)
def test_both_streams_closed(shared: Installation, option: str) -> None:
    outcome = in_shell(shared.machine(), f'exec "$@" {option} >&- 2>&-')
    assert (outcome.status, outcome.stdout, outcome.stderr) == (1, b"", "")


@pytest.mark.parametrize("option", ANSWERS)
def test_stdin_closed(shared: Installation, option: str) -> None:
    usual = in_shell(shared.machine(), f'exec "$@" {option}').answered()
    assert in_shell(shared.machine(), f'exec "$@" {option} <&-').answered() == usual


# --- what the doctor runs ---

TOOLS = ("zig", "cc", "pkg-config", "cmake")
MISBEHAVIORS: Mapping[str, str] = {
    "hangs": "#!/bin/sh\nexec sleep 300\n",
    "hangs-and-ignores-signals": "#!/bin/sh\ntrap '' TERM INT HUP\nsleep 300\nsleep 300\n",
    "hangs-in-a-child": "#!/bin/sh\nsleep 300 &\necho 1.2.3\n",
    "waits-for-input": "#!/bin/sh\ncat\necho 1.2.3\n",
    "floods": "#!/bin/sh\nexec yes 1.2.3\n",
    "floods-without-a-line": "#!/bin/sh\nexec cat /dev/zero\n",
    "floods-stderr": "#!/bin/sh\nexec yes 1.2.3 >&2\n",
    "is-no-program": "\0\0\0",
    "has-no-interpreter": "#!/nowhere/sh\n",
    "says-nothing": "#!/bin/sh\n",
    "is-killed": "#!/bin/sh\nkill -9 $$\n",
    "is-not-utf-8": "#!/bin/sh\nprintf '\\377\\376\\n'\n",
    "prints-escapes": "#!/bin/sh\nprintf '\\033[2J\\033]0;x\\007 1\\r2\\n'\n",
}


@pytest.mark.parametrize(
    "tool", ["zig", *(pytest.param(each, marks=pytest.mark.battery) for each in TOOLS[1:])]
)
@pytest.mark.parametrize("misbehavior", MISBEHAVIORS)
def test_misbehaving_tool_does_not_stop_the_doctor(
    shared: Installation, place: Path, misbehavior: str, tool: str
) -> None:
    write_program(place / tool, MISBEHAVIORS[misbehavior])
    machine = shared.machine(PATH=f"{place}:{shared.environ()['PATH']}:{os.defpath}")
    (outcome,) = replace(machine, timeout=BOUND).ask(("--doctor",))
    outcome.answered()
    (line,) = [line for line in outcome.stdout.splitlines() if str(place / tool).encode() in line]
    assert line.startswith(b"ok      tool: ")
    assert len(line) < 500
    assert b"\033" not in line
    _see_that_nothing_is_left(place)


def _see_that_nothing_is_left(place: Path) -> None:
    """Check that no program of a directory is running, nor its children."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "environ").read_bytes()
            except OSError:
                continue
            assert os.fsencode(place) not in command, (process / "cmdline").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["", ".", ":{usual}", "{usual}:", "{usual}:.", "relative", "::"],
    ids=["empty", "dot", "first-empty", "last-empty", "last-dot", "relative", "colons"],
)
def test_no_program_of_the_working_directory_is_run(
    shared: Installation, place: Path, path: str
) -> None:
    for directory in (place, place / "relative"):
        directory.mkdir(exist_ok=True)
        for tool in (*TOOLS, "cargo", "rustc", "git", "uname", "ldd", "ldconfig"):
            write_program(directory / tool, f"#!/bin/sh\n: > {place}/ran-{tool}\necho {tool} 6.6\n")
    nothing = place / "nothing"
    nothing.mkdir()
    machine = shared.machine(PATH=path.format(usual=nothing))
    for options in (("--doctor",), ("--doctor", "--json"), ("--libs",)):
        outcome = _in(place, machine, *options)
        outcome.answered()
        assert b"6.6" not in outcome.stdout
    assert [file.name for file in place.glob("ran-*")] == []


_SCRIPT = """\
import sys
from temporal_static_libs._cli.entry import main
sys.exit(main())
"""


@pytest.mark.parametrize("name", ["ziglang", "json", "sitecustomize"])
def test_no_module_of_the_working_directory_is_run(
    shared: Installation, place: Path, name: str
) -> None:
    (place / name).mkdir()
    for module in ("__init__.py", "__main__.py"):
        text = f"open({str(place / 'ran')!r}, 'w')\nprint('6.6')\n"
        (place / name / module).write_text(text, encoding="ascii")
    nothing = place / "nothing"
    nothing.mkdir()
    script = nothing / "script.py"
    script.write_text(_SCRIPT, encoding="ascii")
    machine = shared.machine(PATH=str(nothing))
    # The doctor must find the fake ziglang instead.
    path = f"{shared.site}:{shared.tools / 'python'}"
    done = subprocess.run(
        [machine.command()[0], str(script), "--doctor"],
        env={**machine.environ, "PYTHONPATH": path},
        cwd=place,
        capture_output=True,
        timeout=BOUND,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"zig 9.9.9" in done.stdout
    assert b"6.6" not in done.stdout
    assert not (place / "ran").exists()


def _in(cwd: Path, machine: Machine, *options: str) -> Outcome:
    (outcome,) = replace(machine, cwd=cwd, timeout=BOUND).ask(options)
    return outcome


# --- what cargo prints ---

LINES: Mapping[str, str] = {
    "half-a-brace": "{",
    "no-json": "{not json at all}",
    "deep": "",
    "no-reason": '{"a": 1}',
    "wrong-types": '{"reason": "compiler-artifact", "target": [], "filenames": 1}',
    "message-without-text": '{"reason": "compiler-message", "message": null}',
}


@pytest.mark.parametrize("line", LINES)
def test_invalid_line_in_cargos_output(installation: Installation, place: Path, line: str) -> None:
    text = '{"a":' * 100_000 if line == "deep" else LINES[line]
    (place / "line").write_text(text + "\n", encoding="utf-8")
    cargo = installation.tools / "rust" / "cargo"
    write_program(
        place / "cargo",
        f'#!/bin/sh\n[ "$1" != rustc ] || cat {place}/line\nexec {cargo} "$@"\n',
    )
    shutil.rmtree(installation.cache)
    machine = installation.machine(
        "compiled", PATH=f"{place}:{installation.path_with_rust}:{os.defpath}"
    )
    (outcome,) = replace(machine, timeout=BOUND).ask(("--libs",))
    outcome.ended()
    assert outcome.status in (0, 1)
    if outcome.status == 1:
        outcome.refused("cargo")
