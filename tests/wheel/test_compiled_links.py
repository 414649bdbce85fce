"""Programs linked with archives compiled on this machine, and cargo's settings for that."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.pip.tiny_package import TinyPackage, rustc_wrapper
from tests.support.programs.sccache import own_sccache

C_PROGRAM = Path(__file__).with_name("tiny_program.c")
ZIG_PROJECT = Path(__file__).with_name("tiny_zig")

ASKED = {"USE_PREBUILT_LIBS": "false"}
FALLBACK = {"TEMPORAL_LIBS_FALLBACK": "compile"}

# A small crate in the same version as in the archives, so that building them has fetched it.
CRATE = "itoa"


@pytest.fixture(params=[ASKED, FALLBACK], ids=["asked-for", "fallback"])
def settings(request: pytest.FixtureRequest, tiny_package: TinyPackage) -> Mapping[str, str]:
    """Each setting that leads to a compiled set; the wheel's archives are broken."""
    tiny_package.break_wheel()
    chosen: Mapping[str, str] = request.param
    return chosen


def zig_build(
    package: TinyPackage, scratch: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Build and run the Zig project. Its build.zig runs the package's temporal-libs-config."""
    config = package.script(scratch)
    return subprocess.run(
        [
            *(sys.executable, "-m", "ziglang", "build", f"-Dtemporal-libs-config={config}"),
            *("--build-file", ZIG_PROJECT / "build.zig"),
            *("--cache-dir", scratch / "zig-cache", "--prefix", scratch / "zig-out"),
        ],
        env={**package.environ, **environ, "NO_COLOR": "1"},
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )


def test_c_program_links_and_runs(
    tiny_package: TinyPackage, settings: Mapping[str, str], tmp_path: Path
) -> None:
    flags = tiny_package.answer("--cflags", "--ldflags", "--libs", **settings)
    program = tmp_path / "program"
    subprocess.run(
        [require_program("cc"), C_PROGRAM, *shlex.split(" ".join(flags)), "-o", program], check=True
    )
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "seed 7\n")


def test_zig_build_links_and_runs(
    tiny_package: TinyPackage, settings: Mapping[str, str], tmp_path: Path
) -> None:
    done = zig_build(tiny_package, tmp_path, settings)
    assert done.returncode == 0, done.stderr
    assert "seed 7\n" in done.stderr
    assert "Compiling for linux-" in done.stderr
    assert (tiny_package.compiled / "libtemporal_sdk_core.a").is_file()


def add_dependency(package: TinyPackage, repo_root: Path) -> None:
    """Make the tiny workspace depend on a crate from the registry."""
    lock = (repo_root / "rust" / "Cargo.lock").read_text()
    (block,) = re.findall(rf'^\[\[package\]\]\nname = "{CRATE}"\n(?:.+\n)+', lock, re.MULTILINE)
    (version,) = re.findall(r'^version = "(.+)"$', block, re.MULTILINE)
    crate = package.workspace / "c-api"
    with open(crate / "Cargo.toml", "a", encoding="ascii") as stream:
        stream.write(f'\n[dependencies]\n{CRATE} = "={version}"\n')
    with open(crate / "src" / "lib.rs", "a", encoding="ascii") as stream:
        stream.write(f"\npub use {CRATE} as a_crate_of_the_registry;\n")
    tiny_lock = package.workspace / "Cargo.lock"
    head, ours, rest = tiny_lock.read_text().partition(
        '[[package]]\nname = "temporal-static-libs-c'
    )
    depends = f'dependencies = [\n "{CRATE}",\n]\n'
    ours += rest.replace('version = "0.10.1"\n', f'version = "0.10.1"\n{depends}', 1)
    tiny_lock.write_text(f"{head}{block}\n{ours}")


