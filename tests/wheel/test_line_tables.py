"""The second set of archives, made with the wheel: the same code plus line tables."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from temporal_static_libs._components import COMPONENTS, Component
from tests.support.programs.paths import consumer_environ

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

PROGRAM = Path(__file__).with_name("program.c")
EACH_COMPONENT = pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def line_tables(wheel: Path) -> Path:
    """The directory of the set."""
    directory = wheel.with_name("line-tables")
    assert (directory / "manifest.json").is_file(), "`make wheel` makes it, in the release profile"
    return directory


def link(script: Command, program: Path, component: Component, **environ: str) -> Path:
    """Link a program with a component of the set that is active in an environment."""
    options = ("--cflags", "--ldflags", "--libs", "--component", component.name)
    flags = shlex.split(" ".join(script.lines(*options, environ=environ)))
    command: list[str | Path] = ["cc", PROGRAM, *flags, "-o", program]
    subprocess.run(command, env=consumer_environ(), check=True)
    return program


def loaded(program: Path) -> list[tuple[str, str, str]]:
    """Name, address and size of each section that is loaded at the start of a program."""
    listing = subprocess.check_output(["readelf", "-SW", program], text=True)
    pattern = r"\] (\S+) +\S+ +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) \S+ +[WXSILO]*A"
    return re.findall(pattern, listing)


@EACH_COMPONENT
def test_program_has_the_same_code_at_the_same_addresses_plus_lines(
    script: Command, line_tables: Path, component: Component, tmp_path: Path
) -> None:
    usual = link(script, tmp_path / "usual", component)
    second = link(script, tmp_path / "second", component, TEMPORAL_LIBS_DIR=str(line_tables))
    sections = loaded(usual)
    assert loaded(second) == sections
    names = {name for name, _, _ in sections}
    assert {".text", ".rodata", ".eh_frame", ".gcc_except_table"} <= names
    for name in names - {".bss", ".tbss", ".note.gnu.build-id"}:
        contents = []
        for program in (usual, second):
            file = tmp_path / "section"
            copy = ["objcopy", f"--only-section={name}", "-O", "binary"]
            subprocess.run([*copy, program, file], check=True)
            contents.append(file.read_bytes())
        assert contents[0] == contents[1], name
    symbols = subprocess.check_output(["nm", second], text=True)
    (address,) = re.findall(r"^(\w+) [TW] temporal_core_runtime_new$", symbols, re.MULTILINE)
    ask = ["addr2line", "--functions", "--inlines", "--exe"]
    lines = {
        one: subprocess.check_output([*ask, one, address], text=True) for one in (usual, second)
    }
    assert "runtime.rs" not in lines[usual]
    assert re.search(r"^/temporal-static-libs/rust/c-api/src/.+\.rs:\d+", lines[second], re.M)


@EACH_COMPONENT
def test_line_tables_have_no_path_of_the_building_machine(
    line_tables: Path, component: Component, repo_root: Path
) -> None:
    content = (line_tables / f"lib{component.library}.a").read_bytes()
    assert b"/temporal-static-libs/rust" in content
    places = [Path.home(), repo_root, os.environ.get("CARGO_TARGET_DIR", repo_root)]
    for path in places:
        assert f"{path}/".encode() not in content
