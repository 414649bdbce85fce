"""Unusual paths: every format prints them correctly, or refuses them by name."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pkgconf
import pytest

from tests.support.ci.skips import require_program
from tests.support.programs.paths import consumer_environ
from tests.wheel.test_cli import EVERY_OPTION

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UTF8 = {"LC_ALL": "C.UTF-8"}
PROGRAM = Path(__file__).with_name("program.c")

ONE_LINE_OF_A_PATH = (
    *("--prefix", "--libdir", "--includedir", "--interface", "--libs", "--libfiles"),
    *("--cflags", "--cmakedir", "--protodir", "--zigdir"),
)


class Place:
    """A copy of the installed package in a directory with a given name."""

    def __init__(self, site: Path, cache: Path) -> None:
        self.package = site / "temporal_static_libs"
        self.environ = {
            **{name: it for name, it in os.environ.items() if not name.startswith("LC_")},
            "PYTHONPATH": str(site),
            "TEMPORAL_LIBS_CACHE_DIR": str(cache),
        }

    def run(self, *options: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run temporal-libs-config, with any exit status."""
        return subprocess.run(
            [sys.executable, "-m", "temporal_static_libs", *options],
            env={**self.environ, **variables},
            cwd="/",
            capture_output=True,
            check=False,
        )

    def answer(self, *options: str, **variables: str) -> str:
        """The output of a successful call, without the last line break."""
        done = self.run(*options, **variables)
        assert (done.returncode, done.stderr) == (0, b"")
        return os.fsdecode(done.stdout).removesuffix("\n")

    def refusal(self, option: str, **variables: str) -> str:
        """The message of a refusal."""
        done = self.run(option, **variables)
        assert (done.returncode, done.stdout) == (1, b"")
        return done.stderr.decode("ascii")


@pytest.fixture
def place(copy_site: Callable[[Path], Path], tmp_path: Path) -> Callable[[str], Place]:
    """A function that puts the package into a directory with a given name."""

    def put(name: str) -> Place:
        site = tmp_path / name
        copy_site(site)
        return Place(site, tmp_path / "cache")

    return put


# Without ':', because PYTHONPATH, which locates the copies, cannot contain one.
HARMLESS = "a $b ${c} <d> 'e' \"f\" #g ]]h &i `j` *k ,l @m@ =n %o (p) !q [r] {s} ?t ^u ~v"


def test_every_option_prints_in_every_locale(place: Callable[[str], Place]) -> None:
    here = place("Überraschung 例")
    alone = ("--doctor", "--zig", "--completion=bash", "--completion=fish", "--completion=zsh")
    for options in (EVERY_OPTION, *((it,) for it in alone), ("--help",)):
        ascii_, utf8 = here.run(*options, **C_LOCALE), here.run(*options, **UTF8)
        assert (ascii_.returncode, ascii_.stderr) == (0, b""), options
        assert ascii_.stdout == utf8.stdout, options
    assert json.loads(here.answer("--json", **C_LOCALE))["prefix"] == str(here.package)


@pytest.mark.parametrize("locale", [C_LOCALE, UTF8], ids=["C", "UTF-8"])
def test_path_that_is_not_utf8(place: Callable[[str], Place], locale: dict[str, str]) -> None:
    here = place(os.fsdecode(b"a\xffb"))
    assert here.answer("--libdir", **locale) == f"{here.package}/lib"
    (flag,) = shlex.split(here.answer("--cflags", **locale))
    assert flag == f"-I{here.package}/include"
    said = here.refusal("--json", **locale)
    assert "JSON cannot contain this path: it is not UTF-8" in said
    assert "/a\\xffb/temporal_static_libs" in said
    report = json.loads(here.run("--doctor", "--json", **locale).stdout)
    assert any("a\\xffb" in it["finding"] for it in report["findings"])
    (here.package / "lib" / "libtemporal_client.a").unlink()
    assert f"{os.path.dirname(here.package.parent)}/a\\xffb/" in here.refusal("--libs", **locale)


def test_line_break_in_the_path_is_refused_except_in_json(place: Callable[[str], Place]) -> None:
    here = place("a\nb")
    assert json.loads(here.answer("--json"))["libdir"] == f"{here.package}/lib"
    for option in (*ONE_LINE_OF_A_PATH, *ONE_LINE_OF_A_PATH[:2]):
        said = here.refusal(option)
        assert f"{option} cannot print a path that contains a line break:" in said
        assert "/a\\nb/" in said
        assert len(said.splitlines()) == 3
    here.answer("--version", "--target", "--system-libs")
    (here.package / "lib" / "libtemporal_client.a").unlink()
    assert f"\n  file:   {here.package.parent.parent}/a\\nb/" in here.refusal("--libs")


