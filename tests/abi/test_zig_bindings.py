"""The header's translations in the package: they match the interface, for each Zig version."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from temporal_static_libs import __version__, lib_dir
from temporal_static_libs._build.header import read_header
from temporal_static_libs._targets import TARGETS
from tests.support.abi.capi import config, header_path
from tests.support.zig.zig_versions import OTHERS, OWN, python_with_zig

PROGRAM = """\
const std = @import("std");
const temporal = @import("temporal");
pub fn main() void {
    std.debug.print("{s}", .{temporal.temporal_static_libs_version()});
}
"""
CALLS_NOTHING = """\
const temporal = @import("temporal");
pub fn main() void {
    _ = temporal.TEMPORAL_STATIC_LIBS_VERSION;
}
"""


@pytest.fixture(scope="module")
def interface() -> dict[str, Any]:
    """The description of the interface."""
    loaded: dict[str, Any] = json.loads(Path(config("--interface")).read_text(encoding="utf-8"))
    return loaded


def bindings(version: str) -> Path:
    """The installed file for a version of Zig."""
    return Path(config("--zigdir"), f"bindings-{version}.zig")


def run_zig(python: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Zig in a directory, with any exit status."""
    command = [str(python), "-m", "ziglang", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def layout(
    members: Sequence[Mapping[str, Any]], kind: str, type_of_all: str, base: int = 0
) -> Iterator[str]:
    """Yield the requirements for the members of a struct or union, as conditions in Zig.

    Args:
        members: from interface.json.
        kind: ``struct`` or ``union``. Zig has no offsets for unions.
        type_of_all: the Zig type that has these members.
        base: the offset of that type in the enclosing named struct.
    """
    unnamed = 0
    for member in members:
        name = member["name"]
        if name is None:
            name = f"unnamed_{unnamed}"
            unnamed += 1
        member_type = f'@FieldType({type_of_all}, "{name}")'
        yield f"@sizeOf({member_type}) == {member['size']}"
        if kind == "struct":
            yield f'@offsetOf({type_of_all}, "{name}") == {member["offset"] - base}'
        if member["name"] is None:
            yield from layout(member["members"], member["kind"], member_type, member["offset"])


def assertions(interface: Mapping[str, Any]) -> Iterator[str]:
    """Yield the requirements for the bindings, as conditions in Zig."""
    for it in interface["structs"]:
        name = f"temporal.struct_{it['name']}"
        name = name.replace("struct_", "union_") if it["kind"] == "union" else name
        yield f"@sizeOf({name}) == {it['size']}"
        yield f"@alignOf({name}) == {it['alignment']}"
        yield from layout(it["members"], it["kind"], name)
    for it in interface["enums"]:
        yield f"@sizeOf(temporal.{it['name']}) == {it['size']}"
        for constant in it["constants"]:
            yield f"temporal.{constant['name']} == {constant['value']}"
    for it in interface["functions"]:
        arguments = f"std.meta.ArgsTuple(@TypeOf(temporal.{it['name']}))"
        yield f"@as({arguments}, undefined).len == {len(it['parameters'])}"
    for it in interface["callbacks"]:
        yield f"@sizeOf(temporal.{it['name']}) == 8"


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_layouts_values_and_functions_match_the_interface(
    version: str, interface: dict[str, Any], repo_root: Path, tmp_path: Path
) -> None:
    conditions = list(assertions(interface))
    checks = "".join(
        f"    if ({condition}) {{}} else @compileError({json.dumps(condition)});\n"
        for condition in conditions
    )
    (tmp_path / "check.zig").write_text(
        'const std = @import("std");\n'
        'const temporal = @import("temporal");\n'
        "comptime {\n    @setEvalBranchQuota(100_000);\n"
        "    std.testing.refAllDecls(temporal);\n"
        f"{checks}}}\n"
    )
    python = python_with_zig(version, repo_root)
    for target in TARGETS:
        done = run_zig(
            *(python, tmp_path, "build-obj", "-fno-emit-bin", "-target", target.zig_target),
            *("--dep", "temporal", "-Mroot=check.zig", f"-Mtemporal={bindings(version)}"),
        )
        assert (done.returncode, done.stderr) == (0, ""), target.platform
    declared = set(re.findall(r"^pub extern fn (\w+)", bindings(version).read_text(), re.MULTILINE))
    symbols = {name for name in declared if name.endswith(f"_abi_{interface['abi']}")}
    assert declared - symbols == {it["name"] for it in interface["functions"]}


@pytest.fixture(scope="module")
def symbol() -> str:
    """The symbol that only an archive of the header's version and interface defines."""
    header = read_header(header_path())
    (symbol,) = (name for name in header.own_symbols if name.endswith(f"_abi_{header.abi}"))
    return symbol


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_archive_of_another_interface_does_not_link(
    version: str, symbol: str, repo_root: Path, tmp_path: Path
) -> None:
    python = python_with_zig(version, repo_root)
    (tmp_path / "program.zig").write_text(PROGRAM)
    arguments = (
        *("build-exe", "-femit-bin=program", f"{lib_dir()}/libtemporal_client.a", "-lc"),
        *("-lunwind", "--dep", "temporal", "-Mroot=program.zig", "-Mtemporal=bindings.zig"),
    )
    text = bindings(version).read_text(encoding="utf-8")
    (tmp_path / "bindings.zig").write_text(text)
    matching = run_zig(python, tmp_path, *arguments)
    assert matching.returncode == 0, matching.stderr
    run = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert run.stderr == __version__
    (tmp_path / "bindings.zig").write_text(text.replace(symbol, f"{symbol}_other"))
    other = run_zig(python, tmp_path, *arguments).stderr
    assert re.search(rf"undefined (hidden )?symbol: {symbol}_other\b", other)


@pytest.mark.parametrize("target", ["aarch64-macos.11.0", "x86_64-linux-gnu.2.17"])
@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_optimized_program_that_calls_nothing_needs_the_archive(
    version: str, target: str, symbol: str, repo_root: Path, tmp_path: Path
) -> None:
    """Linkers that remove dead code, for example for macOS, do not report missing symbols in it."""
    (tmp_path / "program.zig").write_text(CALLS_NOTHING)
    done = run_zig(
        *(python_with_zig(version, repo_root), tmp_path, "build-exe", "-OReleaseSmall"),
        *("-target", target, "-lc", "--dep", "temporal", "-Mroot=program.zig"),
        f"-Mtemporal={bindings(version)}",
    )
    assert re.search(rf"undefined (hidden )?symbol: _?{symbol}\b", done.stderr)
