"""Finishing Mach-O archives without a Mac, using the machine's LLVM and Zig as the compiler."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lief
import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.archive_index import defined_symbols
from temporal_static_libs._build.macho import MachoTools, find_macho_tools, finish_macho
from temporal_static_libs._build.toolchain import find_toolchain
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import Target, target_of_triple
from tools import ToolError
from tools.wheel.floor import members, prove_macos_floor

FLOOR = "11.0"
ZIG_CC = (sys.executable, "-m", "ziglang", "cc", "-target", f"aarch64-macos.{FLOOR}")

#: Two functions of an interface, and one that both need.
SOURCES = {
    "one.c": "int needed(int value);\nint api_one(int value) { return needed(value); }\n",
    "two.c": "int needed(int value) { return value + 1; }\n"
    "int api_two(int value) { return needed(value); }\n",
}


@pytest.fixture
def target() -> Target:
    """The target for a Mac."""
    return target_of_triple("aarch64-apple-darwin")


@pytest.fixture
def tools(repo_root: Path, tiny_environ: dict[str, str], target: Target) -> MachoTools:
    """The machine's LLVM, or that of its Rust toolchain."""
    return find_macho_tools(
        find_toolchain(repo_root / "rust", Settings(tiny_environ)), target, FLOOR
    )


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An archive of two objects with debug information."""
    objects: list[Path] = []
    for name, text in SOURCES.items():
        source = tmp_path / name
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        subprocess.run([*ZIG_CC, "-g", "-O1", "-c", source, "-o", objects[-1]], check=True)
    archive = tmp_path / "libraw.a"
    zig_ar = (sys.executable, "-m", "ziglang", "ar", "--format=darwin")
    subprocess.run([*zig_ar, "rcs", archive, *objects], check=True)
    return archive


@pytest.fixture
def finish(raw: Path, tools: MachoTools, tmp_path: Path) -> Callable[..., Path]:
    """A function that finishes the archive."""

    def finish_it(*kept: str, name: str = "libfinished.a", weak: bool = False) -> Path:
        output = tmp_path / name
        finish_macho(raw, kept, output, b"a list of crates", tools, weak=weak)
        return output

    return finish_it


def parse(file: Path) -> lief.MachO.Binary:
    """Read an object or a program."""
    binaries = lief.MachO.parse(file)
    assert binaries is not None
    binary = binaries.at(0)
    assert binary is not None
    return binary


def test_other_symbols_get_private_names(finish: Callable[..., Path]) -> None:
    assert defined_symbols(finish("api_one")) == {
        "_api_one",
        "_temporal_static_libs__api_two",
        "_temporal_static_libs__needed",
    }


def test_references_use_the_new_names(finish: Callable[..., Path]) -> None:
    objects = dict(members(finish("api_one", "api_two")))
    assert "_temporal_static_libs__needed" in {s.name for s in objects["one.o"].symbols}
    assert "_needed" not in {s.name for o in objects.values() for s in o.symbols}


def test_no_debug_information_is_left(raw: Path, finish: Callable[..., Path]) -> None:
    before = [binary for _, binary in members(raw)]
    assert any(s.segment_name == "__DWARF" for o in before for s in o.sections)
    after = [binary for _, binary in members(finish("api_one"))]
    assert not [s for o in after for s in o.sections if s.segment_name == "__DWARF"]


@pytest.mark.parametrize("order", [("strong", "weak"), ("weak", "strong")])
def test_two_archives_link_in_either_order(
    order: tuple[str, str], finish: Callable[..., Path], tmp_path: Path
) -> None:
    archives = {
        "strong": finish("api_one", "api_two", name="libstrong.a"),
        "weak": finish("api_one", name="libweak.a", weak=True),
    }
    main = tmp_path / "main.c"
    main.write_text(
        "int api_one(int), api_two(int);\nint main(void) { return api_one(1) + api_two(2); }\n"
    )
    program = tmp_path / "program"
    command = [*ZIG_CC, str(main), *(str(archives[name]) for name in order), "-o", str(program)]
    subprocess.run(command, check=True)
    assert parse(program).header.file_type == lief.MachO.Header.FILE_TYPE.EXECUTE


def test_it_is_the_same_each_time(finish: Callable[..., Path]) -> None:
    assert finish("api_one").read_bytes() == finish("api_one", name="libfinished2.a").read_bytes()


def test_newer_minimum_version_of_an_object_is_refused(finish: Callable[..., Path]) -> None:
    archive = finish("api_one")
    prove_macos_floor(archive, FLOOR)
    with pytest.raises(ToolError) as caught:
        prove_macos_floor(archive, "10.12")
    assert str(caught.value) == (
        "libfinished.a: one.o is for macOS 11.0.0, newer than the 10.12 that the wheel promises"
    )


def test_missing_tool_is_named_with_its_package(
    repo_root: Path, tiny_environ: dict[str, str], target: Target, tmp_path: Path
) -> None:
    toolchain = find_toolchain(repo_root / "rust", Settings(tiny_environ))
    # The same Rust, so that only its own objcopy is found.
    lonely = {**toolchain.environ, "PATH": str(tmp_path)}
    with pytest.raises(CompileError) as caught:
        find_macho_tools(replace(toolchain, environ=lonely), target, FLOOR)
    message = str(caught.value)
    assert message.startswith("found no llvm-")
    assert "apt-get install llvm-22" in message
