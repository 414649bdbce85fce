"""temporal_libs.zig in every kind of Zig program, with each version of Zig."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import lief
import pytest

import temporal_static_libs
from tests.support.zig.own_bridge import OwnBridge
from tests.support.zig.zig_versions import OTHERS, OWN, TOO_OLD, python_with_zig

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

TOOL = "temporal-libs-config"
SHAPES = Path(__file__).parents[1] / "support" / "zig" / "shapes"
VERSION = temporal_static_libs.__version__


@pytest.fixture
def helper(script: Command) -> Path:
    """The file for a build.zig from the package."""
    return Path(script.lines("--zigdir")[0]) / "temporal_libs.zig"


def project(directory: Path, template: Path, helper: Path) -> OwnBridge:
    """Copy a project, and put the helper next to each build.zig in it."""
    shutil.copytree(template, directory)
    for build_file in directory.rglob("build.zig"):
        shutil.copy(helper, build_file.parent)
    return OwnBridge(directory)


@dataclass(frozen=True)
class Exported:
    """The symbols that a shared library exports."""

    names: frozenset[str]
    run_paths: tuple[str, ...]


def exported(library: Path) -> Exported:
    binary = lief.ELF.parse(library)
    assert binary is not None
    paths = [
        str(entry.paths)
        for entry in binary.dynamic_entries
        if isinstance(entry, (lief.ELF.DynamicEntryRunPath, lief.ELF.DynamicEntryRpath))
    ]
    return Exported(frozenset(str(it.name) for it in binary.exported_symbols), tuple(paths))


@pytest.fixture
def shapes(version: str, helper: Path, repo_root: Path, tmp_path: Path) -> OwnBridge:
    """The project of all shapes, for a version of Zig."""
    copy = project(tmp_path / "shapes", SHAPES, helper)
    return replace(copy, python=python_with_zig(version, repo_root))


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_every_shape_builds_in_one_build_and_runs(shapes: OwnBridge, script: Command) -> None:
    """Modules, tests, components, targets, static and shared libraries, objects, packages."""
    done = shapes.build("install", "test", f"-D{TOOL}={script.argv[0]}")
    assert done.returncode == 0, done.stderr

    built = shapes.directory / "zig-out"
    printed = {
        program.name: subprocess.run(
            [program], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for program in (built / "bin").iterdir()
    }
    once = {name: [VERSION] for name in ("client", "depending", "modules", "oldest")}
    assert printed == once | {name: [VERSION, VERSION] for name in ("objects", "statics")}

    for name in ("one", "two"):
        members = subprocess.run(
            ["ar", "t", built / "lib" / f"lib{name}.a"], capture_output=True, text=True, check=True
        ).stdout.split()
        assert members
        assert not [member for member in members if "temporal" in member]
    for name in ("open", "closed"):
        library = built / "lib" / f"lib{name}.so"
        one = ctypes.CDLL(str(library)).one
        one.restype = ctypes.c_char_p
        assert one() == VERSION.encode()
        shown = exported(library)
        assert "one" in shown.names
        assert shown.run_paths == ()
        leaked = {name for name in shown.names if name.startswith("temporal_")}
        assert (leaked == set()) == (name == "closed")


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_archive_of_another_interface_does_not_link_anywhere(
    version: str, shapes: OwnBridge, helper: Path, script: Command, tmp_path: Path
) -> None:
    """Neither tests with Zig's own linker nor a shared library with LLD."""
    interface = subprocess.run(
        [*script.argv, "--abi"], capture_output=True, text=True, check=True
    ).stdout.strip()
    bindings = helper.with_name(f"bindings-{version}.zig")
    (tmp_path / bindings.name).write_text(
        bindings.read_text().replace(interface, "0123456789abcdef")
    )
    other = tmp_path / TOOL
    other.write_text(
        f"#!/bin/sh\n'{script.argv[0]}' \"$@\" | sed 's|{bindings.parent}|{tmp_path}|g'\n"
    )
    other.chmod(0o755)
    done = shapes.build("few", f"-D{TOOL}={other}")
    assert done.returncode != 0
    symbol = f"temporal_static_libs_{VERSION.replace('.', '_')}_abi_0123456789abcdef"
    assert f"undefined symbol: {symbol}" in done.stderr
    assert f"undefined hidden symbol: {symbol}" in done.stderr


