"""The example, built for targets of `zig build -Dtarget`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import lief
import pytest

from tests.support.zig.bridge_build import ZigBridge
from tools.dev_server import DevServer

ZigBuild = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def zig_build(unbuilt_zig_bridge: ZigBridge, config_tool: Path) -> ZigBuild:
    """A function that builds a copy of the example for a target, with any exit status."""

    def build(target: str) -> subprocess.CompletedProcess[str]:
        return unbuilt_zig_bridge.zig_build(
            f"-Dtemporal-libs-config={config_tool}", f"-Dtarget={target}"
        )

    return build


def versions_of_glibc(library: Path) -> set[tuple[int, ...]]:
    """The versions of glibc's symbols that a shared library or program needs."""
    binary = lief.ELF.parse(library)
    assert binary is not None
    names = [
        str(version.name)
        for requirement in binary.symbols_version_requirement
        for version in requirement.get_auxiliary_symbols()
    ]
    return {
        tuple(int(part) for part in name.removeprefix("GLIBC_").split("."))
        for name in names
        if name.startswith("GLIBC_")
    }


def test_bridge_for_the_floor_needs_nothing_newer_and_runs(
    unbuilt_zig_bridge: ZigBridge, zig_build: ZigBuild, dev_server: DevServer
) -> None:
    built = zig_build("x86_64-linux-gnu.2.17")
    assert built.returncode == 0, built.stderr
    for file in (unbuilt_zig_bridge.library, unbuilt_zig_bridge.program):
        versions = versions_of_glibc(file)
        assert versions
        assert max(versions) <= (2, 17)
    done = unbuilt_zig_bridge.demo(
        "--target-url", dev_server.url, "--input", "10", "--timeout-millis", "60000"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("target", "platform", "tag"),
    [
        ("aarch64-linux-gnu", "linux-arm64", "manylinux_2_17_aarch64"),
        # The libc that Zig assumes if a target names none.
        ("x86_64-linux", "linux-x64-musl", "musllinux_1_2_x86_64"),
        ("aarch64-macos", "macos-arm64", "macosx_11_0_arm64"),
    ],
)
def test_wheel_of_another_platform_is_an_error_with_both_platforms(
    target: str, platform: str, tag: str, unbuilt_zig_bridge: ZigBridge, zig_build: ZigBuild
) -> None:
    result = zig_build(target)
    assert result.returncode != 0
    assert f"are for linux-x64, but this build is for {platform}." in result.stderr
    command = f"pip install --target libs --platform {tag} --only-binary=:all: temporal-static-libs"
    assert command in result.stderr
    assert ": -Dtarget=x86_64-linux-gnu.2.17\n" in result.stderr
    assert "source: wheel (temporal-static-libs " in result.stderr
    assert ("They differ in the libc." in result.stderr) == platform.endswith("-musl")
    assert not (unbuilt_zig_bridge.directory / "zig-out").exists()


def test_target_without_a_wheel_is_an_error(zig_build: ZigBuild) -> None:
    result = zig_build("x86_64-freebsd")
    assert result.returncode != 0
    assert "this build is for x86_64-freebsd" in result.stderr
    assert "no wheel for that target" in result.stderr


def test_target_older_than_the_floor_is_an_error(zig_build: ZigBuild) -> None:
    result = zig_build("x86_64-linux-gnu.2.12")
    assert result.returncode != 0
    assert "need glibc 2.17 or newer, but this build is for 2.12.0." in result.stderr
    assert ": -Dtarget=x86_64-linux-gnu.2.17\n" in result.stderr
