"""The smoke test in `tests/smoke`, which cibuildwheel runs on every platform, and its failures."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.programs.paths import RUST, consumer_environ, search_script

SMOKE = Path(__file__).parent.parent / "smoke" / "smoke.py"
COMMAND = SMOKE.with_name("command.py")
PACKAGE = "temporal_static_libs"


def smoke(
    python: str | Path, environ: Mapping[str, str] | None = None, script: str | Path = SMOKE
) -> subprocess.CompletedProcess[str]:
    """Run the smoke test of an interpreter's environment, with any exit status."""
    return subprocess.run(
        [python, script],
        env={**consumer_environ(), **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def other_python(wheel: Path, tmp_path: Path) -> Path:
    """The interpreter of an environment without Zig, with the wheel for a test to damage."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", wheel], check=True)
    return python


def test_installed_wheel_passes() -> None:
    done = smoke(sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines[:-1]), done.stdout
    # Two compilers, each with one archive and with both in either order; `zig build-exe` with each.
    assert lines[-1].startswith("10 of 10 programs of temporal-static-libs ")


def test_every_option_of_the_installed_command_works() -> None:
    done = smoke(sys.executable, script=COMMAND)
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines), done.stdout
    assert last == f"{len(lines)} of {len(lines)} options work"
    asked = {line.split()[1] for line in lines}
    helped = subprocess.check_output([sys.executable, "-m", PACKAGE, "--help"], text=True)
    listed = set(re.findall(r"^  (?:-h, )?(--[\w-]+)", helped, re.MULTILINE))
    assert asked == listed - {"--toolchain"}  # only for Windows


def test_failing_option_fails_the_command_test(other_python: Path) -> None:
    (directory,) = other_python.parent.parent.rglob("temporal_static_libs/share/proto")
    directory.rename(directory.with_name("moved"))
    done = smoke(other_python, script=COMMAND)
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    assert "FAILED  --protodir " in failed


def test_altered_archive_fails_the_smoke_test(other_python: Path) -> None:
    (archive,) = other_python.parent.parent.rglob("libtemporal_client.a")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    done = smoke(other_python)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    config = other_python.with_name("temporal-libs-config")
    assert lines[0].startswith("FAILED ")
    assert lines[1].startswith(f"        command: {config} --")
    assert "libtemporal_client.a was altered: SHA-256 mismatch: " in done.stdout
    assert "\nok " not in done.stdout


def test_link_failure_is_shown_with_its_command_and_output(
    other_python: Path, tmp_path: Path
) -> None:
    compiler = tmp_path / "cc"
    search = search_script(*RUST)
    compiler.write_text(
        f"#!/bin/sh\n{search}\necho undefined reference to everything >&2\nexit 3\n"
    )
    compiler.chmod(0o755)
    done = smoke(other_python, {"CC": str(compiler)})
    assert done.returncode == 1
    assert done.stdout.startswith("ok      installed\nok      verified\nFAILED  cc, sdk-core\n")
    assert f"        command: {compiler} -DSMOKE_WORKER -I" in done.stdout
    # It found no Rust.
    shown = "exit status: 3\noutput:\nundefined reference to everything\n"
    assert shown in done.stdout.replace(" " * 8, "")
    # Every check has a result, also after the first failure. There is no Zig here.
    assert done.stdout.count("\nFAILED  ") == 10
    assert "No module named ziglang" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 of 10 programs ")


def test_checkouts_package_is_not_mistaken_for_the_installed_one(repo_root: Path) -> None:
    done = smoke(sys.executable, {"PYTHONPATH": str(repo_root)})
    assert done.returncode == 1
    package = repo_root / "temporal_static_libs"
    assert f"the package in {package} is not the installed one" in done.stdout


def test_archives_of_an_override_are_not_mistaken_for_the_wheels(package_dir: Path) -> None:
    done = smoke(sys.executable, {"TEMPORAL_LIBS_DIR": str(package_dir / "lib")})
    assert done.returncode == 1
    assert "the active archives come from 'override', not from the wheel" in done.stdout
