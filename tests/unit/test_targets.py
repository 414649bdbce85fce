"""The table of targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.tags import parse_tag

from temporal_static_libs import UnsupportedPlatformError
from temporal_static_libs._targets import (
    ALL_TARGETS,
    TARGETS,
    Target,
    supported_platforms,
    target_of_triple,
)
from tests.support.docs.commands import commands

EXPECTED = {
    "linux-x64": ("x86_64-unknown-linux-gnu", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
    "linux-arm64": ("aarch64-unknown-linux-gnu", "manylinux_2_17_aarch64.manylinux2014_aarch64"),
    "macos-arm64": ("aarch64-apple-darwin", "macosx_11_0_arm64"),
    "linux-x64-musl": ("x86_64-unknown-linux-musl", "musllinux_1_2_x86_64"),
    "linux-arm64-musl": ("aarch64-unknown-linux-musl", "musllinux_1_2_aarch64"),
    "macos-x64": ("x86_64-apple-darwin", "macosx_10_12_x86_64"),
    "windows-x64-gnu": ("x86_64-pc-windows-gnu", "win_amd64"),
}


def test_table_matches_the_design() -> None:
    assert {t.platform: (t.triple, ".".join(t.wheel_tags)) for t in TARGETS} == EXPECTED


def test_archives_for_msvc_can_be_compiled_and_are_in_no_wheel() -> None:
    (target,) = set(ALL_TARGETS) - set(TARGETS)
    assert (target.platform, target.triple) == ("windows-x64-msvc", "x86_64-pc-windows-msvc")
    assert target.platform not in supported_platforms()


@pytest.mark.parametrize(
    ("platform", "toolchain", "directory", "archive", "unwinder"),
    [
        ("linux-x64-musl", None, "lib", "libx.a", ()),
        ("macos-arm64", None, "lib", "libx.a", ()),
        ("windows-x64-gnu", "gnu", "lib/windows-x64-gnu", "libx.a", ("gcc_eh",)),
        ("windows-x64-msvc", "msvc", "lib/windows-x64-msvc", "x.lib", ()),
    ],
)
def test_archives_for_windows_are_in_a_directory_for_their_toolchain(
    platform: str,
    toolchain: str | None,
    directory: str,
    archive: str,
    unwinder: tuple[str, ...],
) -> None:
    (target,) = [target for target in ALL_TARGETS if target.platform == platform]
    assert target.toolchain == toolchain
    assert target.lib_directory == directory
    assert target.archive_name("x") == archive
    assert target.unwinder == unwinder


@pytest.mark.parametrize("target", ALL_TARGETS, ids=lambda t: t.platform)
def test_row_is_found_by_its_triple(target: Target) -> None:
    assert target_of_triple(target.triple) is target


@pytest.mark.parametrize(
    "target", [t for t in TARGETS if t.os != "windows"], ids=lambda t: t.platform
)
def test_published_tags_contain_the_rows_floor(target: Target) -> None:
    """Except those of Windows, which name no version."""
    major, minor = target.floor_version.split(".")[:2]
    word = {"glibc": "manylinux", "musl": "musllinux", "macos": "macosx"}[target.floor_name]
    assert f"{word}_{major}_{minor}_{target.machine}" in target.wheel_tags
    parse_tag(f"py3-none-{'.'.join(target.wheel_tags)}")


@pytest.mark.parametrize(
    ("platform", "os", "architecture"),
    [
        ("linux-x64", "linux", "x64"),
        ("linux-arm64-musl", "linux", "arm64"),
        ("macos-arm64", "macos", "arm64"),
        ("windows-x64-gnu", "windows", "x64"),
    ],
)
def test_platform_name_has_parts(platform: str, os: str, architecture: str) -> None:
    (target,) = [target for target in TARGETS if target.platform == platform]
    assert (target.os, target.architecture) == (os, architecture)


@pytest.mark.parametrize(
    ("triple", "floor", "tag"),
    [
        pytest.param("x86_64-unknown-linux-gnu", "2.17", "linux_x86_64", id="glibc"),
        pytest.param("aarch64-unknown-linux-musl", "1.2", "linux_aarch64", id="musl"),
        pytest.param("aarch64-apple-darwin", "11.0", "macosx_11_0_arm64", id="macos"),
        pytest.param("aarch64-apple-darwin", "14", "macosx_14_0_arm64", id="macos-major-only"),
        pytest.param("x86_64-apple-darwin", "10.15.2", "macosx_10_15_x86_64", id="macos-patch"),
        pytest.param("x86_64-pc-windows-gnu", "10", "win_amd64", id="windows"),
    ],
)
def test_tag_of_an_unchecked_wheel_has_no_floor_except_on_macos(
    triple: str, floor: str, tag: str
) -> None:
    assert target_of_triple(triple).build_tag(floor) == tag


def test_error_for_an_unknown_triple_lists_the_supported_ones() -> None:
    with pytest.raises(UnsupportedPlatformError) as caught:
        target_of_triple("riscv64gc-unknown-linux-gnu")
    assert "'riscv64gc-unknown-linux-gnu'" in str(caught.value)
    for platform, (triple, _) in EXPECTED.items():
        assert f"{platform} ({triple})" in str(caught.value)
        assert f"{platform} ({triple})" in supported_platforms()


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.platform)
def test_documentation_names_the_first_pip_that_accepts_the_wheel(
    target: Target, repo_root: Path
) -> None:
    page = (repo_root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    section = page.partition("### Old pip\n")[2].partition("\n### ")[0]
    rows = [row.strip("| ").split(" | ") for row in section.splitlines() if row.startswith("| ")]
    (said,) = (pip for platforms, pip in rows if target.platform in platforms.split(", "))
    assert said.split(",")[0] == ("any" if target.oldest_pip == "9.0" else target.oldest_pip)


def test_universal_programs_use_the_wheels_of_both_processors(repo_root: Path) -> None:
    page = repo_root / "docs" / "cross-compiling.md"
    (script,) = commands(page, "Universal macOS programs")
    tags = {tag for target in TARGETS if target.os == "macos" for tag in target.wheel_tags}
    assert set(re.findall(r"--platform (\w+)", script)) == tags