def test_zig_build_links_and_runs_offline_from_a_vendored_registry(
    tiny_package: TinyPackage, settings: Mapping[str, str], repo_root: Path, tmp_path: Path
) -> None:
    add_dependency(tiny_package, repo_root)
    vendored = subprocess.run(
        ["cargo", "vendor", "--locked", "--versioned-dirs", tmp_path / "vendor"],
        cwd=tiny_package.workspace,
        env=tiny_package.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert vendored.returncode == 0, vendored.stderr
    (tmp_path / "cargo-home").mkdir()
    environ = {
        **settings,
        "CARGO_HOME": str(tmp_path / "cargo-home"),
        "CARGO_NET_OFFLINE": "true",
        # Variables that rustup's cargo proxy uses, if it is installed.
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")),
    }

    without = zig_build(tiny_package, tmp_path, environ)
    assert without.returncode != 0
    assert "cargo could not read the workspace or download its dependencies" in without.stderr

    (tmp_path / "cargo-home" / "config.toml").write_text(vendored.stdout)
    done = zig_build(tiny_package, tmp_path, environ)
    assert done.returncode == 0, done.stderr
    assert f"Compiling {CRATE} v" in done.stderr
    assert "seed 7\n" in done.stderr


def test_wrapper_of_rustc_is_used(tiny_package: TinyPackage, tmp_path: Path) -> None:
    wrapper = rustc_wrapper(tmp_path)
    tiny_package.answer("--verify", **ASKED, RUSTC_WRAPPER=str(wrapper.program))
    assert wrapper.log.read_text() == "compiling\n"


def test_sccache_serves_a_second_compile(tiny_package: TinyPackage, tmp_path: Path) -> None:
    with own_sccache(tmp_path) as sccache:
        for _ in range(2):
            tiny_package.answer("--verify", **ASKED, **sccache.settings)
            (tiny_package.compiled / "manifest.json").unlink()
        statistics = sccache("--show-stats")
    (hits,) = re.findall(r"^Cache hits +(\d+)$", statistics, re.MULTILINE)
    assert int(hits) >= 1, statistics


@pytest.mark.parametrize("by", ["variable", "file"])
def test_configured_target_directory_is_used_and_kept(
    tiny_package: TinyPackage, tmp_path: Path, by: str
) -> None:
    target = tmp_path / "cargo-target"
    if by == "variable":
        settings = {**ASKED, "CARGO_TARGET_DIR": str(target)}
    else:
        # Cargo reads this file for every workspace below it.
        (tmp_path / ".cargo").mkdir()
        config = tmp_path / ".cargo" / "config.toml"
        config.write_text(f'[build]\ntarget-dir = "{target}"\n')
        settings = ASKED
    tiny_package.answer("--verify", **settings)
    assert list(target.rglob("libtemporal_sdk_core.a"))
    assert not (tiny_package.cache / "compiling").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUSTFLAGS", "--cfg of_the_user --check-cfg=cfg(of_the_user)"),
        ("CARGO_ENCODED_RUSTFLAGS", "--cfg\x1fof_the_user"),
        ("CARGO_BUILD_RUSTFLAGS", "--cfg of_the_user"),
    ],
)
def test_flags_for_rustc_are_respected(tiny_package: TinyPackage, name: str, value: str) -> None:
    source = tiny_package.workspace / "c-api" / "src" / "lib.rs"
    source.write_text(
        f'{source.read_text()}\n#[cfg(not(of_the_user))]\ncompile_error!("without the flag");\n'
    )
    done = tiny_package.config("--verify", **ASKED, **{name: value})
    assert done.returncode == 0, done.stderr
    assert (
        "without the flag"
        in tiny_package.config("--verify", **ASKED, TEMPORAL_LIBS_CARGO_PROFILE="release").stderr
    )


def test_profile_settings_of_cargo_are_respected(tiny_package: TinyPackage, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> \'{tmp_path}/commands\'\nexec "$@"\n')
    wrapper.chmod(0o755)
    tiny_package.answer(
        "--verify", **ASKED, RUSTC_WRAPPER=str(wrapper), CARGO_PROFILE_QUICK_OPT_LEVEL="3"
    )
    commands = (tmp_path / "commands").read_text()
    assert "-C opt-level=3" in commands
    assert "-C opt-level=1" not in commands