@pytest.mark.parametrize("name", [HARMLESS, "a;b", "a|b", "a\\b", "a\tb", "a\rb", "-a"])
def test_shell_and_json_can_have_any_other_path(place: Callable[[str], Place], name: str) -> None:
    here = place(name)
    assert json.loads(here.answer("--json"))["libdir"] == f"{here.package}/lib"
    assert here.answer("--libdir") == f"{here.package}/lib"
    script = '"$0" -m temporal_static_libs --cflags --libfiles | xargs printf "%s\\0"'
    evaluated = 'eval "set -- $("$0" -m temporal_static_libs --cflags)"; printf "%s\\0" "$@"'
    archive = f"{here.package}/lib/libtemporal_sdk_core.a"
    expected = [f"-I{here.package}/include", archive]
    for code, count in ((script, 2), (evaluated, 1)):
        done = subprocess.run(
            ["sh", "-c", code, sys.executable],
            env=here.environ,
            cwd="/",
            capture_output=True,
            check=True,
        )
        assert os.fsdecode(done.stdout).split("\0")[:count] == expected[:count]


@pytest.mark.parametrize("name", [HARMLESS, "a;b", "a|b", "a\\b", "a\tb", "a\rb", "a\nb"])
def test_pkg_config_gets_any_path_through_links(place: Callable[[str], Place], name: str) -> None:
    here = place(name)
    modules = here.answer("--pkgconfigdir")
    done = subprocess.run(
        [pkgconf.get_executable(), "--cflags", "--libs-only-L", "temporal-client"],
        env={"PKG_CONFIG_PATH": modules},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [os.path.realpath(flag[2:]) for flag in shlex.split(done.stdout)] == [
        f"{here.package}/include",
        f"{here.package}/lib",
    ]


@pytest.mark.parametrize("character", ["\\", ":", "${", "'", '"', "\t", "\r", "\n"])
def test_pkg_config_refuses_some_characters_in_the_cache_path(
    script_place: Place, tmp_path: Path, character: str
) -> None:
    cache = tmp_path / f"a{character}b}}"
    said = script_place.refusal("--pkgconfigdir", TEMPORAL_LIBS_CACHE_DIR=str(cache))
    names = {"\t": "a tab", "\r": "a carriage return", "\n": "a line break"}
    assert f"a path that contains {names.get(character, repr(character))}:" in said
    assert "or use --libs\n" in said
    assert not (cache / "build-systems").exists()


@pytest.fixture
def script_place(place: Callable[[str], Place], package_dir: Path, tmp_path: Path) -> Place:
    """A package with files in the cache, because its archives are an override."""
    here = place("plain")
    override = tmp_path / "override"
    shutil.copytree(package_dir / "lib", override, copy_function=os.link)
    here.environ["TEMPORAL_LIBS_DIR"] = str(override)
    return here


@pytest.mark.parametrize("character", [";", "|", "\\", "$<", "$(", '"', "\t", "\r", "\n"])
def test_cmake_refuses_some_characters(place: Callable[[str], Place], character: str) -> None:
    here = place(f"a{character}b")
    said = here.refusal("--cmakedir")
    names = {"\t": "a tab", "\r": "a carriage return", "\n": "a line break"}
    expected = names.get(character, repr(character))
    assert f"--cmakedir cannot print a path that contains {expected}:" in said
    assert f"  file:   {str(here.package / 'lib')!r}\n" in said


def test_cmake_refuses_a_colon_in_an_override(
    script_place: Place, tmp_path: Path, package_dir: Path
) -> None:
    override = tmp_path / "a:b"
    shutil.copytree(package_dir / "lib", override, copy_function=os.link)
    link = tmp_path / "link"
    link.symlink_to(override)
    for directory in (override, link):
        said = script_place.refusal("--cmakedir", TEMPORAL_LIBS_DIR=str(directory))
        assert "a path that contains ':':" in said
        assert str(override) in said


def test_cmake_builds_with_any_other_path(place: Callable[[str], Place], tmp_path: Path) -> None:
    require_program("cc")
    here = place(HARMLESS.replace('"', ""))
    source, build = tmp_path / "source", tmp_path / "build"
    source.mkdir()
    shutil.copy(PROGRAM, source)
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\nproject(program C)\n"
        "find_package(TemporalStaticLibs CONFIG REQUIRED COMPONENTS client)\n"
        "add_executable(program program.c)\n"
        "target_link_libraries(program Temporal::client)\n"
    )
    cmake = Path(sysconfig.get_path("scripts"), "cmake")
    found = f"-DTemporalStaticLibs_DIR={here.answer('--cmakedir')}"
    steps: list[list[str | Path]] = [["-S", source, "-B", build, found], ["--build", build]]
    for step in steps:
        done = subprocess.run(
            [cmake, *step], env=consumer_environ(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    subprocess.run([build / "program"], check=True, capture_output=True)