def test_too_old_zig_gets_a_message_instead_of_compile_errors(
    helper: Path, repo_root: Path, tmp_path: Path
) -> None:
    shapes = project(tmp_path / "bridge", SHAPES / "bridge", helper)
    done = replace(shapes, python=python_with_zig(TOO_OLD, repo_root)).build("--help")
    assert done.returncode != 0
    first, *_ = done.stderr.splitlines()
    assert first.startswith(f"temporal_libs.zig needs Zig 0.15 or newer; this is {TOO_OLD}.")
    assert "temporal_libs.zig:" not in done.stderr


@pytest.fixture(scope="module")
def target_directory(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel, installed with ``--target``."""
    directory = tmp_path_factory.mktemp("target") / "libs"
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    subprocess.run([*command, "--target", directory, wheel], check=True)
    return directory


@pytest.fixture
def plant(script: Command) -> Callable[[Path], Path]:
    """A function that puts a copy of the installed tool, which prints its path, into a venv."""

    def make(environment: Path) -> Path:
        tool = environment / "bin" / TOOL
        tool.parent.mkdir(parents=True)
        tool.write_text(f'#!/bin/sh\necho "asked: $0" >&2\nexec "{script.argv[0]}" "$@"\n')
        tool.chmod(0o755)
        return tool

    return make


@pytest.mark.parametrize("by", ["build.zig", "option"])
def test_tool_of_a_target_directory_needs_no_pythonpath(
    by: str, target_directory: Path, helper: Path, tmp_path: Path
) -> None:
    """There are several such directories if a build is for several platforms."""
    bridge = project(tmp_path / "bridge", SHAPES / "bridge", helper)
    (bridge.directory / "libs").symlink_to(target_directory)
    text = bridge.build_file.read_text()
    tool = f"libs/bin/{TOOL}"
    if by == "build.zig":
        text = text.replace("find(b, .{})", f'find(b, .{{ .tool = "{tool}" }})')
    shown = '    std.debug.print("{s}\\n", .{temporal.facts.?.libdir});\n}'
    bridge.build_file.write_text(f"{text.rstrip().removesuffix('}')}{shown}\n")
    named = () if by == "build.zig" else (f"-D{TOOL}={tool}",)
    asked = bridge.build("--help", *named, environ={"VIRTUAL_ENV": ""})
    assert asked.returncode == 0, asked.stderr
    assert Path(asked.stderr.strip()).resolve() == (
        target_directory / "temporal_static_libs" / "lib"
    )


@pytest.mark.parametrize(
    ("source", "version"), [("fetched", OWN), *(("path", it) for it in (OWN, *OTHERS))]
)
def test_package_uses_the_roots_tool(
    source: str,
    version: str,
    helper: Path,
    plant: Callable[[Path], Path],
    repo_root: Path,
    tmp_path: Path,
) -> None:
    """The root's option, the active environment, or .venv some levels above the root."""
    bridge = project(tmp_path / "elsewhere" / "bridge", SHAPES / "bridge", helper)
    template = SHAPES.with_name("depending")
    root = project(tmp_path / "work" / "deep" / "root", template, helper)
    root = replace(root, python=python_with_zig(version, repo_root))
    environ = {"VIRTUAL_ENV": "", "PATH": os.defpath}
    if source == "fetched":
        packed = shutil.make_archive(
            str(tmp_path / "bridge"), "gztar", bridge.directory.parent, "bridge"
        )
        subprocess.run(
            [root.python, "-m", "ziglang", "fetch", "--save=bridge", f"file://{packed}"],
            cwd=root.directory,
            capture_output=True,
            check=True,
        )
        shutil.rmtree(bridge.directory)
    else:
        manifest = root.directory / "build.zig.zon"
        by_path = '.{ .bridge = .{ .path = "../../../elsewhere/bridge" } }'
        manifest.write_text(manifest.read_text().replace(".{},", f"{by_path},"))
    missing = root.build(environ=environ)
    assert missing.returncode != 0
    assert f'.@"{TOOL}" = PATH }}) for bridge in the root package\'s build.zig' in missing.stderr
    assert f"-D{TOOL}=PATH" not in missing.stderr

    # --help has build.zig run, and nothing built.
    above = plant(tmp_path / "work" / ".venv")
    active = plant(tmp_path / "active")
    named = plant(tmp_path / "named")
    activated = {**environ, "VIRTUAL_ENV": str(tmp_path / "active")}
    for tool, arguments, variables in (
        (above, (), environ),
        (active, (), activated),
        (named, (f"-D{TOOL}={named}",), activated),
    ):
        asked = root.build("--help", *arguments, environ=variables)
        assert asked.returncode == 0, asked.stderr
        assert [line for line in asked.stderr.splitlines() if line.startswith("asked: ")] == [
            f"asked: {tool}"
        ]
