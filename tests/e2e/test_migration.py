"""examples/migration: a bridge's files before and after."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import temporal_static_libs
from tests.support.docs.commands import commands
from tests.support.programs.paths import consumer_environ
from tests.support.zig.bridge_build import make_zig_bridge
from tests.support.zig.own_bridge import OwnBridge
from tools.dev_server import DevServer

ROOT = Path(__file__).parents[2]
BEFORE, AFTER = ROOT / "examples/migration/before", ROOT / "examples/migration/after"
DOWNLOADS = ROOT / "examples/migration/downloads"
# The Dockerfile after the migration is that of the example.
DOCKERFILES = (BEFORE / "Dockerfile", ROOT / "examples/docker/Dockerfile")
HEADER = "temporal-sdk-core-c-bridge.h"
NOTICE = "run-with-rust-toolchain.ts"
RUST_WORDS = re.compile(r"\b(cargo|rustc|rustup)\b")


def bun(
    *arguments: str | Path, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Bun as a consumer, with any exit status."""
    given = consumer_environ(environ)
    path = f"{Path(sys.executable).parent}{os.pathsep}{given['PATH']}"
    return subprocess.run(
        [Path(sys.executable).with_name("bun"), *arguments],
        cwd=cwd,
        env={**given, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["package.json", NOTICE, "temporal-bun-sdk.yml"])
def test_each_file_has_rust_before_and_not_after(name: str) -> None:
    assert RUST_WORDS.search((BEFORE / name).read_text())
    assert not RUST_WORDS.search((AFTER / name).read_text())


def test_dockerfile_has_rust_before_and_not_after() -> None:
    before, after = (RUST_WORDS.search(file.read_text()) for file in DOCKERFILES)
    assert (before is None, after is None) == (False, True)


def test_pinned_versions_match_the_project() -> None:
    zig = subprocess.run(
        [sys.executable, "-m", "ziglang", "version"], capture_output=True, text=True, check=True
    )
    assert (AFTER / "requirements.txt").read_text().splitlines()[1:] == [
        f"temporal-static-libs=={temporal_static_libs.__version__}",
        f"ziglang=={zig.stdout.strip()}",
    ]


@pytest.mark.parametrize("directory", [BEFORE, AFTER], ids=["before", "after"])
def test_script_is_run_by_bun(directory: Path) -> None:
    script = directory / NOTICE
    assert script.read_text().startswith("#!/usr/bin/env bun\n")
    assert os.access(script, os.X_OK)


def test_script_before_requires_a_toolchain(tmp_path: Path) -> None:
    environ = {**os.environ, "HOME": str(tmp_path)}
    done = bun(BEFORE / NOTICE, "echo", "compiled", cwd=tmp_path, environ=environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert "command not found: cargo; install Rust" in done.stderr


def test_script_after_prints_a_deprecation_and_runs_its_command(tmp_path: Path) -> None:
    done = bun(AFTER / NOTICE, "sh", "-c", "echo built; exit 7", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "built\n")
    assert done.stderr.startswith(f"{NOTICE} is deprecated: ")


def test_script_after_cannot_run_cargo(tmp_path: Path) -> None:
    done = bun(AFTER / NOTICE, "cargo", "build", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr.splitlines()[-1] == f"{NOTICE}: command not found: cargo"


def test_scripts_in_package_json_after_the_migration(
    tmp_path: Path, repo_root: Path, package_dir: Path, dev_server: DevServer
) -> None:
    """Bun's script builds the bridge with archives in another directory, without Rust."""
    package = tmp_path / "temporal-bun-sdk"
    bridge = make_zig_bridge(package / "native" / "temporal-bun-bridge-zig")
    shutil.copyfile(AFTER / "package.json", package / "package.json")
    archives = tmp_path / "archives"
    shutil.copytree(package_dir / "lib", archives)
    environ = {**os.environ, "TEMPORAL_LIBS_DIR": str(archives)}

    checked = bun("run", "libs:check", cwd=package, environ=environ)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert str(archives) in checked.stdout
    built = bun("run", "build:native", cwd=package, environ=environ)
    assert built.returncode == 0, built.stdout + built.stderr
    done = bridge.demo("--target-url", dev_server.url, "--timeout-millis", "60000")
    assert (done.returncode, done.stderr) == (0, "")
    assert "result: 12586269025" in done.stdout.splitlines()


BRIDGE_OF_DOWNLOADS = """\
const c = @cImport(@cInclude("temporal-sdk-core-c-bridge.h"));

export fn bridge_version() [*:0]const u8 {
    return c.temporal_static_libs_version();
}
"""


def built_version(bridge: Path) -> str:
    """Build and load the bridge, and return its version."""
    done = OwnBridge(bridge).build(environ={"VIRTUAL_ENV": sys.prefix})
    assert done.returncode == 0, done.stderr
    library = bridge / "zig-out" / "lib" / "libtemporal_bun_bridge_zig.so"
    program = f"import ctypes; f = ctypes.CDLL({str(library)!r}).bridge_version\n"
    program += "f.restype = ctypes.c_char_p; print(f().decode())"
    return subprocess.check_output([sys.executable, "-c", program], text=True).strip()


def test_repository_with_downloads_still_builds_after_the_cleanup(
    tmp_path: Path, package_dir: Path
) -> None:
    """First with five archives in a cache and the header in the repository, then without both."""
    package = tmp_path / "packages" / "temporal-bun-sdk"
    bridge = package / "native" / "temporal-bun-bridge-zig"
    cache, header = package / ".temporal-libs-cache", bridge / "include"
    platform = temporal_static_libs.library_set()
    archives = cache / "latest" / f"{platform.platform}-{platform.architecture}"
    for directory in (archives, header, bridge / "src"):
        directory.mkdir(parents=True)
    (bridge / "src" / "lib.zig").write_text(BRIDGE_OF_DOWNLOADS)
    shutil.copyfile(DOWNLOADS / "build.zig", bridge / "build.zig")
    shutil.copyfile(DOWNLOADS / "package.json", package / "package.json")
    shutil.copyfile(temporal_static_libs.include_dir() / HEADER, header / HEADER)
    subprocess.run(["cc", "-c", "-xc", os.devnull, "-o", tmp_path / "empty.o"], check=True)
    for name in re.findall('^    "(.+)",$', (DOWNLOADS / "build.zig").read_text(), re.MULTILINE):
        archive = archives / f"lib{name}.a"
        if name == "temporal_sdk_core":
            archive.symlink_to(package_dir / "lib" / archive.name)
        else:  # What was in these is in that one.
            subprocess.run(["ar", "rcs", archive, tmp_path / "empty.o"], check=True)
    assert len(list(archives.iterdir())) == 5
    assert built_version(bridge) == temporal_static_libs.__version__

    for file in ("build.zig", "package.json"):
        shutil.copyfile(AFTER / file, (bridge if file == "build.zig" else package) / file)
    printed = subprocess.check_output([sys.executable, "-m", "temporal_static_libs", "--zig"])
    (bridge / "temporal_libs.zig").write_bytes(printed)
    for directory in (cache, header, bridge / "zig-out", bridge / ".zig-cache"):
        shutil.rmtree(directory)
    assert built_version(bridge) == temporal_static_libs.__version__
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    (search,) = commands(ROOT / "docs" / "migration.md", "Phase 4: Clean-up")
    found = subprocess.run(search, shell=True, cwd=tmp_path, capture_output=True, check=False)
    assert (found.returncode, found.stdout) == (1, b"")


def test_search_for_leftovers_finds_each_file_from_before() -> None:
    (search,) = commands(ROOT / "docs" / "migration.md", "Phase 4: Clean-up")
    words = re.findall(r"-e (\S+)", search)
    for directory, names in {
        BEFORE: ["package.json", "temporal-bun-sdk.yml", "Dockerfile"],
        DOWNLOADS: ["package.json", "temporal-bun-sdk.yml", "build.zig"],
    }.items():
        for name in names:
            text = (directory / name).read_text()
            assert any(word in text for word in words), (directory, name)


def test_workflow_after_runs_scripts_in_package_json() -> None:
    scripts = json.loads((AFTER / "package.json").read_text())["scripts"]
    called = re.findall(r"bun run (\S+)", (AFTER / "temporal-bun-sdk.yml").read_text())
    assert called == ["build:native"]
    assert set(called) <= set(scripts)
