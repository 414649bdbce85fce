"""Running the real cargo on the tiny workspace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.archive_index import defined_symbols
from temporal_static_libs._build.cargo import (
    Compiled,
    cargo_metadata,
    compile_archive,
    parse_native_libs,
)
from temporal_static_libs._build.cross import CargoForTarget, cargo_for_target
from temporal_static_libs._build.toolchain import NoToolchainError, Toolchain, find_toolchain
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import target_of_triple

Compile = Callable[[], Compiled]


def for_host(toolchain: Toolchain) -> CargoForTarget:
    """The settings of cargo for compiling natively."""
    target = target_of_triple(toolchain.host)
    return cargo_for_target(toolchain, target, target.floor_version)


@pytest.fixture
def workspace(tmp_path: Path, repo_root: Path) -> Path:
    """A tiny workspace only for this test."""
    tiny = repo_root / "tests" / "wheel" / "tiny_workspace"
    return Path(shutil.copytree(tiny, tmp_path / "rust"))


@pytest.fixture
def toolchain(workspace: Path, tiny_environ: dict[str, str]) -> Toolchain:
    """The machine's toolchain."""
    return find_toolchain(workspace, Settings(tiny_environ))


@pytest.fixture
def compile_it(workspace: Path, toolchain: Toolchain) -> Compile:
    """A function that compiles the workspace for this machine."""

    def compile_it() -> Compiled:
        return compile_archive(workspace, toolchain, for_host(toolchain), "quick")

    return compile_it


def cargo_after(directory: Path, toolchain: Toolchain, command: str) -> str:
    """A cargo that runs a shell command before it compiles."""
    cargo = directory / "cargo"
    shell = f'[ "$1" != rustc ] || {command}\nexec {toolchain.cargo} "$@"\n'
    cargo.write_text(f"#!/bin/sh\n{shell}")
    cargo.chmod(0o755)
    return str(cargo)


LINES = {
    "a-brace": "{",
    "no-json": "{not json at all}",
    "deep": '{"a":' * 100_000,
    "no-reason": '{"a": 1}',
    "no-object": "{}",
    "wrong-types": '{"reason": "compiler-artifact", "target": [], "filenames": 1}',
    "no-text": '{"reason": "compiler-message", "message": null}',
    "not-utf-8": "{\udcff",
}


@pytest.mark.parametrize("name", LINES)
def test_line_that_is_not_a_cargo_message_is_passed_on(
    workspace: Path,
    toolchain: Toolchain,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    line = tmp_path / "line"
    line.write_bytes(LINES[name].encode("utf-8", "surrogateescape") + b"\n")
    wrapped = replace(toolchain, cargo=cargo_after(tmp_path, toolchain, f"cat {line}"))
    assert compile_archive(workspace, wrapped, for_host(wrapped), "quick").archive.is_file()
    assert line.read_text(errors="replace") in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"packages": [{}]}', '{"packages": null}', "\\377"]
)
def test_invalid_metadata_is_an_error(
    workspace: Path, toolchain: Toolchain, tmp_path: Path, text: str
) -> None:
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!/bin/sh\nprintf '{text}'\n")
    cargo.chmod(0o755)
    wrapped = replace(toolchain, cargo=str(cargo))
    with pytest.raises(CompileError, match="cargo metadata did not print the metadata"):
        cargo_metadata(workspace, wrapped, for_host(wrapped))


def test_minimum_version_matches_that_of_cargo(
    repo_root: Path, tmp_path: Path, toolchain: Toolchain
) -> None:
    done = subprocess.run(
        [toolchain.cargo, "metadata", "--no-deps", "--offline", "--format-version", "1"],
        cwd=repo_root / "rust",
        capture_output=True,
        check=True,
    )
    minimums = {package["rust_version"] for package in json.loads(done.stdout)["packages"]}
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoToolchainError) as caught:
        find_toolchain(repo_root / "rust", Settings({"PATH": str(tmp_path / "empty")}))
    assert minimums == {caught.value.minimum}


def test_archive_and_features_come_from_cargo(compile_it: Compile) -> None:
    compiled = compile_it()
    assert compiled.features == {
        "temporal-static-libs-c-api": ("worker",),
        "temporal-static-libs-sdk-core": (),
    }
    assert "temporal_core_worker_free" in defined_symbols(compiled.archive)


def test_fresh_and_cached_builds_have_the_same_result(compile_it: Compile) -> None:
    first = compile_it()
    again = compile_it()
    assert again == first
    assert first.system_libraries or first.frameworks


def test_native_libraries_are_those_that_rustc_reports(
    compile_it: Compile, toolchain: Toolchain, tmp_path: Path
) -> None:
    source = tmp_path / "empty.rs"
    source.write_text("")
    done = subprocess.run(
        ["rustc", "--crate-type=staticlib", "--print=native-static-libs", source],
        cwd=tmp_path,
        env=toolchain.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in done.stderr.splitlines() if "native-static-libs:" in line]
    assert parse_native_libs(line.partition("native-static-libs:")[2])[0] == (
        compile_it().system_libraries
    )


