"""Old type names: available on request, otherwise the errors that the docs quote."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.abi.capi import config
from tests.support.ci.skips import require_program
from tools.interface.releases import CURRENT, old_names

MACRO = "TEMPORAL_STATIC_LIBS_OLD_NAMES"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
ZIG = [sys.executable, "-m", "ziglang"]
C_STANDARDS = ["c11", "c17"]
# How clang, and therefore Zig, names the last one.
CPP_STANDARDS = ["c++11", "c++14", "c++17", "c++20", "c++2b"]
COMPILERS = [
    pytest.param([*compiler, f"-x{language}", f"-std={standard}"], id=f"{name}-{standard}")
    for name, c, cpp in [
        ("gcc", ["gcc"], ["g++"]),
        ("clang", ["clang"], ["clang++"]),
        ("zig", [*ZIG, "cc"], [*ZIG, "c++"]),
    ]
    for language, compiler, standards in [("c", c, C_STANDARDS), ("c++", cpp, CPP_STANDARDS)]
    for standard in standards
]
OF_C = [
    ("TemporalCoreClient *client;", "unknown type name 'TemporalCoreClient'"),
    (
        "struct TemporalCoreClientOptions options = {0};",
        "variable has incomplete type 'struct TemporalCoreClientOptions'",
    ),
    ("int tag(void) { return FixedSize; }", "use of undeclared identifier 'FixedSize'"),
    (
        "void set(TemporalCoreWorkerOptions *o) { o->no_remote_activities = 1; }",
        "no member named 'no_remote_activities' in 'struct TemporalCoreWorkerOptions'",
    ),
    (
        "void set(TemporalCoreConnectionOptions *o, TemporalCoreByteArrayRef l)"
        " { o->metadata = l; }",
        "assigning to 'TemporalCoreMetadataRef' (aka 'struct TemporalCoreByteArrayRefArray')"
        " from incompatible type",
    ),
]
OF_ZIG = [
    (
        "export fn f(_: ?*c.TemporalCoreClient) void {}",
        "no member named 'TemporalCoreClient'",
    ),
    ("export fn f() c_uint { return c.FixedSize; }", "no member named 'FixedSize'"),
    (
        "export fn f(o: *c.TemporalCoreWorkerOptions) void { o.no_remote_activities = true; }",
        "no field named 'no_remote_activities' in struct",
    ),
    (
        "export fn f(o: *c.TemporalCoreConnectionOptions, l: c.TemporalCoreByteArrayRef) void"
        " { o.metadata = l; }",
        "expected type 'cimport.struct_TemporalCoreByteArrayRefArray', found"
        " 'cimport.struct_TemporalCoreByteArrayRef'",
    ),
]


@functools.cache
def include() -> str:
    """The compiler option for the header's directory."""
    return f"-I{config('--includedir')}"


def tagged(names: dict[str, str]) -> set[str]:
    """The names that can follow ``struct``."""
    rows = CURRENT.rows()
    return {
        old
        for old, new in names.items()
        if any(row[:2] in (("struct", new), ("opaque", new)) for row in rows)
    }


def compiled(
    source: str, directory: Path, compiler: list[str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Compile a program that includes the header."""
    file = directory / "bridge.c"
    file.write_text(f'#include "temporal-sdk-core-c-bridge.h"\n{source}\n', encoding="utf-8")
    command = [*compiler, *options, include(), "-c", str(file)]
    command += ["-o", str(directory / "bridge.o")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def imported(source: str, directory: Path, define: bool) -> subprocess.CompletedProcess[str]:
    """Compile a Zig program that imports the header."""
    define_it = f'@cDefine("{MACRO}", {{}}); ' if define else ""
    file = directory / "bridge.zig"
    file.write_text(
        f'const c = @cImport({{ {define_it}@cInclude("temporal-sdk-core-c-bridge.h"); }});\n'
        f"{source}\n",
        encoding="utf-8",
    )
    command = [*ZIG, "build-obj", "-lc", include(), "-fno-emit-bin", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_old_names_are_the_current_types_if_enabled(compiler: list[str], tmp_path: Path) -> None:
    require_program(compiler[0])
    names = old_names()
    assert tagged(names)
    lines = [f"{new} *same{i}({old} *it);" for i, (old, new) in enumerate(names.items())]
    lines += [
        f"{new} *same{i}({old} *it) {{ return it; }}" for i, (old, new) in enumerate(names.items())
    ]
    lines += [
        f"struct {old} *tagged{i}({old} *it);\nstruct {old} *tagged{i}({old} *it) {{ return it; }}"
        for i, old in enumerate(sorted(tagged(names)))
    ]
    done = compiled("\n".join(lines), tmp_path, compiler, *WARNINGS, f"-D{MACRO}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", old_names())
def test_old_name_is_unavailable_by_default(name: str, tmp_path: Path) -> None:
    done = compiled(f"extern {name} *it;", tmp_path, [*ZIG, "cc"])
    assert done.returncode != 0
    assert f"unknown type name '{name}'" in done.stderr


def test_zig_imports_old_names_if_enabled(tmp_path: Path) -> None:
    # Zig 0.15 reports a loop for callbacks that take a struct containing them, whatever the names.
    names = sorted(tagged(old_names()))
    lines = [f"export fn f{i}(_: ?*c.{name}) void {{}}" for i, name in enumerate(names)]
    done = imported("\n".join(lines), tmp_path, define=True)
    assert done.returncode == 0, done.stderr
    assert imported("\n".join(lines), tmp_path, define=False).returncode != 0


def test_zig_translates_all_old_names() -> None:
    header = f"{config('--includedir')}/temporal-sdk-core-c-bridge.h"
    command = [*ZIG, "translate-c", "-lc", f"-D{MACRO}", header]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    missing = {old for old, new in old_names().items() if f"pub const {old} = {new};" not in text}
    assert not missing


@pytest.mark.parametrize(("source", "message"), OF_C, ids=range(len(OF_C)))
@pytest.mark.parametrize("compiler", [["clang"], [*ZIG, "cc"]], ids=["clang", "zig-cc"])
def test_first_error_in_c_is_the_one_in_the_docs(
    compiler: list[str], source: str, message: str, tmp_path: Path, repo_root: Path
) -> None:
    require_program(compiler[0])
    assert message in troubleshooting(repo_root).splitlines()
    assert f"error: {message}" in compiled(source, tmp_path, compiler).stderr


@pytest.mark.parametrize(("source", "message"), OF_ZIG, ids=range(len(OF_ZIG)))
def test_first_error_in_zig_is_the_one_in_the_docs(
    source: str, message: str, tmp_path: Path, repo_root: Path
) -> None:
    assert message in troubleshooting(repo_root).splitlines()
    said = imported(source, tmp_path, define=False).stderr
    assert message in next(line for line in said.splitlines() if "error:" in line)


def troubleshooting(repo_root: Path) -> str:
    """The section of the page about an older bridge."""
    page = (repo_root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    _, _, after = page.partition("### Errors in an older bridge\n")
    return after.partition("\n## ")[0]
