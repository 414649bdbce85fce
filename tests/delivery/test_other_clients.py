"""uv and pipx, used as documented."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from benchmarks.harness.pip_user import PINNED, PipUser
from temporal_static_libs import __version__
from tests.support.docs.commands import commands, run
from tests.support.pip.wheel_files import sha256


@pytest.fixture
def environ(user: PipUser, delivery_programs: Path) -> dict[str, str]:
    """The user's environment with uv and pipx on PATH."""
    variables = dict(user.environ)
    del variables["PIP_PYTHON"]
    return {
        **variables,
        "PATH": f"{delivery_programs}{os.pathsep}{variables['PATH']}",
        "VIRTUAL_ENV": str(user.environment),
        "UV_CACHE_DIR": str(user.home / "uv-cache"),
        "UV_DEFAULT_INDEX": user.environ["PIP_INDEX_URL"],
        "UV_NO_CONFIG": "1",
        "PIPX_HOME": str(user.home / "pipx"),
        "PIPX_BIN_DIR": str(user.home / "bin"),
        "PIPX_MAN_DIR": str(user.home / "man"),
    }


@pytest.fixture
def recipes(repo_root: Path) -> list[str]:
    """The documented commands for each client."""
    return commands(repo_root / "docs" / "download-client.md", "uv and pipx")


def uv(
    user: PipUser, environ: dict[str, str], *arguments: str, umask: int = -1
) -> subprocess.CompletedProcess[str]:
    """Run ``uv pip install``, with any exit status."""
    return subprocess.run(
        ["uv", "pip", "install", *arguments],
        cwd=user.home,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        umask=umask,
    )


def test_uv_installs_and_then_reinstalls_offline(
    user: PipUser, environ: dict[str, str], recipes: list[str]
) -> None:
    del environ["VIRTUAL_ENV"]
    asked = ".venv/bin/temporal-libs-config --verify --platform"
    assert run(f"{recipes[0]}\n{asked}", user.home, environ).endswith("\nlinux-x64\n")
    environ["VIRTUAL_ENV"] = str(user.environment)
    again = uv(user, environ, "--offline", PINNED)
    assert again.returncode == 0, again.stdout
    assert user.verified() == "linux-x64"


def test_uv_adds_to_a_project(user: PipUser, environ: dict[str, str], recipes: list[str]) -> None:
    del environ["VIRTUAL_ENV"]
    project = user.home / "project"
    run(f"uv init --bare\n{recipes[1]}", project, environ)
    assert f'"{PINNED}"' in (project / "pyproject.toml").read_text()
    printed = run("uv run temporal-libs-config --verify", project, environ)
    assert printed.endswith("ok: libtemporal_sdk_core.a libtemporal_client.a\n")


def test_uv_runs_the_command_once(
    user: PipUser, environ: dict[str, str], recipes: list[str], package_dir: Path
) -> None:
    run(recipes[2], user.home, environ)
    printed = (user.home / "temporal_libs.zig").read_bytes()
    assert printed == (package_dir / "share" / "zig" / "temporal_libs.zig").read_bytes()
    assert user.versions() == []


def test_uv_lines_of_the_readme(
    user: PipUser, environ: dict[str, str], repo_root: Path, package_dir: Path
) -> None:
    del environ["VIRTUAL_ENV"]
    (script,) = commands(repo_root / "README.md", "With uv")
    run(script, user.home, environ)
    printed = (user.home / "temporal_libs.zig").read_bytes()
    assert printed == (package_dir / "share" / "zig" / "temporal_libs.zig").read_bytes()


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_install_by_uv_under_umask_002_is_accepted(
    user: PipUser, environ: dict[str, str], mode: str
) -> None:
    done = uv(user, {**environ, "UV_LINK_MODE": mode}, PINNED, umask=0o002)
    assert done.returncode == 0, done.stdout
    assert user.verified() == "linux-x64"
    done = subprocess.run(
        [user.environment / "bin" / "temporal-libs-config", "--doctor"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    note = r"^ok      permissions: the group can write to \S+/lib \(drwxrwxr-x\), "
    assert re.search(note, done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("right", [True, False], ids=["right-hash", "wrong-hash"])
def test_uv_checks_hashes(
    right: bool, user: PipUser, environ: dict[str, str], published_wheel: Path
) -> None:
    digest = sha256(published_wheel) if right else "0" * 64
    (user.home / "requirements.txt").write_text(f"{PINNED} --hash=sha256:{digest}\n")
    done = uv(user, environ, "--require-hashes", "-r", "requirements.txt")
    assert (done.returncode == 0) == right, done.stdout
    assert (user.versions() == [__version__]) == right


def test_pipx_installs_the_program(
    user: PipUser, environ: dict[str, str], recipes: list[str]
) -> None:
    run(recipes[3], user.home, environ)
    program = user.home / "bin" / "temporal-libs-config"
    done = subprocess.run(
        [program, "--verify", "--platform"], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "linux-x64"