def test_progress_and_warnings_are_shown_but_internal_notes_are_not(
    workspace: Path, compile_it: Compile, capfd: pytest.CaptureFixture[str]
) -> None:
    source = workspace / "c-api" / "src" / "lib.rs"
    source.write_text(source.read_text() + "\nfn nobody_calls_this() {}\n")
    compile_it()
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "Compiling temporal-static-libs-sdk-core v0.10.1" in shown.err
    assert "warning: function `nobody_calls_this` is never used" in shown.err
    assert "native" not in shown.err


def test_error_in_the_sources_is_shown_and_fails_the_build(
    workspace: Path, compile_it: Compile, capfd: pytest.CaptureFixture[str]
) -> None:
    (workspace / "c-api" / "src" / "lib.rs").write_text("this is not Rust\n")
    with pytest.raises(CompileError) as caught:
        compile_it()
    message = str(caught.value)
    assert message.startswith("cargo could not compile temporal-static-libs-sdk-core")
    assert "see its output above (exit status 101)" in message
    assert "rustc --locked --package temporal-static-libs-sdk-core --profile quick" in message
    assert "error: expected" in capfd.readouterr().err


def test_outdated_lock_file_is_an_error(
    workspace: Path, compile_it: Compile, capfd: pytest.CaptureFixture[str]
) -> None:
    lock = workspace / "Cargo.lock"
    lock.write_text(lock.read_text().replace("0.10.1", "0.10.0"))
    with pytest.raises(CompileError):
        compile_it()
    assert "--locked" in capfd.readouterr().err


def test_unknown_profile_is_an_error(
    workspace: Path, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CompileError, match="--profile fast "):
        compile_archive(workspace, toolchain, for_host(toolchain), "fast")
    assert "profile `fast` is not defined" in capfd.readouterr().err


def test_cargos_own_target_variable_does_not_change_a_host_build(
    workspace: Path, toolchain: Toolchain, tiny_environ: dict[str, str]
) -> None:
    environ = {**tiny_environ, "CARGO_BUILD_TARGET": "wasm32-unknown-unknown"}
    toolchain = find_toolchain(workspace, Settings(environ))
    compiled = compile_archive(workspace, toolchain, for_host(toolchain), "quick")
    parent = os.path.join(tiny_environ["CARGO_TARGET_DIR"], toolchain.host, "quick")
    assert str(compiled.archive.parent) == parent


@pytest.mark.parametrize(
    ("line", "libraries", "frameworks"),
    [
        pytest.param(
            " -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc",
            ("gcc_s", "util", "rt", "pthread", "m", "dl", "c"),
            (),
            id="linux",
        ),
        pytest.param(
            " -framework Security -framework CoreFoundation -liconv -lSystem -lc -lm",
            ("iconv", "System", "c", "m"),
            ("Security", "CoreFoundation"),
            id="macos",
        ),
        pytest.param(" -lc -lm -lc", ("c", "m", "c"), (), id="repetition"),
        pytest.param(
            "kernel32.lib ntdll.lib kernel32.lib /defaultlib:msvcrt",
            ("kernel32", "ntdll", "kernel32"),
            (),
            id="msvc",
        ),
        pytest.param("", (), (), id="none"),
    ],
)
def test_native_libraries_are_read(
    line: str, libraries: tuple[str, ...], frameworks: tuple[str, ...]
) -> None:
    assert parse_native_libs(line) == (libraries, frameworks)


def test_unknown_form_of_a_native_library_is_an_error() -> None:
    with pytest.raises(CompileError, match="'/defaultlib:libcmt'"):
        parse_native_libs("ntdll.lib /defaultlib:libcmt")


@pytest.mark.parametrize("given", [{}, {"CFLAGS": "-O1"}, {"TARGET_CFLAGS": "-O1", "CFLAGS": "-g"}])
def test_c_compilers_get_neutral_paths_and_keep_their_flags(
    workspace: Path, toolchain: Toolchain, tmp_path: Path, given: dict[str, str]
) -> None:
    noted = tmp_path / "environ"
    wrapper = cargo_after(tmp_path, toolchain, f"env -0 >{noted}")
    environ = {**toolchain.environ, **given}
    wrapped = replace(toolchain, cargo=wrapper, environ=environ)
    compile_archive(workspace, wrapped, for_host(wrapped), "quick")
    found = dict(line.split("=", 1) for line in noted.read_text().split("\0") if "=" in line)
    # The variables of the crate cc. The most specific one wins.
    name = next(iter(given), f"CFLAGS_{toolchain.host.replace('-', '_')}")
    words = found[name].split()
    assert words[: len(given.get(name, "").split())] == given.get(name, "").split()
    assert f"-fdebug-prefix-map={workspace}=/temporal-static-libs/rust" in words
    assert {one: found[one] for one in given if one != name} == {
        one: value for one, value in given.items() if one != name
    }


def test_path_with_a_space_is_not_passed_to_c_compilers(
    repo_root: Path, toolchain: Toolchain, tmp_path: Path
) -> None:
    tiny = repo_root / "tests" / "wheel" / "tiny_workspace"
    workspace = Path(shutil.copytree(tiny, tmp_path / "with a space"))
    noted = tmp_path / "environ"
    wrapper = cargo_after(tmp_path, toolchain, f"env -0 >{noted}")
    wrapped = replace(toolchain, cargo=wrapper)
    compile_archive(workspace, wrapped, for_host(wrapped), "quick")
    assert "CFLAGS" in noted.read_text()
    assert "with a space=/temporal" not in noted.read_text()
