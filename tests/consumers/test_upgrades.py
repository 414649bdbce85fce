"""Rebuilding programs after another version replaces the installed one.

uv installs links to files in its cache, which are older than existing build results. A build system
that compares times does not notice the new archive and the new header.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import temporal_static_libs
from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands, files
from tests.support.pip.consumer import Consumer
from tests.support.pip.wheel_files import next_version
from tests.support.zig.own_bridge import OwnBridge

HEADING = "From pip to a binary"

C_BRIDGE = """\
#include <stdio.h>
#include "temporal-sdk-core-c-bridge.h"

int main(void)
{
    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    printf("%s %s\\n", TEMPORAL_STATIC_LIBS_VERSION, temporal_static_libs_version());
    return 0;
}
"""
"""A program that prints the versions of the header and the archive."""

ZIG_BUILD = """\
const std = @import("std");

pub fn build(b: *std.Build) void {
    const bridge = b.createModule(.{
        .root_source_file = b.path("main.zig"),
        .target = b.standardTargetOptions(.{}),
    });
    @import("temporal_libs.zig").find(b, .{}).link(bridge);
    const program = b.addExecutable(.{ .name = "bridge", .root_module = bridge });
    b.step("run", "Run the program").dependOn(&b.addRunArtifact(program).step);
}
"""
# Without the header, because Zig would translate it again, which is slow and not needed here.
ZIG_BRIDGE = """\
extern fn temporal_static_libs_version() [*:0]const u8;

