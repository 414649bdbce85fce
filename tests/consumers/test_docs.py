"""From pip to a binary with the commands in docs/, in a path with a space, without Rust."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import temporal_static_libs
from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands, files
from tests.support.pip.consumer import Consumer
from tools.dev_server import DevServer

HEADING = "From pip to a binary"
MOST_LINES = 10

C_BRIDGE = {"bridge.c": "c/server_version.c"}
CPP_BRIDGE = {"bridge.cpp": "cpp/main.cpp"}


def follow(page: Path, consumer: Consumer, directory: Path, *names: str) -> str:
    """Write the page's files and run its commands in one shell.

    Args:
        page: the page in docs/.
        consumer: the environment to use.
        directory: where to write and run.
        names: names for the files, in the page's order.

    Returns:
        The output of the commands.
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
    # Without dead-code elimination, such a program has seventeen megabytes.
    assert (tmp_path / "bridge").stat().st_size < 6 << 20


def test_bun_program_loads_the_linked_library(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    page = repo_root / "docs" / "bun.md"
    printed = follow(page, consumer, tmp_path, "bridge.c", "bridge.ts")
    assert printed.endswith(f"{temporal_static_libs.__version__}\n")


def test_binding_calls_the_linked_library_and_refuses_another_interface(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    page = repo_root / "docs" / "bindings.md"
    headings = ("A shared library", "A first call")
    (content,) = files(page, "A first call")
    (tmp_path / "call.py").write_text(content)
    printed = consumer.shell("".join(it for h in headings for it in commands(page, h)), tmp_path)
    assert printed.endswith(f"{temporal_static_libs.__version__}\n")
    interface = consumer.package / "share" / "interface.json"
    other = tmp_path / "interface.json"
    abi = json.loads(interface.read_text(encoding="utf-8"))["abi"]
    other.write_text(json.dumps({"abi": abi[::-1]}))
    done = consumer.attempt(consumer.python, "call.py", other, directory=tmp_path)
    assert (done.returncode, done.stdout) == (
        1,
        f"the library has the ABI {abi}, this binding is for {abi[::-1]}\n",
    )


def test_bazel_files_use_the_output_of_the_command(consumer: Consumer, repo_root: Path) -> None:
    """Bazel itself is not available here."""
    (build,) = files(repo_root / "docs" / "cpp.md", "Bazel")
    (linkopts,) = re.findall(r"linkopts = \[(.+)\]", build)
    printed = consumer.config("--ldflags", "--system-libs")
    assert re.findall('"(.+?)"', linkopts) == shlex.split(" ".join(printed))
    named = re.findall(r'"((?:lib|include)/.+?)"', build)
    assert len(named) == 2
    assert all((consumer.package / name).is_file() for name in named)


def test_scikit_build_core_finds_the_package_automatically(
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
    # Uses the tests' Python, which has scikit-build-core, with the consumer's packages.
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


HERE = Path(__file__).parent
BEFORE_THE_LOOP = ("Start a call", "Handle an event", "Wake a waiting thread")
"""Headings in docs/queue.md whose code makes up a program, except its loop."""


def guide_to_queues(
    consumer: Consumer, scratch: Path, page: Path, header: str, *loop: str
) -> list[str]:
    """Write the program from docs/queue.md, and return the compiler's arguments for it.

    Args:
        consumer: the environment whose header it includes.
        scratch: where to write.
        page: the page.
        header: the header that the loop includes.
        loop: headings of the loop's code.
    """
    shown = scratch / "page.h"
    headings = (*BEFORE_THE_LOOP, *loop)
    shown.write_text("\n".join(text for heading in headings for text in files(page, heading)))
    options = ("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror")
    defines = (f'-DPAGE="{shown}"', f"-DLOOP=<{header}>")
    return [*options, *defines, *answers(consumer, "--cflags"), str(HERE / "queue_guide.c")]


def answers(consumer: Consumer, option: str) -> list[str]:
    """The output of temporal-libs-config, split as by a shell."""
    return shlex.split("\n".join(consumer.config(option)))


def test_cpp_guide_works_as_shown(
    consumer: Consumer, dev_server: DevServer, repo_root: Path, tmp_path: Path
) -> None:
    require_program("g++")
    page = repo_root / "docs" / "cpp.md"
    headings = ("Make a call", "Callbacks", "Completion queues", "Options")
    shown = tmp_path / "page.h"
    shown.write_text("\n".join(text for heading in headings for text in files(page, heading)))
    program = (HERE / "cpp_guide.cpp").read_text(encoding="utf-8")
    (tmp_path / "bridge.cpp").write_text(f'#define PAGE "{shown}"\n{program}')
    consumer.shell("".join(commands(page, "Without a build system")), tmp_path)
    done = consumer.attempt(tmp_path / "bridge", dev_server.url, directory=tmp_path)
    refused, *answered = done.stdout.splitlines()
    assert (done.returncode, answered) == (0, ["answered", "answered"])
    assert refused.startswith("Invalid options: ")


def test_code_of_the_concepts_page_works(
    consumer: Consumer, dev_server: DevServer, repo_root: Path, tmp_path: Path
) -> None:
    page = (repo_root / "docs" / "c-api-concepts.md").read_text(encoding="utf-8")
    shown = tmp_path / "page.h"
    shown.write_text("".join(re.findall(r"^```c\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)))
    options = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f'-DPAGE="{shown}"']
    source = [*options, *answers(consumer, "--cflags"), str(HERE / "concepts_guide.c")]
    libraries = [*answers(consumer, "--libs"), "-pthread"]
    subprocess.run(["cc", *source, *libraries, "-o", str(tmp_path / "bridge")], check=True)
    done = consumer.attempt(tmp_path / "bridge", dev_server.url, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, "the worker has ended\n")


@pytest.mark.parametrize(
    ("header", "headings", "library"),
    [
        pytest.param("time.h", ["Wait for events"], [], id="blocking"),
        pytest.param("sys/epoll.h", ["In an event loop", "epoll"], [], id="epoll"),
        pytest.param("uv.h", ["In an event loop", "libuv"], ["-luv"], id="libuv"),
    ],
)
def test_loop_gets_events_from_a_queue(
    consumer: Consumer,
    dev_server: DevServer,
    repo_root: Path,
    tmp_path: Path,
    header: str,
    headings: list[str],
    library: list[str],
) -> None:
    page = repo_root / "docs" / "queue.md"
    source = guide_to_queues(consumer, tmp_path, page, header, *headings)
    libraries = [*answers(consumer, "--libs"), *library, "-pthread"]
    subprocess.run(["cc", *source, *libraries, "-o", str(tmp_path / "bridge")], check=True)
    done = consumer.attempt(tmp_path / "bridge", dev_server.url, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, "the loop has ended\n")


@pytest.mark.parametrize(
    ("target", "header", "heading"),
    [
        pytest.param("aarch64-macos", "sys/event.h", "kqueue", id="macos"),
        pytest.param("x86_64-windows-gnu", "windows.h", "Windows", id="windows"),
    ],
)
def test_loop_for_another_system_compiles(
    consumer: Consumer, repo_root: Path, tmp_path: Path, target: str, header: str, heading: str
) -> None:
    page = repo_root / "docs" / "queue.md"
    source = guide_to_queues(consumer, tmp_path, page, header, "In an event loop", heading)
    command = ["zig", "cc", "-target", target, "-c", *source]
    done = consumer.attempt(*command, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


def test_each_call_is_listed_with_its_queue_callback(consumer: Consumer, repo_root: Path) -> None:
    page = (repo_root / "docs" / "queue.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| call \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    listed = {}
    for row in table.splitlines():
        calls, (callback,) = (re.findall("`(.+?)`", cell) for cell in row.split("|")[1:3])
        listed.update(dict.fromkeys(calls, callback))
    interface = json.loads((consumer.package / "share" / "interface.json").read_text())
    functions = {it["name"]: it for it in interface["functions"]}
    # Each one's text begins with: A `TemporalCoreWorkerCallback` that ...
    callbacks = {
        name: it["doc"].split("`")[1]
        for name, it in functions.items()
        if name.startswith("temporal_static_libs_on_")
    }
    assert set(listed.values()) == set(callbacks)
    assert {call: callbacks[callback] for call, callback in listed.items()} == {
        name: parameter["type"]["name"]
        for name, it in functions.items()
        for parameter in it["parameters"]
        if parameter["type"]["kind"] == "callback"
    }


def test_each_kind_of_event_without_a_call_is_documented(
    consumer: Consumer, repo_root: Path
) -> None:
    page = (repo_root / "docs" / "queue.md").read_text(encoding="utf-8")
    interface = json.loads((consumer.package / "share" / "interface.json").read_text())
    (enum,) = (it for it in interface["enums"] if it["name"] == "TemporalStaticLibsEventKind")
    of_calls = r"_(ClientConnect|ClientRpcCall|Worker\w*|EphemeralServer\w+)$"
    names = {it["name"] for it in enum["constants"] if not re.search(of_calls, it["name"])}
    assert len(names) == 4
    assert {name for name in names if f"`{name}`" not in page} == set()
