"""A damaged package: options that need an archive fail."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from temporal_static_libs import __version__

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

LEADS_TO_AN_ARCHIVE = (
    *("--libdir", "--libs", "--libfiles", "--ldflags", "--cmakedir", "--pkgconfigdir"),
    *("--sha256", "--json", "--verify"),
)
LEADS_TO_NONE = (
    *("--version", "--prefix", "--includedir", "--cflags", "--system-libs", "--frameworks"),
    *("--target", "--platform", "--abi", "--protodir"),
)

Damage = Callable[[Path], None]

# A user who is neither the current one nor root.
NOBODY = 65534


def delete(file: Path) -> None:
    """Like a cleanup."""
    file.unlink()


def truncate(file: Path) -> None:
    """Like a full disk."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])


def alter(file: Path) -> None:
    """Like a flipped bit."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)


def swap(file: Path) -> None:
    """Like a mix-up of the two archives."""
    one, other = file.parent.glob("*.a")
    spare = file.with_suffix(".spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def link_away(file: Path) -> None:
    """Like a user with archives elsewhere."""
    elsewhere = file.parent.parent / "elsewhere"
    elsewhere.mkdir()
    moved = file.rename(elsewhere / file.name)
    file.symlink_to(moved)


def give_away(file: Path) -> None:
    """Like a file written by another user."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    os.chown(file, NOBODY, NOBODY)


DAMAGES = pytest.mark.parametrize(
    ("damage", "problem"),
    [
        pytest.param(delete, "is missing", id="deleted"),
        pytest.param(truncate, "is truncated: it has", id="truncated"),
        pytest.param(alter, "was altered: SHA-256 mismatch: expected", id="altered"),
        pytest.param(swap, "is ", id="swapped"),  # one is truncated, the other altered
        pytest.param(link_away, "was replaced: it is a symbolic link to", id="linked-away"),
        # Only root can do this. For other users, see tests/unit/test_verify.py.
        *[pytest.param(give_away, "is not trusted: its owner, ", id="given-away")][
            : os.geteuid() == 0
        ],
    ],
)

REMEMBERED = pytest.mark.parametrize("is_remembered", [False, True], ids=["cold", "remembered"])


@pytest.fixture
def package(copy_site: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A copy of the installed package, which tests damage."""
    return copy_site(tmp_path / "site")


@pytest.fixture
def environ(package: Path) -> dict[str, str]:
    """Variables that put the copy before the installed package."""
    return {"PYTHONPATH": str(package.parent)}


@DAMAGES
@REMEMBERED
@pytest.mark.parametrize("file", ["libtemporal_sdk_core.a", "libtemporal_client.a"])
def test_damaged_archive(
    command: Command,
    package: Path,
    environ: dict[str, str],
    is_remembered: bool,
    damage: Damage,
    problem: str,
    file: str,
) -> None:
    if is_remembered:
        command.lines("--libdir", environ=environ)
    damage(package / "lib" / file)
    if damage is swap:
        file = "libtemporal_sdk_core.a"  # the first one that is checked
    for option in LEADS_TO_AN_ARCHIVE:
        done = command.run("--version", option, environ=environ)
        message = done.stderr.decode()
        assert done.returncode == 1, option
        assert done.stdout == b"", option
        assert message.startswith(f"temporal-libs-config: error: {file} {problem}")
        assert f"\n  file:   {package / 'lib' / file}\n" in message
        assert f"\n  source: wheel (temporal-static-libs {__version__})\n" in message
        assert message.endswith(
            f"\n  fix:    {shlex.quote(sys.executable)} -m pip install --force-reinstall "
            f"--no-cache-dir --upgrade --target {package.parent} "
            f"temporal-static-libs=={__version__}\n"
        )


def test_options_that_need_no_archive_work(
    command: Command, package: Path, environ: dict[str, str]
) -> None:
    delete(package / "lib" / "libtemporal_sdk_core.a")
    lines = command.lines(*LEADS_TO_NONE, environ=environ)
    assert lines[1] == str(package)
    assert len(lines) == len(LEADS_TO_NONE)


@pytest.mark.parametrize("call", ["lib_dir", "library_set", "link_flags", "verify"])
@DAMAGES
def test_damaged_archive_through_the_api(
    package: Path, environ: dict[str, str], damage: Damage, problem: str, call: str
) -> None:
    damage(package / "lib" / "libtemporal_client.a")
    file = "libtemporal_sdk_core.a" if damage is swap else "libtemporal_client.a"
    program = (
        "import temporal_static_libs as t\n"
        f"try: t.{call}()\n"
        "except (t.MissingLibraryError, t.ChecksumMismatchError) as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"{file} {problem}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(None, "manifest.json is missing", id="missing"),
        pytest.param('{"version": "0.', "manifest.json is damaged: ", id="cut"),
        pytest.param("{}", "manifest.json is damaged: the manifest has no ", id="empty"),
    ],
)
def test_damaged_manifest(
    command: Command, package: Path, environ: dict[str, str], content: str | None, problem: str
) -> None:
    manifest = package / "lib" / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    for option in (*LEADS_TO_AN_ARCHIVE, "--target", "--abi"):
        done = command.run(option, environ=environ)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode().startswith(f"temporal-libs-config: error: {problem}")
    assert command.lines("--version", environ=environ) == [__version__]


def test_manifest_with_an_unknown_target(
    command: Command, package: Path, environ: dict[str, str]
) -> None:
    file = package / "lib" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["target"] = "mips-unknown-linux-gnu"
    file.unlink()
    file.write_text(json.dumps(manifest))
    done = command.run("--ldflags", environ=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "the target 'mips-unknown-linux-gnu' is not supported" in done.stderr.decode()


def test_damaged_override_is_reported_as_an_override(
    command: Command, package: Path, tmp_path: Path
) -> None:
    truncate(package / "lib" / "libtemporal_client.a")
    done = command.run("--libs", environ={"TEMPORAL_LIBS_DIR": str(package / "lib")})
    message = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    assert "libtemporal_client.a is truncated" in message
    assert f"\n  source: override (TEMPORAL_LIBS_DIR={package / 'lib'})\n" in message
    assert "\n  fix:    unset TEMPORAL_LIBS_DIR " in message


def test_parent_of_the_archives_directory_gets_a_hint(command: Command, package: Path) -> None:
    done = command.run("--libs", environ={"TEMPORAL_LIBS_DIR": str(package)})
    message = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    assert "checksums.sha256 is missing" in message
    fix = f"set TEMPORAL_LIBS_DIR to {package / 'lib'}, the directory of the archives\n"
    assert message.endswith(f"\n  fix:    {fix}")
