"""The scripts of the jobs for Windows, with fakes of the programs on those machines."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.pip.borrowed_environment import borrow_environment

# Records how it was called. Fails if its arguments contain one of the words in $FAILING.
NOTED = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$NOTES"
for failing in $FAILING; do
    case " $* " in *"$failing"*) exit 3 ;; esac
done
"""
# Makes a venv with the layout of Windows: python -m venv --clear DIRECTORY.
PYTHON = """\
#!/bin/sh
mkdir -p "$4/Scripts"
cp "$(dirname "$0")/gcc" "$4/Scripts/python.exe"
"""
HASHED = "python.exe -m pip install --quiet --require-hashes --requirement requirements/{}.txt"


class Machine:
    """A machine with some programs, on which scripts run in a checkout.

    Attributes:
        root: the checkout.
    """

    def __init__(self, root: Path, programs: Path) -> None:
        self.root = root
        self._programs = programs
        self._notes = programs / "notes"

    def has(self, *names: str, text: str = NOTED) -> None:
        """Put programs first on PATH."""
        for name in names:
            program = self._programs / name
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)

    def sh(self, *command: str, failing: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script; programs with one of the words of `failing` in their arguments fail."""
        path = f"{self._programs}{os.pathsep}{os.environ['PATH']}"
        mine: Mapping[str, str] = {"PATH": path, "NOTES": str(self._notes), "FAILING": failing}
        return subprocess.run(
            ["sh", *command],
            cwd=self.root,
            env={**os.environ, **mine},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """Return how the programs were called, in order."""
        return self._notes.read_text().splitlines() if self._notes.exists() else []


@pytest.fixture
def machine(repo_root: Path, tmp_path: Path) -> Machine:
    """A machine with only the basic programs."""
    root, programs = tmp_path / "checkout", tmp_path / "bin"
    root.mkdir()
    programs.mkdir()
    for name in ("Makefile", "requirements", "tools", "tests"):
        (root / name).symlink_to(repo_root / name)
    return Machine(root, programs)


@pytest.fixture
def windows(machine: Machine) -> Machine:
    """A machine with Git Bash, Python and MinGW."""
    machine.has("uname", text="#!/bin/sh\necho MINGW64_NT-10.0-26100\n")
    machine.has("gcc")
    machine.has("python", text=PYTHON)
    return machine


def test_venv_on_windows_is_installed_by_hash(windows: Machine) -> None:
    done = windows.sh("tools/wheel/venv.sh", "release")
    assert (done.stdout, done.stderr) == (".venv/release/Scripts/python.exe\n", "")
    assert windows.calls() == [HASHED.format("pip"), HASHED.format("release")]


def test_venv_on_other_systems_is_made_by_the_makefile(machine: Machine) -> None:
    borrow_environment(machine.root, "release")
    machine.has("pip")
    done = machine.sh("tools/wheel/venv.sh", "release")
    assert done.stdout == ".venv/release/bin/python\n", done.stderr
    assert machine.calls() == []


def test_venv_that_cannot_be_installed_stops_the_trial(windows: Machine) -> None:
    done = windows.sh("tools/release/try.sh", "windows-x64-gnu", failing="release.txt")
    assert done.returncode == 3
    assert windows.calls() == [HASHED.format("pip"), HASHED.format("release")]


def test_trial_of_a_release_gets_its_arguments(windows: Machine) -> None:
    words = ("windows-x64-gnu", "--published", "--bundle", "release", "--digest", "1234")
    assert windows.sh("tools/release/try.sh", *words).returncode == 0
    assert windows.calls()[-1] == f"python.exe -m tools.release try {' '.join(words)}"
    assert windows.sh("tools/release/try.sh", *words, failing="--published").returncode == 3


@pytest.fixture
def untested(windows: Machine) -> Path:
    """The directory of a fake wheel."""
    directory = windows.root / "untested"
    directory.mkdir()
    (directory / "some-py3-none-win_amd64.whl").touch()
    return directory


def test_wheel_is_installed_and_tested(windows: Machine, untested: Path) -> None:
    done = windows.sh("tools/wheel/test_on_windows.sh", "untested")
    assert done.returncode == 0, done.stderr
    assert windows.calls() == [
        HASHED.format("pip"),
        HASHED.format("zig"),
        "python.exe -m pip install --quiet --no-deps untested/some-py3-none-win_amd64.whl",
        "gcc --version",
        "python.exe tests/smoke/command.py --platform windows-x64-gnu",
        "python.exe tests/smoke/smoke.py",
        "python.exe tests/smoke/windows.py",
    ]


@pytest.mark.parametrize(
    "failing", ["zig.txt", "--no-deps", "command.py", "smoke.py", "windows.py"]
)
def test_failed_step_fails_the_test_of_the_wheel(
    windows: Machine, untested: Path, failing: str
) -> None:
    done = windows.sh("tools/wheel/test_on_windows.sh", "untested", failing=failing)
    assert done.returncode == 3
    assert failing in windows.calls()[-1]


@pytest.mark.parametrize("count", [0, 2])
def test_directory_without_exactly_one_wheel_is_refused(
    windows: Machine, untested: Path, count: int
) -> None:
    for number in range(count):
        (untested / f"other-{number}.whl").touch()
    if not count:
        (untested / "some-py3-none-win_amd64.whl").unlink()
    done = windows.sh("tools/wheel/test_on_windows.sh", "untested")
    assert done.returncode == 1
    assert "expected exactly one wheel in untested, found: " in done.stderr
    assert windows.calls() == []


def test_archives_for_visual_c_are_built_and_tested(windows: Machine) -> None:
    done = windows.sh("tools/wheel/msvc.sh")
    assert done.returncode == 0, done.stderr
    assert windows.calls() == [
        HASHED.format("pip"),
        HASHED.format("build"),
        "python.exe -m build --wheel --no-isolation --outdir dist/msvc .",
        "python.exe -m pip install --quiet --no-deps dist/msvc/*.whl",
        "python.exe tests/smoke/command.py --platform windows-x64-msvc",
        "python.exe -m tests.smoke.msvc",
    ]


@pytest.mark.parametrize("failing", ["--wheel", "--no-deps", "command.py", "smoke.msvc"])
def test_failed_step_fails_the_test_of_visual_c(windows: Machine, failing: str) -> None:
    assert windows.sh("tools/wheel/msvc.sh", failing=failing).returncode == 3
    assert failing in windows.calls()[-1]


def test_wheel_for_windows_is_cross_built(machine: Machine) -> None:
    machine.has("apt-get", "make", "rustup")
    machine.has("id", text="#!/bin/sh\necho 0\n")
    done = machine.sh("tools/cross/windows.sh")
    assert done.returncode == 0, done.stderr
    update, install, *others = machine.calls()
    assert update.startswith("apt-get update")
    assert install.endswith(" gcc-mingw-w64-x86-64")
    assert others == [
        "rustup target add x86_64-pc-windows-gnu",
        "make cross PLATFORMS=windows-x64-gnu CROSS_ARGS=--build-only",
    ]


@pytest.mark.parametrize("failing", ["update", "mingw", "target", "PLATFORMS"])
def test_failed_step_fails_the_build(machine: Machine, failing: str) -> None:
    machine.has("apt-get", "make", "rustup")
    machine.has("id", text="#!/bin/sh\necho 0\n")
    assert machine.sh("tools/cross/windows.sh", failing=failing).returncode == 3
    assert failing in machine.calls()[-1]
