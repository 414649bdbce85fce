"""Packages in directories with any name, read-only, or unpacked without installing."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.programs.paths import consumer_environ

PROGRAM = Path(__file__).with_name("program.c")


@pytest.fixture(
    scope="module",
    params=["plain", "with a space", "Überraschung 例"],
    ids=["plain", "space", "not-ascii"],
)
def site(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The wheel, unpacked like a zip file into a directory that is then made read-only."""
    site = tmp_path_factory.mktemp("places") / request.param
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    paths = {site, *site.rglob("*")}
    directories = [path for path in paths if path.is_dir()]
    for directory in directories:
        directory.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield site
    # Permissions do not stop root from writing.
    assert {site, *site.rglob("*")} == paths
    for directory in directories:
        directory.chmod(stat.S_IRWXU)


def config(site: Path, *options: str) -> list[str]:
    """The output lines of the package in a directory."""
    done = subprocess.run(
        [sys.executable, "-m", "temporal_static_libs", *options],
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return os.fsdecode(done.stdout).splitlines()


def test_package_prints_its_own_directories(site: Path) -> None:
    package = site / "temporal_static_libs"
    assert config(site, "--libdir", "--includedir") == [
        str(package / "lib"),
        str(package / "include"),
    ]
    facts = json.loads("\n".join(config(site, "--json")))
    assert [Path(library["path"]).parent for library in facts["libraries"]] == [
        package / "lib",
        package / "lib",
    ]


def test_archives_are_verified(site: Path) -> None:
    assert config(site, "--verify") == ["ok: libtemporal_sdk_core.a libtemporal_client.a"]


def test_program_links_with_the_printed_flags(site: Path, tmp_path: Path) -> None:
    compiler = require_program("cc")
    flags = shlex.split(" ".join(config(site, "--cflags", "--ldflags", "--libs")))
    program = tmp_path / "program"
    command = [compiler, str(PROGRAM), *flags, "-o", str(program)]
    subprocess.run(command, env=consumer_environ(), check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Invalid options: ")


def test_python_interface_works_too(site: Path) -> None:
    program = "import temporal_static_libs as t; print(t.lib_dir(), t.library_set().platform)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": str(site),
        },
        cwd="/",
        capture_output=True,
        check=True,
    )
    lib = site / "temporal_static_libs" / "lib"
    assert done.stdout.decode("utf-8") == f"{lib} linux\n"
