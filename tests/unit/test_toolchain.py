"""Finding Rust before any work, with fake toolchains. tests/wheel uses the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.advice import no_wheel_selected
from temporal_static_libs._build.toolchain import NoToolchainError, find_toolchain
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import TARGETS

RUSTC_ANSWER = """\
rustc {version} (6b00bc388 2025-06-23)
binary: rustc
host: x86_64-unknown-linux-gnu
release: {version}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace that requires Rust 1.88."""
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nrust-version = "1.88"\n')
    return tmp_path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH is empty for now."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin")}


def install(environ: dict[str, str], name: str, answer: str, status: int = 0) -> str:
    """Put a program on PATH that prints an answer, to stderr if it fails."""
    program = Path(environ["PATH"], name)
    stream = 2 if status else 1
    lines = "\n".join(f"echo '{line}' >&{stream}" for line in answer.splitlines())
    program.write_text(f"#!/bin/sh\n{lines}\nexit {status}\n")
    program.chmod(0o755)
    return str(program)


def install_rust(environ: dict[str, str], cargo: str = "1.88.0", rustc: str = "1.88.0") -> None:
    """Put a cargo and a rustc on PATH that only print their versions."""
    install(environ, "cargo", f"cargo {cargo} (873a06493 2025-05-10)")
    install(environ, "rustc", RUSTC_ANSWER.format(version=rustc))


def complaint(workspace: Path, environ: dict[str, str]) -> str:
    """The first line of the message that the search fails with."""
    with pytest.raises(CompileError) as caught:
        find_toolchain(workspace, Settings(environ))
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize("version", ["1.88.0", "1.88.1", "1.100.0", "1.97.0-nightly", "2.0.0"])
def test_new_enough(workspace: Path, environ: dict[str, str], version: str) -> None:
    install_rust(environ, version, version)
    toolchain = find_toolchain(workspace, Settings(environ))
    assert toolchain.cargo == f"{environ['PATH']}/cargo"
    assert toolchain.rustc_version == f"rustc {version} (6b00bc388 2025-06-23)"
    assert toolchain.host == "x86_64-unknown-linux-gnu"


def test_no_cargo(workspace: Path, environ: dict[str, str]) -> None:
    install(environ, "rustc", RUSTC_ANSWER.format(version="1.88.0"))
    assert complaint(workspace, environ).endswith(": cargo was not found on PATH")


def test_no_rustc(workspace: Path, environ: dict[str, str]) -> None:
    install(environ, "cargo", "cargo 1.88.0")
    assert complaint(workspace, environ).endswith(": rustc was not found on PATH")


def test_old_cargo(workspace: Path, environ: dict[str, str]) -> None:
    install_rust(environ, cargo="1.87.9")
    assert complaint(workspace, environ).endswith(": cargo is 1.87.9, older than 1.88")


def test_old_rustc(workspace: Path, environ: dict[str, str]) -> None:
    install_rust(environ, rustc="1.9.0")
    assert complaint(workspace, environ).endswith(": rustc is 1.9.0, older than 1.88")


def test_rustc_that_cargo_is_set_to_use_is_checked(
    workspace: Path, environ: dict[str, str]
) -> None:
    install_rust(environ)
    environ["RUSTC"] = install(environ, "rustc-old", RUSTC_ANSWER.format(version="1.70.0"))
    assert complaint(workspace, environ).endswith(": rustc is 1.70.0, older than 1.88")


def test_rustup_without_a_toolchain(workspace: Path, environ: dict[str, str]) -> None:
    install_rust(environ)
    install(environ, "cargo", "error: rustup could not choose a version of cargo to run", 1)
    message = complaint(workspace, environ)
    assert "cargo --version failed: error: rustup could not choose" in message


def test_cargo_that_does_not_run(workspace: Path, environ: dict[str, str]) -> None:
    install_rust(environ)
    Path(environ["PATH"], "cargo").write_bytes(b"\x7fELF")
    assert "cargo does not run: Exec format error" in complaint(workspace, environ)


def test_advice_lists_the_options(workspace: Path, environ: dict[str, str]) -> None:
    with pytest.raises(NoToolchainError) as caught:
        find_toolchain(workspace, Settings(environ))
    advice = no_wheel_selected(caught.value.minimum)
    for target in TARGETS:
        assert f"{target.platform} ({target.triple})" in advice
    assert "pip install --only-binary temporal-static-libs temporal-static-libs" in advice
    assert "Install Rust 1.88 or newer" in advice
    assert "TEMPORAL_LIBS_BOOTSTRAP_RUST=1" in advice


def test_workspace_without_a_minimum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text("[workspace]\n")
    with pytest.raises(CompileError, match="has no rust-version"):
        find_toolchain(tmp_path, Settings({}))
