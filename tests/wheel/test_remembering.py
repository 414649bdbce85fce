"""Verified once, an archive is not hashed again until something has changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pip.tiny_package import TinyPackage

LEADS_TO_AN_ARCHIVE = ("--libdir", "--libs", "--libfiles", "--ldflags", "--json")
OF_PATHS = ("--version", "--prefix", "--libdir", "--includedir")


@pytest.fixture
def environ(copy_site: Callable[[Path], Path], tmp_path: Path) -> dict[str, str]:
    """What puts a copy of the package in front of the installed one, with a memory of its own."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(copy_site(tmp_path / "site").parent),
        "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache"),
    }
    time.sleep(0.05)  # links to a file change its ctime
    return environ


def config(environ: dict[str, str], *options: str) -> tuple[list[str], bool]:
    """Run temporal-libs-config.

    Returns:
        What it prints, and whether it has loaded what hashes.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "temporal_static_libs", *options],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines(), " _hashlib\n" in done.stderr


@pytest.mark.parametrize("option", LEADS_TO_AN_ARCHIVE)
def test_second_answer_is_the_same_and_costs_no_hash(environ: dict[str, str], option: str) -> None:
    cold, hashed = config(environ, option)
    assert hashed
    assert config(environ, option) == (cold, False)
    assert config({**environ, "TEMPORAL_LIBS_FALLBACK": "compile"}, option) == (cold, False)


def test_what_one_answer_has_verified_another_goes_by(environ: dict[str, str]) -> None:
    config(environ, "--libs")
    program = (
        "import temporal_static_libs as t; print(t.lib_dir()); t.library_set(); t.link_flags()"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert " _hashlib\n" not in done.stderr
    assert config(environ, "--libdir") == (done.stdout.splitlines(), False)


def test_verify_hashes_each_time(environ: dict[str, str]) -> None:
    for _ in range(2):
        lines, hashed = config(environ, "--verify")
        assert lines == ["ok: libtemporal_sdk_core.a libtemporal_client.a"]
        assert hashed
    assert config(environ, "--libs")[1] is False


def test_answers_of_paths_are_the_same_by_either_way(environ: dict[str, str]) -> None:
    """Those that are given before the rest is loaded, and those that are not."""
    cold, hashed = config(environ, *OF_PATHS)
    assert hashed
    assert config(environ, *OF_PATHS) == (cold, False)
    for option, answer in zip(OF_PATHS, cold, strict=True):
        assert config(environ, option)[0] == [answer]
        assert config({**environ, "USE_PREBUILT_LIBS": "true"}, option)[0] == [answer]


@pytest.mark.parametrize("kind", ["override", "compiled"])
def test_other_archives_than_the_wheels_are_remembered_too(
    tiny_package: TinyPackage, package_dir: Path, kind: str
) -> None:
    if kind == "override":
        settings = {"TEMPORAL_LIBS_DIR": str(package_dir / "lib")}
    else:
        settings = {"USE_PREBUILT_LIBS": "false"}
        tiny_package.answer("--libdir", **settings)
        time.sleep(0.05)
    environ = {**tiny_package.environ, **settings}
    cold, _ = config(environ, "--libs")
    names = [path.name for path in (tiny_package.cache / "verified").iterdir()]
    assert [name.partition("-")[0] for name in names] == [kind]
    assert config(environ, "--libs")[0] == cold


def test_cache_that_cannot_be_made_is_no_trouble(environ: dict[str, str]) -> None:
    environ["TEMPORAL_LIBS_CACHE_DIR"] = "/proc/none"
    cold, hashed = config(environ, "--libdir")
    assert hashed
    assert config(environ, "--libdir") == (cold, True)


def test_many_calls_at_once_on_a_cold_memory_leave_it_whole(
    environ: dict[str, str], tmp_path: Path
) -> None:
    calls = [
        subprocess.Popen(
            [sys.executable, "-m", "temporal_static_libs", "--libdir"],
            env=environ,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(64)
    ]
    results = {(*call.communicate(), call.returncode) for call in calls}
    lib = Path(environ["PYTHONPATH"], "temporal_static_libs", "lib")
    assert results == {(f"{lib}\n".encode(), b"", 0)}
    (receipt,) = (tmp_path / "cache" / "verified").iterdir()
    assert config(environ, "--libdir") == ([str(lib)], False)
    assert receipt.stat().st_mode & 0o777 == 0o600
