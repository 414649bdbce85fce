"""The archives in the wheel, checked with system tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from temporal_static_libs._build.header import Header, read_header
from temporal_static_libs._components import COMPONENTS, Component
from tests.support.programs.crate_list import crates_in
from tools.licenses.linked_crates import linked_crates

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

EACH_COMPONENT = pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def header(package_dir: Path) -> Header:
    """The installed header."""
    return read_header(package_dir / "include" / "temporal-sdk-core-c-bridge.h")


@pytest.fixture
def archive(script: Command, component: Component) -> Path:
    """The installed archive of the component."""
    return Path(script.lines("--libfiles", "--component", component.name)[0])


def read(*command: str | Path) -> str:
    """The output of a program, which must succeed without errors."""
    environ = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@EACH_COMPONENT
def test_only_the_interface_is_global(archive: Path, component: Component, header: Header) -> None:
    lines = read("nm", "--defined-only", "--extern-only", archive).splitlines()
    kinds = {words[2]: words[1] for words in map(str.split, lines) if len(words) == 3}
    assert kinds.keys() == component.functions(header.functions) | header.own_symbols
    # In the same link, `sdk-core` takes precedence over `client`.
    assert set(kinds.values()) == {"W" if component.is_subset else "T"}


@EACH_COMPONENT
def test_local_functions_keep_their_names(archive: Path) -> None:
    kinds = [line.split()[-2] for line in read("nm", "--defined-only", archive).splitlines()[2:]]
    assert kinds.count("t") > 15_000


@EACH_COMPONENT
def test_archive_has_one_member_without_a_time_or_an_owner(
    archive: Path, component: Component
) -> None:
    (line,) = read("ar", "tvO", archive).splitlines()
    assert line.startswith("rw-r--r-- 0/0 ")
    assert "Jan  1 00:00 1970" in line
    assert f" {component.library}.o " in line


@EACH_COMPONENT
def test_archive_has_no_debug_information_and_no_bitcode(archive: Path) -> None:
    sections = read("readelf", "--sections", "--wide", archive)
    assert ".eh_frame" in sections  # which panics need
    unwanted = (".debug", ".llvmbc", ".llvmcmd", ".gnu.lto", ".llvm.lto")
    assert not [name for name in unwanted if name in sections]


@EACH_COMPONENT
def test_number_of_sections_fits_into_the_file_header(archive: Path) -> None:
    """Zig's own linker, the default for debug builds, finds no symbols in a file with 65,280."""
    header = read("readelf", "--file-header", archive)
    found = re.search(r"Number of section headers: +(\d+)$", header, re.MULTILINE)
    assert found is not None
    # 0 if the number is stored elsewhere.
    assert 0 < int(found[1]) <= 64_500


@pytest.mark.parametrize("linker", [("-fllvm", "-flld"), ("-fno-llvm", "-fno-lld")], ids=str)
@EACH_COMPONENT
def test_both_zig_linkers_find_the_interface(
    archive: Path, linker: tuple[str, str], script: Command, tmp_path: Path, repo_root: Path
) -> None:
    source = tmp_path / "main.zig"
    source.write_text(
        "extern fn temporal_static_libs_version() [*:0]const u8;\n"
        "extern fn puts(text: [*:0]const u8) c_int;\n"
        "pub fn main() void {\n    _ = puts(temporal_static_libs_version());\n}\n"
    )
    version, system_libraries = script.lines("--version", "--system-libs")
    program = tmp_path / "main"
    command: list[str | Path] = [sys.executable, "-m", "ziglang", "build-exe", source, *linker]
    command += ["-lc", archive, *system_libraries.split(), f"-femit-bin={program}"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert read(program) == f"{version}\n"
    assert crates_in(program) == linked_crates(repo_root / "rust", "x86_64-unknown-linux-gnu")


@EACH_COMPONENT
def test_no_path_of_the_building_machine(archive: Path, repo_root: Path) -> None:
    content = archive.read_bytes()
    assert b"/cargo/src/" in content  # the neutral path of the crates, in panic messages
    for path in (Path.home(), repo_root):
        assert str(path).encode() + b"/" not in content
