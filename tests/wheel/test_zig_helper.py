"""temporal_libs.zig in a user's bridge: where it searches, and its error messages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import temporal_static_libs
from tests.support.zig.own_bridge import OwnBridge, copy_own_bridge
from tests.support.zig.zig_versions import OTHERS, OWN, python_with_zig

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

TOOL = "temporal-libs-config"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the bridge, including Zig's cache from earlier tests with the same files."""
    return tmp_path_factory.mktemp("zig") / "bridge"


@pytest.fixture
def bridge(directory: Path, repo_root: Path, script: Command) -> OwnBridge:
    """A bridge with the lines from docs/zig.md and the file that they import."""
    made = copy_own_bridge(directory, repo_root / "docs" / "zig.md")
    (helper,) = script.lines("--zigdir")
    shutil.copy(Path(helper) / "temporal_libs.zig", made.directory)
    return made


@pytest.fixture
def asking(script: Command) -> str:
    """The option with the path of the installed tool."""
    return f"-D{TOOL}={script.argv[0]}"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_plain_build_prints_only_zigs_messages(
    version: str, bridge: OwnBridge, asking: str, repo_root: Path
) -> None:
    """Even if unit tests cannot be compiled, which a plain build does not need."""
    bridge = replace(bridge, python=python_with_zig(version, repo_root))
    edit(
        bridge.build_file,
        "    const hello",
        "    const tests = b.addTest(.{ .root_module = bridge });\n"
        '    b.step("test", "").dependOn(&tests.step);\n    const hello',
    )
    with bridge.source.open("a") as source:
        source.write('test {\n    @compileError("no test");\n}\n')
    well = bridge.build("install", "run", asking)
    assert (well.returncode, well.stderr) == (0, f"{temporal_static_libs.__version__}\n")

    edit(bridge.source, "temporal.temporal_static_libs_version", "temporal_core_no_such_function")
    with bridge.source.open("a") as source:
        source.write("extern fn temporal_core_no_such_function() [*:0]const u8;\n")
    failed = bridge.build("run", asking)
    assert failed.returncode != 0
    assert "error: undefined symbol: temporal_core_no_such_function\n" in failed.stderr
    assert "Temporal's libraries" not in failed.stderr


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_archive_is_linked_by_path_without_searching_its_directory(
    version: str, bridge: OwnBridge, asking: str, repo_root: Path
) -> None:
    bridge = replace(bridge, python=python_with_zig(version, repo_root))
    directory = temporal_static_libs.lib_dir()
    edit(bridge.source, "std.debug.print(", 'std.debug.print("" ++ ')  # to make Zig link again
    done = bridge.build("run", asking, "--verbose")
    assert done.returncode == 0, done.stderr
    words = done.stderr.split()
    assert str(directory / "libtemporal_sdk_core.a") in words
    assert not {f"-L{directory}", str(directory)} & set(words)


def test_component_is_the_one_passed_to_find(bridge: OwnBridge, asking: str) -> None:
    option = 'b.option([]const u8, "component", "").?'
    edit(bridge.build_file, "find(b, .{});", f"find(b, .{{ .component = {option} }});")
    edit(bridge.source, "temporal_static_libs_version()", "temporal_core_worker_new")
    edit(bridge.source, '"{s}\\n", .{', '"{*}\\n", .{&')

    for spelling in ("sdk-core", "sdk_core", "temporal_sdk_core", "libtemporal_sdk_core.a"):
        whole = bridge.build(asking, f"-Dcomponent={spelling}")
        assert whole.returncode == 0, whole.stderr
    for spelling in ("client", "temporal-client"):
        client = bridge.build(asking, f"-Dcomponent={spelling}")
        assert client.returncode != 0
        assert "undefined symbol: temporal_core_worker_new\n" in client.stderr
    unknown = bridge.build(asking, "-Dcomponent=server")
    assert unknown.returncode != 0
    assert "unknown component 'server'; available: sdk-core client\n" in unknown.stderr


@pytest.fixture
def plant(script: Command) -> Callable[[Path], Path]:
    """A function that puts a copy of the installed tool into a directory; it prints its path."""

    def make(directory: Path) -> Path:
        directory.mkdir(parents=True)
        tool = directory / TOOL
        tool.write_text(f'#!/bin/sh\necho "asked: $0" >&2\nexec "{script.argv[0]}" "$@"\n')
        tool.chmod(0o755)
        return tool

    return make


def test_first_tool_found_is_used(
    bridge: OwnBridge, plant: Callable[[Path], Path], tmp_path: Path
) -> None:
    named = plant(tmp_path / "named")
    active = plant(tmp_path / "active" / "bin")
    beside = plant(bridge.directory / ".venv" / "bin")
    on_path = plant(tmp_path / "path")
    environ = {
        "PATH": f"{on_path.parent}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(active.parent.parent),
    }
    # --help runs build.zig but builds nothing.
    asked = bridge.build("--help", f"-D{TOOL}={named}", environ=environ)
    assert (asked.returncode, asked.stderr) == (0, f"asked: {named}\n")
    for tool in (active, beside, on_path):
        asked = bridge.build("--help", environ=environ)
        assert (asked.returncode, asked.stderr) == (0, f"asked: {tool}\n")
        assert f"-D{TOOL}=" in asked.stdout
        tool.unlink()


def test_steps_that_do_not_need_the_libraries_work_without_them(
    bridge: OwnBridge, tmp_path: Path
) -> None:
    missing = f"-D{TOOL}={tmp_path / 'missing'}"
    hello = bridge.build("hello", missing)
    assert (hello.returncode, hello.stderr) == (0, "")
    failed = bridge.build("run", missing)
    assert failed.returncode != 0
    assert failed.stderr.count(f"error: found no '{tmp_path / 'missing'}'.\n") == 1
