"""Requirements for compiling for another target, checked before any work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.cross import CargoForTarget, cargo_for_target
from temporal_static_libs._build.toolchain import Toolchain, find_toolchain
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import TARGETS, Target, target_of_triple

CargoFor = Callable[..., CargoForTarget]


@pytest.fixture
def toolchain(repo_root: Path, tiny_environ: dict[str, str]) -> Toolchain:
    """The machine's toolchain."""
    return find_toolchain(repo_root / "rust", Settings(tiny_environ))


@pytest.fixture
def cargo_for(toolchain: Toolchain, tmp_path: Path) -> CargoFor:
    """A function that requests a target from a toolchain with a test sysroot and PATH."""

    def ask(triple: str, *programs: str, **environ: str) -> CargoForTarget:
        target = target_of_triple(triple)
        for program in programs:
            (tmp_path / program).touch(mode=0o755)
        bare = replace(toolchain, sysroot=tmp_path, environ={"PATH": str(tmp_path), **environ})
        return cargo_for_target(bare, target, target.floor_version)

    return ask


@pytest.fixture
def add_standard_library(tmp_path: Path) -> Callable[[str], None]:
    """A function that adds a target's standard library to the sysroot."""

    def add(triple: str) -> None:
        directory = tmp_path / "lib" / "rustlib" / triple / "lib"
        directory.mkdir(parents=True)
        (directory / "libstd-0123456789abcdef.rlib").touch()

    return add


def test_native_target_has_no_further_requirements(toolchain: Toolchain) -> None:
    target = target_of_triple(toolchain.host)
    assert cargo_for_target(toolchain, target, target.floor_version) == CargoForTarget(
        target, toolchain.cargo, target.triple, (), {}
    )


@pytest.mark.parametrize(
    "target", [t for t in TARGETS if t.platform != "linux-x64"], ids=lambda t: t.platform
)
def test_error_for_a_missing_c_compiler_lists_the_options(
    target: Target, cargo_for: CargoFor
) -> None:
    with pytest.raises(CompileError) as caught:
        cargo_for(target.triple)
    message = str(caught.value)
    assert message.startswith(f"found no C compiler for {target.triple}")
    assert "python -m pip install cargo-zigbuild ziglang" in message
    assert f"CC_{target.triple.replace('-', '_')}" in message


def test_error_for_a_missing_standard_library_lists_the_options(cargo_for: CargoFor) -> None:
    with pytest.raises(CompileError) as caught:
        cargo_for("aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc")
    message = str(caught.value)
    assert "has neither the standard library for aarch64-unknown-linux-gnu nor its" in message
    assert "rustup target add aarch64-unknown-linux-gnu" in message
    assert "apt-get install rust-web-src" in message


@pytest.mark.parametrize("by", ["CC_aarch64_unknown_linux_gnu", "TARGET_CC", "a program"])
def test_existing_c_compiler_needs_no_settings(
    by: str,
    cargo_for: CargoFor,
    toolchain: Toolchain,
    add_standard_library: Callable[[str], None],
) -> None:
    triple = "aarch64-unknown-linux-gnu"
    add_standard_library(triple)
    given = cargo_for(triple, "aarch64-linux-gnu-gcc") if by == "a program" else None
    found = given or cargo_for(triple, **{by: "clang"})
    assert (found.program, found.triple, found.options) == (toolchain.cargo, triple, ())


@pytest.mark.parametrize(
    ("triple", "given"),
    [
        ("aarch64-unknown-linux-gnu", "aarch64-unknown-linux-gnu.2.17"),
        ("aarch64-unknown-linux-musl", "aarch64-unknown-linux-musl"),
        ("aarch64-apple-darwin", "aarch64-apple-darwin"),
    ],
)
def test_zig_compiles_c_code_for_the_floor_without_another_compiler(
    triple: str,
    given: str,
    cargo_for: CargoFor,
    add_standard_library: Callable[[str], None],
    tmp_path: Path,
) -> None:
    add_standard_library(triple)
    found = cargo_for(triple, "cargo-zigbuild")
    assert (found.program, found.triple) == (str(tmp_path / "cargo-zigbuild"), given)


def test_standard_library_is_compiled_if_only_its_sources_exist(
    cargo_for: CargoFor, tmp_path: Path
) -> None:
    sources = tmp_path / "lib" / "rustlib" / "src" / "rust" / "library"
    sources.mkdir(parents=True)
    (sources / "Cargo.lock").touch()
    found = cargo_for("aarch64-apple-darwin", "cargo-zigbuild")
    assert found.options == ("-Zbuild-std=std,panic_unwind",)
    assert found.environ == {"RUSTC_BOOTSTRAP": "1", "MACOSX_DEPLOYMENT_TARGET": "11.0"}
