"""After an archive is verified once, it is not hashed again until something changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_static_libs._cli.recall import ANSWERS
from tests.support.pip.tiny_package import TinyPackage

LEADS_TO_AN_ARCHIVE = ("--libdir", "--libs", "--libfiles", "--ldflags", "--json")
QUICK = (
    *("--version", "--prefix", "--libdir", "--includedir", "--libs", "--libfiles"),
    *("--system-libs", "--frameworks", "--cflags", "--ldflags", "--target", "--platform", "--abi"),
)


@pytest.fixture
def environ(copy_site: Callable[[Path], Path], tmp_path: Path) -> dict[str, str]:
    """Variables that put a copy of the package first, with a separate cache."""
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
        The lines it prints, and whether it loaded the hashing module.
    """
    lines, loaded = loaded_by(environ, *options)
    return lines, "_hashlib" in loaded


def loaded_by(environ: dict[str, str], *options: str) -> tuple[list[str], set[str]]:
    """Run temporal-libs-config.

    Returns:
        The lines it prints, and the names of the modules that it loaded.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "temporal_static_libs", *options],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    return done.stdout.splitlines(), loaded


@pytest.mark.parametrize("option", LEADS_TO_AN_ARCHIVE)
def test_second_answer_is_the_same_without_hashing(environ: dict[str, str], option: str) -> None:
    cold, hashed = config(environ, option)
    assert hashed
    assert config(environ, option) == (cold, False)
    assert config({**environ, "TEMPORAL_LIBS_FALLBACK": "compile"}, option) == (cold, False)


def test_other_options_reuse_a_verification(environ: dict[str, str]) -> None:
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


def test_verify_always_hashes_for_each_answer(environ: dict[str, str]) -> None:
    cold, _ = config(environ, "--libdir", "--libs")
    assert config(environ, "--libdir", "--libs") == (cold, False)
    always = {**environ, "TEMPORAL_LIBS_VERIFY": "always"}
    assert config(always, "--libdir", "--libs") == (cold, True)
    assert config({**environ, "TEMPORAL_LIBS_VERIFY": ""}, "--libdir", "--libs") == (cold, False)


@pytest.mark.parametrize("option", LEADS_TO_AN_ARCHIVE)
def test_library_planted_later_is_noticed_by_quick_answers(
    environ: dict[str, str], option: str
) -> None:
    config(environ, option)
    planted = Path(environ["PYTHONPATH"], "temporal_static_libs", "lib", "libm.so.6")
    planted.touch()
    done = subprocess.run(
        [sys.executable, "-m", "temporal_static_libs", option],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "libm.so.6 is not recorded: " in done.stderr


def test_verify_hashes_each_time(environ: dict[str, str]) -> None:
    for _ in range(2):
        lines, hashed = config(environ, "--verify")
        assert lines == ["ok: libtemporal_sdk_core.a libtemporal_client.a"]
        assert hashed
    assert config(environ, "--libs")[1] is False


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(("--component", "sdk-core"), id="sdk-core"),
        pytest.param(("--component", "client", "--static"), id="client-static"),
        pytest.param(("--component", "libtemporal_client.a"), id="file-name"),
    ],
)
def test_quick_answers_equal_those_of_the_whole_command(
    environ: dict[str, str], choice: tuple[str, ...]
) -> None:
    """Answers given before the rest is loaded equal those given afterwards."""
    options = (*choice, *QUICK)
    assert set(QUICK) == set(ANSWERS)
    cold, loaded = loaded_by(environ, *options)
    assert "argparse" in loaded
    quick, loaded = loaded_by(environ, *options)
    assert quick == cold
    assert not {"argparse", "dataclasses", "json", "pathlib", "re", "shlex"} & loaded
    asked = {
        **environ,
        "TEMPORAL_LIBS_FALLBACK": "compile",
    }  # which cannot be answered from the receipt alone
    assert loaded_by(asked, *options)[0] == cold
    for option, answer in zip(QUICK, cold, strict=True):
        assert config(environ, option, *choice) == ([answer], False)
        assert config({**environ, "USE_PREBUILT_LIBS": "true"}, *options)[0] == cold


def test_quick_answers_are_quoted_for_a_shell(
    copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": str(copy_site(tmp_path / "it's a site").parent),
        "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache"),
    }
    time.sleep(0.05)
    cold, _ = loaded_by(environ, *QUICK)
    quick, loaded = loaded_by(environ, *QUICK)
    assert quick == cold
    assert "argparse" not in loaded


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--component", "all", "--libs"), 2),
        (("--component", "", "--libs"), 2),
        (("--component", "--libs"), 2),
        (("--libs", "--component"), 2),
        (("--component", "client"), 2),
        (("--component", "client", "--libs", "--component", "client"), 2),
        (("--component", "client", "--libs", "--component=client"), 2),
        (("--libs", "--help"), 0),
        (("--libs", "--json"), 0),
    ],
)
def test_other_calls_load_the_whole_command(
    environ: dict[str, str], arguments: tuple[str, ...], status: int
) -> None:
    def run() -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "temporal_static_libs", *arguments],
            env=environ,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    cold = run()
    assert cold[0] == status
    config(environ, "--libs")
    assert run() == cold


def test_changed_manifest_is_read_again(environ: dict[str, str]) -> None:
    (before,), _ = config(environ, "--system-libs")
    config(environ, "--libs")
    file = Path(environ["PYTHONPATH"], "temporal_static_libs", "lib", "manifest.json")
    manifest = json.loads(file.read_text())
    for library in manifest["libraries"]:
        library["system_libraries"].append("more")
    file.unlink()
    file.write_text(json.dumps(manifest))
    time.sleep(0.05)
    assert config(environ, "--system-libs")[0] == [f"{before} -lmore"]
    config(environ, "--libs")
    assert config(environ, "--system-libs")[0] == [f"{before} -lmore"]


@pytest.mark.parametrize("name", ["a b", "a\tb", "a\nb", "ma\u00f1ana", ""])
def test_names_that_a_receipt_could_not_keep_are_refused(
    environ: dict[str, str], name: str
) -> None:
    file = Path(environ["PYTHONPATH"], "temporal_static_libs", "lib", "manifest.json")
    manifest = json.loads(file.read_text())
    for library in manifest["libraries"]:
        library["frameworks"] = [name]
    file.unlink()
    file.write_text(json.dumps(manifest))
    command = [sys.executable, "-m", "temporal_static_libs", "--libs", "--frameworks"]
    done = subprocess.run(command, env=environ, cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"'frameworks' is not a list of frameworks" in done.stderr


@pytest.mark.parametrize("kind", ["override", "compiled"])
def test_override_and_compiled_archives_are_remembered_too(
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


def test_cache_that_cannot_be_created_is_not_an_error(environ: dict[str, str]) -> None:
    environ["TEMPORAL_LIBS_CACHE_DIR"] = "/proc/none"
    cold, hashed = config(environ, "--libdir")
    assert hashed
    assert config(environ, "--libdir") == (cold, True)


def test_many_concurrent_first_calls_leave_a_valid_receipt(
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
