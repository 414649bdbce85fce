"""From pip to a binary: what a reader of docs/ copies, in a path with a blank, without Rust."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from consumer import Consumer
from dev_server import DevServer
from docs_commands import commands, files
from skips import require_program

import temporal_static_libs

HEADING = "From pip to a binary"
MOST_LINES = 10

C_BRIDGE = {"bridge.c": "c/server_version.c"}
CPP_BRIDGE = {
    "bridge.cpp": "cpp/main.cpp",
    "temporal.cpp": "cpp/temporal.cpp",
    "temporal.hpp": "cpp/temporal.hpp",
}


def follow(page: Path, consumer: Consumer, directory: Path, *names: str) -> str:
    """Write the page's files, and run its commands one after another in one shell.

    Args:
        page: of docs/.
        consumer: who reads it.
        directory: where.
        names: of the files, in the page's order.

    Returns:
        What the commands printed.
    """
    scripts = commands(page, HEADING)
    written = files(page, HEADING)
    for name, content in zip(names, written, strict=True):
        (directory / name).write_text(content)
    lines = [line for text in (*scripts, *written) for line in text.splitlines() if line]
    assert len(lines) <= MOST_LINES
    assert lines[0] == "pip install temporal-static-libs"
    return consumer.shell("".join(scripts), directory)


@pytest.mark.parametrize(
    ("page", "names", "program", "bridge"),
    [
        pytest.param("cmake.md", ["CMakeLists.txt"], "build/bridge", C_BRIDGE, id="cmake"),
        pytest.param("cpp.md", ["CMakeLists.txt"], "build/bridge", CPP_BRIDGE, id="cpp"),
        pytest.param("meson.md", ["meson.build"], "build/bridge", C_BRIDGE, id="meson"),
        pytest.param("pkg-config.md", [], "bridge", C_BRIDGE, id="pkg-config"),
    ],
)
def test_bridge_is_linked_and_works(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    repo_root: Path,
    tmp_path: Path,
    page: str,
    names: list[str],
    program: str,
    bridge: Mapping[str, str],
) -> None:
    require_program("c++")
    for name, source in bridge.items():
        shutil.copyfile(repo_root / "examples" / source, tmp_path / name)
    follow(repo_root / "docs" / page, consumer, tmp_path, *names)
    done = consumer.attempt(tmp_path / program, dev_server.url, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"server version: {server_version}\n")


def test_go_program_is_linked_and_works(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    require_program("go")
    follow(repo_root / "docs" / "go.md", consumer, tmp_path, "bridge.go")
    done = consumer.attempt(tmp_path / "bridge", directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{temporal_static_libs.__version__}\n")


def test_bun_program_loads_what_is_linked(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    page = repo_root / "docs" / "bun.md"
    printed = follow(page, consumer, tmp_path, "bridge.c", "bridge.ts")
    assert printed.endswith(f"{temporal_static_libs.__version__}\n")


def test_binding_calls_what_is_linked_and_refuses_another_interface(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    page = repo_root / "docs" / "bindings.md"
    heading = "From pip to a first call"
    for name, content in zip(("exports.py", "call.py"), files(page, heading), strict=True):
        (tmp_path / name).write_text(content)
    printed = consumer.shell("".join(commands(page, heading)), tmp_path)
    assert printed.endswith(f"{temporal_static_libs.__version__}\n")
    interface = consumer.package / "share" / "interface.json"
    other = tmp_path / "interface.json"
    abi = json.loads(interface.read_text(encoding="utf-8"))["abi"]
    other.write_text(json.dumps({"abi": abi[::-1]}))
    done = consumer.attempt(consumer.python, "call.py", other, directory=tmp_path)
    assert (done.returncode, done.stdout) == (
        1,
        f"libtemporal.so has the ABI {abi}, this binding is for {abi[::-1]}\n",
    )


def test_scikit_build_core_finds_the_package_by_itself(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    repo_root: Path,
    tmp_path: Path,
) -> None:
    page = repo_root / "docs" / "cmake.md"
    project = tmp_path / "project"
    project.mkdir()
    shutil.copyfile(repo_root / "examples" / "c" / "server_version.c", project / "bridge.c")
    requirements, line = files(page, "scikit-build-core")
    (cmake_lists,) = files(page, HEADING)
    (project / "CMakeLists.txt").write_text(cmake_lists + line)
    (project / "pyproject.toml").write_text(
        f'{requirements}\n[project]\nname = "bridge"\nversion = "1.0"\n'
    )
    # The tests' Python has scikit-build-core, and looks for packages where the consumer has them.
    installed = consumer.attempt(
        *(
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-build-isolation",
            "--target",
            tmp_path / "t",
        ),
        f"--config-settings=build-dir={tmp_path / 'build'}",
        project,
        directory=tmp_path,
        PYTHONPATH=str(consumer.site),
    )
    assert installed.returncode == 0, installed.stdout
    found = f"TemporalStaticLibs_DIR:PATH={consumer.package}/lib/cmake/TemporalStaticLibs\n"
    assert found in (tmp_path / "build" / "CMakeCache.txt").read_text()
    done = consumer.attempt(tmp_path / "t" / "bin" / "bridge", dev_server.url, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"server version: {server_version}\n")
