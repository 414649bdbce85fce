"""A C program, linked with exactly what temporal-libs-config prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.programs.paths import RUST, consumer_environ, search_script

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

PROGRAM = Path(__file__).with_name("program.c")

COMPILERS = pytest.mark.parametrize(
    "compiler",
    [
        pytest.param(("cc",), id="cc"),
        pytest.param((sys.executable, "-m", "ziglang", "cc"), id="zig-cc"),
    ],
)


def link(
    compiler: tuple[str, ...], flags: list[str], output: Path
) -> subprocess.CompletedProcess[str]:
    """Compile and link the program."""
    return subprocess.run(
        [*compiler, str(PROGRAM), *flags, "-o", str(output)],
        env=consumer_environ(),
        capture_output=True,
        text=True,
        check=False,
    )


def run_and_expect_its_message(program: Path) -> None:
    """Run the linked program."""
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Invalid options: ")


@COMPILERS
@pytest.mark.parametrize("component", ["sdk-core", "client"])
def test_cflags_and_libs_are_enough(
    script: Command, compiler: tuple[str, ...], component: str, tmp_path: Path
) -> None:
    lines = script.lines("--cflags", "--libs", "--component", component)
    done = link(compiler, shlex.split(" ".join(lines)), tmp_path / "program")
    assert done.returncode == 0, done.stderr
    run_and_expect_its_message(tmp_path / "program")


@COMPILERS
def test_ldflags_drop_unused_code(
    script: Command, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    sizes = []
    for options in (("--cflags", "--libs"), ("--cflags", "--ldflags", "--libs")):
        program = tmp_path / f"program{len(options)}"
        done = link(compiler, shlex.split(" ".join(script.lines(*options))), program)
        assert done.returncode == 0, done.stderr
        run_and_expect_its_message(program)
        sizes.append(program.stat().st_size)
    assert sizes[1] <= sizes[0]


@COMPILERS
def test_link_with_archive_path_and_system_libraries(
    script: Command, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    lines = script.lines("--cflags", "--libfiles", "--system-libs", "--frameworks")
    done = link(compiler, shlex.split(" ".join(lines)), tmp_path / "program")
    assert done.returncode == 0, done.stderr
    run_and_expect_its_message(tmp_path / "program")


def test_library_planted_after_the_call_is_not_linked(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    """With these flags, the linker does not search the directory."""
    package = copy_site(tmp_path / "site")
    environ = {"PYTHONPATH": str(package.parent)}
    lines = script.lines("--cflags", "--ldflags", "--libs", environ=environ)
    for name in ("libm.so", "libgcc_s.so", "libtemporal_sdk_core.so"):
        (package / "lib" / name).write_text("no library\n")
    done = link(("cc",), shlex.split(" ".join(lines)), tmp_path / "program")
    assert done.returncode == 0, done.stderr
    run_and_expect_its_message(tmp_path / "program")


def test_linking_needs_no_rust(tmp_path: Path) -> None:
    """Programs that `link` runs do not find Rust."""
    search = ("sh", "-c", search_script(*RUST, "cc"))
    found = [Path(line).name for line in link(search, [], tmp_path).stdout.splitlines()]
    assert found == ["cc"]


def test_package_in_a_directory_with_a_space(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    copy_site(tmp_path / "my site")
    environ = {"PYTHONPATH": str(tmp_path / "my site")}
    lines = script.lines("--cflags", "--libs", environ=environ)
    flags = shlex.split(" ".join(lines))
    assert any("my site" in flag for flag in flags)
    done = link(("cc",), flags, tmp_path / "program")
    assert done.returncode == 0, done.stderr
    run_and_expect_its_message(tmp_path / "program")


def test_header_with_another_abi_does_not_link(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    package = copy_site(tmp_path / "site")
    (abi,) = script.lines("--abi")
    other = "0" * len(abi)
    header = package / "include" / "temporal-sdk-core-c-bridge.h"
    text = header.read_text(encoding="utf-8")
    header.unlink()
    header.write_text(text.replace(abi, other), encoding="utf-8")
    lines = script.lines("--cflags", "--libs", environ={"PYTHONPATH": str(package.parent)})
    done = link(("cc",), shlex.split(" ".join(lines)), tmp_path / "program")
    assert done.returncode != 0
    assert re.search(rf"temporal_static_libs_\w+_abi_{other}\b", done.stderr)
