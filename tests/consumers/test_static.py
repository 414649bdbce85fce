"""Programs without shared libraries, linked as in docs/static.md."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import temporal_static_libs
from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands, files
from tests.support.pip.consumer import Consumer
from tests.support.programs.paths import consumer_environ

KINDS = pytest.mark.parametrize("kind", ["-static", "-static-pie"])
MESSAGE = "Invalid options: "
OPTION = re.compile(r"(?<![\w-])-static(?![\w-])")
"""The compiler's option, not that of temporal-libs-config."""


@pytest.fixture
def room(repo_root: Path, tmp_path: Path) -> Path:
    """A directory with the program that the build systems link."""
    shutil.copyfile(repo_root / "tests" / "wheel" / "program.c", tmp_path / "bridge.c")
    return tmp_path


def follow(
    page: Path, heading: str, kind: str, consumer: Consumer, room: Path, names: Sequence[str]
) -> None:
    """Write the files under a heading and run its commands, with the option for this kind."""
    written, scripts = files(page, heading), commands(page, heading)
    assert sum(len(OPTION.findall(text)) for text in (*written, *scripts)) == 1
    for name, content in zip(names, written, strict=True):
        (room / name).write_text(OPTION.sub(kind, content))
    consumer.shell(OPTION.sub(kind, "".join(scripts)), room)


def run_alone(program: Path, kind: str) -> str:
    """Run a program that needs no shared library and no loader, and return its output."""
    done = subprocess.run(
        ["readelf", "--file-header", "--program-headers", "--dynamic", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "INTERP" not in done.stdout
    assert "(NEEDED)" not in done.stdout
    assert ("DYN (" in done.stdout) == (kind == "-static-pie")
    ran = subprocess.run(
        [program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@KINDS
@pytest.mark.parametrize(
    ("heading", "names", "program"),
    [
        pytest.param("C compiler", [], "bridge", id="command"),
        pytest.param("With pkg-config", [], "bridge", id="pkg-config"),
        pytest.param("With CMake", [], "build/bridge", id="cmake"),
        pytest.param("With Meson", ["meson.build"], "build/bridge", id="meson"),
    ],
)
def test_c_program(
    consumer: Consumer,
    repo_root: Path,
    room: Path,
    kind: str,
    heading: str,
    names: list[str],
    program: str,
) -> None:
    docs = repo_root / "docs"
    (project,) = files(docs / "cmake.md", "From pip to a binary")
    (room / "CMakeLists.txt").write_text(project)
    follow(docs / "static.md", heading, kind, consumer, room, names)
    assert run_alone(room / program, kind).startswith(MESSAGE)


def test_go_program(consumer: Consumer, repo_root: Path, tmp_path: Path) -> None:
    require_program("go")
    page, heading = repo_root / "docs" / "static.md", "With Go"
    (source,) = files(page, heading)
    (tmp_path / "bridge.go").write_text(source)
    consumer.shell("".join(commands(page, heading)), tmp_path)
    assert run_alone(tmp_path / "bridge", "-static") == f"{temporal_static_libs.__version__}\n"


def test_zig_accepts_the_name_of_the_static_unwinder(consumer: Consumer, room: Path) -> None:
    """Zig links glibc dynamically. This tests that the same flags also work for it."""
    flags = consumer.config("--static", "--cflags", "--ldflags", "--libs")
    assert "-lgcc_eh" in flags[-1]
    linked = subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", "bridge.c", *shlex.split(" ".join(flags))],
        cwd=room,
        env=consumer_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert linked.returncode == 0, linked.stderr
    done = subprocess.run([room / "a.out"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(MESSAGE)
