"""A wheel for Windows: the archives of each toolchain, and which ones the answers use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pkgconf
import pytest

from temporal_static_libs._cli.recall import ANSWERS
from tests.support.installation.windows import TRIPLES, ask, make_windows_package

Make = Callable[[Iterable[str]], Path]
BOTH = ("gnu", "msvc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that replaces each archive, because nothing here links it."""
    file = tmp_path_factory.mktemp("library") / "library"
    file.write_bytes(b"!<arch>\n" * 100)
    return file


@pytest.fixture
def make(package_dir: Path, library: Path, tmp_path: Path) -> Make:
    """A function that makes a directory with a package for Windows and these toolchains."""

    def of(toolchains: Iterable[str]) -> Path:
        site = tmp_path / "site"
        make_windows_package(package_dir, site, library, toolchains)
        time.sleep(0.05)  # files that are too new are not remembered
        return site

    return of


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEMPORAL_LIBS_CACHE_DIR", str(tmp_path / "cache"))


def lines(site: Path, *options: str, **variables: str) -> list[str]:
    done = ask(site, *options, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def refused(site: Path, *options: str, **variables: str) -> list[str]:
    done = ask(site, *options, **variables)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


def expected(site: Path, toolchain: str) -> dict[str, str]:
    package = f"{site}/temporal_static_libs"
    directory = f"{package}/lib/windows-x64-{toolchain}"
    common = {
        "--libdir": directory,
        "--target": TRIPLES[toolchain],
        "--platform": f"windows-x64-{toolchain}",
        "--frameworks": "",
    }
    if toolchain == "gnu":
        return {
            **common,
            "--libs": f"{directory}/libtemporal_sdk_core.a -lntdll -lgcc_eh",
            "--libfiles": f"{directory}/libtemporal_sdk_core.a",
            "--system-libs": "-lntdll -lgcc_eh",
            "--cflags": f"-I{package}/include",
            "--ldflags": "-Wl,--gc-sections",
        }
    return {
        **common,
        "--libs": f"{directory}/temporal_sdk_core.lib ntdll.lib",
        "--libfiles": f"{directory}/temporal_sdk_core.lib",
        "--system-libs": "ntdll.lib",
        "--cflags": f"/I{package}/include",
        "--ldflags": "/link /OPT:REF",
    }


@pytest.mark.parametrize(
    ("held", "options", "toolchain"),
    [
        pytest.param(("gnu",), (), "gnu", id="only-gnu"),
        pytest.param(("msvc",), (), "msvc", id="only-msvc"),
        pytest.param(BOTH, (), "gnu", id="both"),
        pytest.param(BOTH, ("--toolchain", "gnu"), "gnu", id="both-gnu"),
        pytest.param(BOTH, ("--toolchain", "msvc"), "msvc", id="both-msvc"),
        pytest.param(BOTH, ("--toolchain=msvc",), "msvc", id="both-msvc-equals"),
    ],
)
def test_answers_use_the_selected_toolchain_or_the_default(
    make: Make, held: tuple[str, ...], options: tuple[str, ...], toolchain: str
) -> None:
    site = make(held)
    wanted = expected(site, toolchain)
    assert lines(site, *options, *wanted) == list(wanted.values())
    answer = json.loads(lines(site, *options, "--json")[0])
    assert answer["toolchains"] == list(held)
    assert answer["libdir"] == wanted["--libdir"]
    (own,) = (it for it in answer["platforms"] if it["platform"] == wanted["--platform"])
    assert own == {
        "platform": wanted["--platform"],
        "wheel_tag": "win_amd64",
        "zig_target": f"x86_64-windows-{toolchain}",
    }


def loaded_by(site: Path, *options: str) -> tuple[list[str], set[str]]:
    """Run the command; return its output and the names of the modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "temporal_static_libs", *options],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    return done.stdout.splitlines(), loaded


@pytest.mark.parametrize("choice", [(), ("--toolchain", "gnu"), ("--toolchain", "msvc")])
def test_second_answer_is_quick_and_the_same(make: Make, choice: tuple[str, ...]) -> None:
    site = make(BOTH)
    cold, loaded = loaded_by(site, *choice, *ANSWERS)
    assert {"_hashlib", "argparse"} <= loaded
    quick, loaded = loaded_by(site, *choice, *ANSWERS)
    assert quick == cold
    assert not {"_hashlib", "argparse", "dataclasses", "json", "pathlib", "re"} & loaded


def test_quick_answers_need_unchanged_archives(make: Make) -> None:
    site = make(BOTH)
    for toolchain in BOTH:
        lines(site, "--libs", "--toolchain", toolchain)
    directory = site / "temporal_static_libs/lib/windows-x64-msvc"
    with (directory / "temporal_client.lib").open("ab") as archive:
        archive.write(b"!")
    first, *_ = refused(site, "--libs", "--toolchain", "msvc")
    assert "temporal_client.lib was altered: " in first
    lines(site, "--libs")  # those for gnu are unchanged
    (directory / "m.lib").touch()
    first, *_ = refused(site, "--libs", "--toolchain", "msvc")
    assert "m.lib is not recorded: " in first


def test_toolchain_without_a_value_is_bad_usage_each_time(make: Make) -> None:
    site = make(("gnu",))
    lines(site, "--libs")
    for options in (("--libs", "--toolchain"), ("--libs", "--toolchain", "clang")):
        done = ask(site, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--toolchain: " in done.stderr


@pytest.mark.parametrize("option", ["--libs", "--cflags", "--json", "--verify", "--includedir"])
def test_error_for_a_missing_toolchain_lists_the_available_ones(make: Make, option: str) -> None:
    site = make(("gnu",))
    for _ in range(2):  # also after the others are remembered
        first, file, _, fix = refused(site, option, "--toolchain", "msvc")
        assert first == (
            "temporal-libs-config: error: there are no archives for the toolchain 'msvc'; "
            "available: gnu"
        )
        assert file == f"  file:   {site}/temporal_static_libs/lib"
        assert fix == "  fix:    choose gnu, or leave the toolchain out"
        lines(site, "--libs")


@pytest.mark.parametrize("option", ["--libs", "--cflags", "--json", "--includedir"])
def test_toolchain_is_refused_by_a_package_for_another_system(option: str) -> None:
    command = [sys.executable, "-m", "temporal_static_libs", option]
    for _ in range(2):
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run(
            [*command, "--toolchain", "gnu"], cwd="/", capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "error: a toolchain can be selected only for Windows; these archives are for " in (
            done.stderr
        )


def test_directory_without_its_manifest_counts_as_damaged(make: Make) -> None:
    site = make(BOTH)
    lib = site / "temporal_static_libs/lib"
    lines(site, "--libs")
    (lib / "windows-x64-gnu/manifest.json").unlink()
    first, file, *_ = refused(site, "--libs")
    assert first.endswith(" manifest.json is missing")
    assert file == f"  file:   {lib}/windows-x64-gnu/manifest.json"
    lines(site, "--libs", "--toolchain", "msvc")
    shutil.rmtree(lib)
    first, file, *_ = refused(site, "--libs")
    assert file == f"  file:   {lib}/manifest.json"


def test_override_must_be_for_the_selected_toolchain(make: Make) -> None:
    site = make(BOTH)
    override = str(site / "temporal_static_libs/lib/windows-x64-msvc")
    for options in ((), ("--toolchain", "msvc")):
        answered = lines(site, *options, "--libdir", "--system-libs", TEMPORAL_LIBS_DIR=override)
        assert answered == [override, "ntdll.lib"]
    first, file, *_ = refused(site, "--libs", "--toolchain", "gnu", TEMPORAL_LIBS_DIR=override)
    assert first.endswith("toolchain 'gnu'; available: msvc")
    assert file == f"  file:   {override}"


def test_nothing_is_compiled_for_another_toolchain(make: Make) -> None:
    site = make(("gnu",))
    shutil.copytree(
        Path(__file__).parent / "tiny_workspace", site / "temporal_static_libs" / "rust"
    )
    variables = {"USE_PREBUILT_LIBS": "false", "TEMPORAL_LIBS_TARGET": TRIPLES["gnu"]}
    first, *_ = refused(site, "--libs", "--toolchain", "msvc", **variables)
    assert first.endswith("toolchain 'msvc'; available: gnu")


def test_python_functions_accept_the_toolchain(make: Make) -> None:
    site = make(BOTH)
    program = (
        "import temporal_static_libs as t\n"
        "for it in ({}, {'toolchain': 'msvc'}):\n"
        "    t.verify(**it)\n"
        "    print(t.lib_dir(**it).name, t.link_flags(**it)[1:], t.library_set(**it).platform)\n"
        "try:\n"
        "    t.lib_dir(toolchain='clang')\n"
        "except t.MissingLibraryError as error:\n"
        "    print(str(error).splitlines()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "windows-x64-gnu ('-lntdll', '-lgcc_eh') windows",
        "windows-x64-msvc ('ntdll.lib',) windows",
        "there are no archives for the toolchain 'clang'; available: gnu, msvc",
    ]


def test_doctor_checks_the_archives_of_each_toolchain(make: Make) -> None:
    site = make(BOTH)
    report = ask(site, "--doctor").stdout
    for toolchain in BOTH:
        assert f"ok      target: {TRIPLES[toolchain]} (windows-x64-{toolchain})\n" in report
    assert "ok      archive: temporal_client.lib, SHA-256 " in report
    (site / "temporal_static_libs/lib/windows-x64-msvc/temporal_client.lib").unlink()
    done = ask(site, "--doctor")
    assert done.returncode == 1
    assert "broken  archive: temporal_client.lib is missing; " in done.stdout


def test_pkg_config_modules_match_the_toolchain(make: Make) -> None:
    site = make(BOTH)
    package = site / "temporal_static_libs"
    unwinder = {"gnu": ["-lgcc_eh"], "msvc": []}
    for options, name in (((), "gnu"), (("--toolchain", "msvc"), "msvc")):
        (directory,) = lines(site, *options, "--pkgconfigdir")
        assert (directory == f"{package}/lib/pkgconfig") == (name == "gnu")
        done = subprocess.run(
            [pkgconf.get_executable(), "--cflags", "--libs", "temporal-client"],
            env={**os.environ, "PKG_CONFIG_PATH": directory},
            capture_output=True,
            text=True,
            check=True,
        )
        include, libraries, *links = done.stdout.split()
        assert os.path.samefile(include.removeprefix("-I"), package / "include")
        directory = libraries.removeprefix("-L")
        assert os.path.samefile(directory, package / f"lib/windows-x64-{name}")
        assert links == ["-ltemporal_client", "-lntdll", *unwinder[name]]