pub fn main() void {
    @import("std").debug.print("{s}\\n", .{temporal_static_libs_version()});
}
"""


@dataclass(frozen=True)
class Upgrader:
    """A user with two versions in uv's cache who installs them in turn.

    Attributes:
        consumer: the environment.
        versions: the two versions.
    """

    consumer: Consumer
    versions: tuple[str, str]

    def install(self, version: str, mode: str = "hardlink") -> None:
        """Install a version with uv in place of the installed one.

        Args:
            version: the version.
            mode: uv's link mode.
        """
        command = f"uv pip install --quiet --link-mode {mode} temporal-static-libs=={version}"
        self.consumer.shell(f"{command} --python '{self.consumer.python}'", Path("/"))


@pytest.fixture(scope="module")
def upgrader(
    consumer: Consumer,
    published_wheel: Path,
    delivery_programs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Upgrader:
    """A user whose cache has both versions, unpacked before anything is built."""
    directory = tmp_path_factory.mktemp("upgrades")
    wheels = directory / "wheels"
    wheels.mkdir()
    newer = next_version(published_wheel, wheels)
    (wheels / published_wheel.name).symlink_to(published_wheel)
    environ = {
        **consumer.environ,
        "PATH": f"{consumer.environ['PATH']}{os.pathsep}{delivery_programs}",
        "UV_FIND_LINKS": str(wheels),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(directory / "uv"),
        "UV_NO_CONFIG": "1",
    }
    versions = (temporal_static_libs.__version__, newer.name.split("-")[1])
    made = Upgrader(Consumer(directory / "a venv", environ), versions)
    uv = delivery_programs / "uv"
    venv = made.consumer.venv
    consumer.attempt(uv, "venv", "--python", sys.executable, venv, directory=directory)
    for version in reversed(versions):
        made.install(version)
    return made


def test_installed_files_are_older_than_build_results(upgrader: Upgrader, tmp_path: Path) -> None:
    upgrader.install(upgrader.versions[0])
    built = tmp_path / "built"
    built.touch()
    upgrader.install(upgrader.versions[1])
    assert upgrader.consumer.config("--version") == [upgrader.versions[1]]
    (archive,) = upgrader.consumer.package.glob("lib/libtemporal_sdk_core.a")
    assert archive.stat().st_mtime < built.stat().st_mtime


@pytest.mark.parametrize("generator", ["Ninja", "Unix Makefiles"])
def test_cmake(upgrader: Upgrader, repo_root: Path, tmp_path: Path, generator: str) -> None:
    consumer, (old, new) = upgrader.consumer, upgrader.versions
    (tmp_path / "CMakeLists.txt").write_text(files(repo_root / "docs" / "cmake.md", HEADING)[0])
    (tmp_path / "bridge.c").write_text(C_BRIDGE)
    upgrader.install(old)
    _, configure, build = commands(repo_root / "docs" / "cmake.md", HEADING)[0].splitlines()
    consumer.shell(f"export CMAKE_GENERATOR='{generator}'\n{configure}\n{build}", tmp_path)
    assert consumer.shell("build/bridge", tmp_path) == f"{old} {old}\n"
    upgrader.install(new)
    assert "Linking" in consumer.shell(build, tmp_path)
    assert consumer.shell("build/bridge", tmp_path) == f"{new} {new}\n"
    again = consumer.shell(build, tmp_path)
    assert "Linking" not in again
    assert "Building" not in again


def test_go(upgrader: Upgrader, repo_root: Path, tmp_path: Path) -> None:
    require_program("go")
    consumer = upgrader.consumer
    page = repo_root / "docs" / "go.md"
    (tmp_path / "bridge.go").write_text(files(page, HEADING)[0])
    _, build = commands(page, HEADING)[0].split("\n", 1)
    for version in upgrader.versions:
        upgrader.install(version)
        consumer.shell(build, tmp_path)
        assert consumer.attempt(tmp_path / "bridge", directory=tmp_path).stdout == f"{version}\n"


def test_zig(upgrader: Upgrader, tmp_path: Path) -> None:
    bridge = OwnBridge(tmp_path)
    bridge.build_file.write_text(ZIG_BUILD)
    (tmp_path / "main.zig").write_text(ZIG_BRIDGE)
    environ = {"VIRTUAL_ENV": str(upgrader.consumer.venv)}
    upgrader.consumer.shell("temporal-libs-config --zig > temporal_libs.zig", tmp_path)
    for installed in upgrader.versions:
        upgrader.install(installed)
        done = bridge.build("run", environ=environ)
        assert (done.returncode, done.stderr) == (0, f"{installed}\n")


def test_meson_with_copies(upgrader: Upgrader, repo_root: Path, tmp_path: Path) -> None:
    consumer, (old, new) = upgrader.consumer, upgrader.versions
    page = repo_root / "docs" / "meson.md"
    (tmp_path / "meson.build").write_text(files(page, HEADING)[0])
    (tmp_path / "bridge.c").write_text(C_BRIDGE)
    upgrader.install(old, "copy")
    _, script = commands(page, HEADING)[0].split("\n", 1)
    consumer.shell(script, tmp_path)
    assert consumer.shell("build/bridge", tmp_path) == f"{old} {old}\n"
    setting, install, build = commands(page, "After an upgrade")[0].splitlines()
    assert setting == "export UV_LINK_MODE=copy"
    consumer.shell(f"{setting}\n{install}=={new} --python '{consumer.python}'\n{build}", tmp_path)
    assert consumer.shell("build/bridge", tmp_path) == f"{new} {new}\n"


def test_make_with_copies(upgrader: Upgrader, repo_root: Path, tmp_path: Path) -> None:
    require_program("make")
    consumer = upgrader.consumer
    for name in ("c", "pkg-config"):
        shutil.copytree(repo_root / "examples" / name, tmp_path / name)
    (tmp_path / "c" / "server_version.c").write_text(C_BRIDGE)
    project = tmp_path / "pkg-config"
    _, build, _ = commands(project / "README.md", "Build and run")[0].splitlines()
    for version in upgrader.versions:
        upgrader.install(version, "copy")
        consumer.shell(build, project)
        assert consumer.shell("./server_version", project) == f"{version} {version}\n"
    assert "is up to date" in consumer.shell(build, project)
