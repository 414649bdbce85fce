"""TEMPORAL_LIBS_METRICS: one line for each search for archives."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from temporal_static_libs import __version__
from tests.support.pip.tiny_package import TinyPackage

if TYPE_CHECKING:
    from tests.wheel.conftest import Command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file that the variable names."""
    return tmp_path / "metrics.jsonl"


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The parsed lines of the file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_resolution_has_a_line(command: Command, file: Path) -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    for option in ("--verify", "--libdir"):
        command.lines(option, environ={"TEMPORAL_LIBS_METRICS": str(file)})
    first, second = lines_of(file)
    assert set(first) == {"time", "version", "source", "checked", "outcome", "milliseconds"}
    assert (first["version"], first["source"], first["outcome"]) == (__version__, "wheel", "ok")
    assert (first["checked"], second["checked"]) == ("hashed", "remembered")
    assert first["milliseconds"] > 0
    moment = datetime.datetime.fromisoformat(first["time"])
    assert moment >= before.replace(microsecond=0)


def test_option_that_needs_no_archive_writes_no_line(command: Command, file: Path) -> None:
    options = ("--version", "--prefix", "--includedir", "--cflags")
    command.lines(*options, environ={"TEMPORAL_LIBS_METRICS": str(file)})
    assert not file.exists()


def test_functions_write_lines_too(file: Path, tmp_path: Path) -> None:
    program = (
        "import temporal_static_libs as t\n"
        "t.lib_dir(); t.library_set(); t.link_flags('client'); t.verify()\n"
    )
    environ = {
        "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache"),
        "TEMPORAL_LIBS_METRICS": str(file),
    }
    subprocess.run([sys.executable, "-c", program], env=environ, cwd="/", check=True)
    assert [line["checked"] for line in lines_of(file)] == [
        *("hashed", "remembered", "remembered", "hashed")
    ]


def test_failure_writes_a_line_with_the_name_of_the_error(script: Command, file: Path) -> None:
    environ = {"TEMPORAL_LIBS_METRICS": str(file), "TEMPORAL_LIBS_DIR": "/none"}
    assert script.run("--libdir", environ=environ).returncode == 1
    (line,) = lines_of(file)
    assert (line["outcome"], line["source"], line["checked"]) == ("MissingLibraryError", None, None)


def test_line_distinguishes_fallback_from_wheel(tiny_package: TinyPackage, file: Path) -> None:
    tiny_package.break_wheel()
    settings = {"TEMPORAL_LIBS_FALLBACK": "compile", "TEMPORAL_LIBS_METRICS": str(file)}
    tiny_package.answer("--libdir", **settings)
    tiny_package.config("--libdir", TEMPORAL_LIBS_METRICS=str(file))
    assert [(line["source"], line["outcome"]) for line in lines_of(file)] == [
        ("compiled", "ok"),
        ("wheel", "ChecksumMismatchError"),
    ]


def test_unwritable_file_is_reported_but_changes_nothing(script: Command) -> None:
    done = script.run("--libdir", environ={"TEMPORAL_LIBS_METRICS": "/none/metrics"})
    assert done.returncode == 0
    assert done.stdout == script.run("--libdir").stdout
    assert done.stderr.decode() == (
        "temporal-libs-config: warning: cannot append to TEMPORAL_LIBS_METRICS=/none/metrics: "
        "No such file or directory\n"
    )
