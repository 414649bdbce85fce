"""temporal_libs.zig in a bridge of someone's own: where it looks, and what is said on trouble."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import temporal_static_libs
from temporal_static_libs._about import TROUBLESHOOTING_URL
from tests.support.zig.own_bridge import OwnBridge, copy_own_bridge
from tests.support.zig.zig_versions import OTHERS, OWN, python_with_zig

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

TOOL = "temporal-libs-config"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bridge is, with what Zig has compiled of the same files for an earlier test."""
    return tmp_path_factory.mktemp("zig") / "bridge"


@pytest.fixture
def bridge(directory: Path, repo_root: Path, script: Command) -> OwnBridge:
    """A bridge with the lines of docs/zig.md and the file that they import."""
    made = copy_own_bridge(directory, repo_root / "docs" / "zig.md")
    (helper,) = script.lines("--zigdir")
    shutil.copy(Path(helper) / "temporal_libs.zig", made.directory)
    return made


@pytest.fixture
def asking(script: Command) -> str:
    """The option that names the installed tool."""
    return f"-D{TOOL}={script.argv[0]}"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))


def note(directory: Path, source: str) -> str:
    """The line about the libraries."""
    return (
        f"Temporal's libraries here are those in {directory}, source: {source}; "
        f"help: {TROUBLESHOOTING_URL}"
    )


WHEEL = f"wheel (temporal-static-libs {temporal_static_libs.__version__})"


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_zigs_errors_are_followed_by_the_source_and_the_page(
    version: str, bridge: OwnBridge, asking: str, repo_root: Path
) -> None:
    bridge = replace(bridge, python=python_with_zig(version, repo_root))
    well = bridge.build("run", asking)
    assert (well.returncode, well.stderr) == (0, f"{temporal_static_libs.__version__}\n")

    edit(bridge.source, "temporal.temporal_static_libs_version", "temporal_core_no_such_function")
    with bridge.source.open("a") as source:
        source.write("extern fn temporal_core_no_such_function() [*:0]const u8;\n")
    failed = bridge.build("run", asking)
    assert failed.returncode != 0
    errors, found, _ = failed.stderr.rpartition(note(temporal_static_libs.lib_dir(), WHEEL))
    assert found
    assert "error: undefined symbol: temporal_core_no_such_function\n" in errors
    assert "note: referenced by " in errors


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_archive_is_named_by_its_path_and_its_directory_is_not_searched(
    version: str, bridge: OwnBridge, asking: str, repo_root: Path
) -> None:
    bridge = replace(bridge, python=python_with_zig(version, repo_root))
    directory = temporal_static_libs.lib_dir()
    edit(bridge.source, "std.debug.print(", 'std.debug.print("" ++ ')  # so that it is linked again
    done = bridge.build("run", asking, "--verbose")
    assert done.returncode == 0, done.stderr
    words = done.stderr.split()
    assert str(directory / "libtemporal_sdk_core.a") in words
    assert not {f"-L{directory}", str(directory)} & set(words)


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_what_else_fails_is_not_put_down_to_the_libraries(
    version: str, bridge: OwnBridge, asking: str, repo_root: Path
) -> None:
    bridge = replace(bridge, python=python_with_zig(version, repo_root))
    edit(
        bridge.source, "    std.debug.print", "    defer std.process.exit(3);\n    std.debug.print"
    )
    failed = bridge.build("run", asking)
    assert failed.returncode != 0
    assert TROUBLESHOOTING_URL not in failed.stderr


def test_line_names_the_directory_of_an_override(
    bridge: OwnBridge, asking: str, tmp_path: Path, package_dir: Path
) -> None:
    override = tmp_path / "override"
    override.mkdir()
    for file in (package_dir / "lib").iterdir():
        (override / file.name).symlink_to(file)
    edit(bridge.source, "temporal.temporal_static_libs_version", "temporal.no_such_name")
    failed = bridge.build(asking, environ={"TEMPORAL_LIBS_DIR": str(override)})
    assert failed.returncode != 0
    assert "has no member named 'no_such_name'" in failed.stderr
    assert note(override, f"override (TEMPORAL_LIBS_DIR={override})") in failed.stderr


def test_component_is_the_one_that_find_is_given(bridge: OwnBridge, asking: str) -> None:
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
    assert "no library for the component 'server'; there are: sdk-core client\n" in unknown.stderr


@pytest.fixture
def plant(script: Command) -> Callable[[Path], Path]:
    """Put a tool into a directory that is the installed one, and says where it was found."""

    def make(directory: Path) -> Path:
        directory.mkdir(parents=True)
        tool = directory / TOOL
        tool.write_text(f'#!/bin/sh\necho "asked: $0" >&2\nexec "{script.argv[0]}" "$@"\n')
        tool.chmod(0o755)
        return tool

    return make


def test_first_tool_there_is_gets_asked(
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
    # --help has build.zig run, and nothing built.
    asked = bridge.build("--help", f"-D{TOOL}={named}", environ=environ)
    assert (asked.returncode, asked.stderr) == (0, f"asked: {named}\n")
    for tool in (active, beside, on_path):
        asked = bridge.build("--help", environ=environ)
        assert (asked.returncode, asked.stderr) == (0, f"asked: {tool}\n")
        assert f"-D{TOOL}=" in asked.stdout
        tool.unlink()


def test_steps_that_do_without_the_libraries_are_built_without_them(
    bridge: OwnBridge, tmp_path: Path
) -> None:
    missing = f"-D{TOOL}={tmp_path / 'missing'}"
    hello = bridge.build("hello", missing)
    assert (hello.returncode, hello.stderr) == (0, "")
    failed = bridge.build("run", missing)
    assert failed.returncode != 0
    assert failed.stderr.count(f"error: there is no '{tmp_path / 'missing'}'.\n") == 1
