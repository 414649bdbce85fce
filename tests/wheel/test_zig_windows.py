"""temporal_libs.zig with a package for Windows: the target's ABI selects the libraries."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import lief
import pytest

from tests.support.installation.windows import (
    compile_libraries,
    make_command,
    make_windows_package,
)
from tests.support.zig.own_bridge import OwnBridge, copy_own_bridge

VERSION = "9.8.7"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("windows")


@pytest.fixture(scope="module")
def library(root: Path) -> Path:
    return compile_libraries(root, VERSION)


@pytest.fixture(scope="module")
def both(root: Path, package_dir: Path, library: Path) -> Path:
    """The directory of a package with libraries for both toolchains and its command."""
    make_windows_package(package_dir, root / "both", library, ("gnu", "msvc"))
    make_command(root / "both")
    return root / "both"


@pytest.fixture
def bridge(root: Path, repo_root: Path, package_dir: Path) -> Iterator[OwnBridge]:
    """A bridge with the lines from docs/zig.md, including Zig's cache from earlier tests."""
    made = copy_own_bridge(root / "bridge", repo_root / "docs" / "zig.md")
    shutil.copy(package_dir / "share" / "zig" / "temporal_libs.zig", made.directory)
    yield made
    shutil.rmtree(made.directory / "zig-out", ignore_errors=True)


def asking(site: Path) -> str:
    return f"-Dtemporal-libs-config={site}/bin/temporal-libs-config"


def test_program_for_windows_links_the_libraries_for_mingw(bridge: OwnBridge, both: Path) -> None:
    done = bridge.build("-Dtarget=x86_64-windows", asking(both), "--verbose")
    assert done.returncode == 0, done.stderr
    directory = f"{both}/temporal_static_libs/lib/windows-x64-gnu"
    assert f"{directory}/libtemporal_sdk_core.a" in done.stderr.split()
    program = (bridge.directory / "zig-out" / "bin" / "bridge.exe").read_bytes()
    assert program[:2] == b"MZ"
    assert VERSION.encode() in program


def test_dll_contains_the_libraries_and_exports_its_functions(
    bridge: OwnBridge, both: Path
) -> None:
    text = bridge.build_file.read_text()
    program = 'b.addExecutable(.{ .name = "bridge",'
    assert text.count(program) == 1
    dll = 'b.addLibrary(.{ .linkage = .dynamic, .name = "bridge",'
    bridge.build_file.write_text(text.replace(program, dll))
    text = bridge.source.read_text()
    bridge.source.write_text(
        text.partition("pub fn main")[0]
        + "export fn bridge_version() [*:0]const u8 {\n"
        + "    return temporal.temporal_static_libs_version();\n}\n"
    )
    done = bridge.build("-Dtarget=x86_64-windows-gnu", asking(both))
    assert done.returncode == 0, done.stderr
    binary = lief.PE.parse(bridge.directory / "zig-out" / "bin" / "bridge.dll")
    assert binary is not None
    export = binary.get_export()
    assert export is not None
    exported = {entry.name for entry in export.entries}
    assert "bridge_version" in exported
    assert not {name for name in exported if str(name).startswith("temporal_core_")}


def test_program_without_the_archive_of_its_header_does_not_link(
    bridge: OwnBridge, both: Path
) -> None:
    """Even if it calls no function, because linkers for Windows also keep the check's section."""
    text = bridge.build_file.read_text()
    assert text.count("temporal.link(bridge);\n") == 1
    bridge.build_file.write_text(
        text.replace("temporal.link(bridge);\n", "bridge.link_libc = true;\n")
    )
    bridge.source.write_text(
        'const temporal = @import("temporal");\n'
        "pub fn main() void {\n    _ = temporal.TEMPORAL_STATIC_LIBS_VERSION;\n}\n"
    )
    done = bridge.build("-Dtarget=x86_64-windows-gnu", asking(both))
    assert done.returncode != 0
    assert "undefined symbol: temporal_static_libs_" in done.stderr


def test_program_for_msvc_uses_the_libraries_for_msvc(bridge: OwnBridge, both: Path) -> None:
    """It does not link here, because Microsoft's libraries are missing."""
    done = bridge.build("-Dtarget=x86_64-windows-msvc", asking(both), "--verbose")
    directory = f"{both}/temporal_static_libs/lib/windows-x64-msvc"
    assert f"{directory}/temporal_sdk_core.lib" in done.stderr.split()
    assert "libtemporal_sdk_core.a" not in done.stderr
    assert "Temporal's libraries are for" not in done.stderr


@pytest.mark.parametrize(
    ("toolchain", "other"), [("gnu", "x86_64-windows-msvc"), ("msvc", "windows-x64-gnu")]
)
def test_target_without_libraries_in_the_package_is_refused(
    bridge: OwnBridge,
    root: Path,
    package_dir: Path,
    library: Path,
    toolchain: str,
    other: str,
) -> None:
    site = root / f"only-{toolchain}"
    make_windows_package(package_dir, site, library, (toolchain,))
    make_command(site)
    abi = other.rpartition("-")[2]
    done = bridge.build(f"-Dtarget=x86_64-windows-{abi}", asking(site))
    assert done.returncode != 0
    assert (
        f"Temporal's libraries are for windows-x64-{toolchain}, but this build is for {other}.\n"
    ) in done.stderr
    assert (
        f"  Or build for the target of these libraries: -Dtarget=x86_64-windows-{toolchain}\n"
    ) in done.stderr
