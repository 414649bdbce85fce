"""Where --cmakedir and --pkgconfigdir lead, for archives of every source."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pkgconf
import pytest

from tests.support.pip.tiny_package import TinyPackage

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

OPTIONS = ("--cmakedir", "--pkgconfigdir")
CONFIG = "TemporalStaticLibsConfig.cmake"


@pytest.fixture
def override(package_dir: Path, tmp_path: Path) -> Path:
    """A directory for TEMPORAL_LIBS_DIR, which has archives and what describes them."""
    directory = tmp_path / "over ride"
    names = ("*.cmake", "*.pc")
    shutil.copytree(
        package_dir / "lib",
        directory,
        ignore=shutil.ignore_patterns(*names),
        copy_function=os.link,
    )
    return directory


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache directory that does not exist."""
    return tmp_path / "cache"


def directories(directory: Path) -> list[str]:
    """Where the header and the archives are, that pkg-config modules lead to, in the end."""
    done = subprocess.run(
        [pkgconf.get_executable(), "--cflags", "--libs-only-L", "temporal-client"],
        env={"PKG_CONFIG_PATH": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [os.path.realpath(flag[2:]) for flag in shlex.split(done.stdout)]


def protodir(directory: Path) -> str:
    """Where the protobuf files are, that a pkg-config module leads to, in the end."""
    done = subprocess.run(
        [pkgconf.get_executable(), "--variable=protodir", "temporal-client"],
        env={"PKG_CONFIG_PATH": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    return os.path.realpath(done.stdout.removesuffix("\n"))


def test_those_of_the_wheel_need_no_cache(
    script: Command, package_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a user whom the system knows no home of."""
    for name in ("TEMPORAL_LIBS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    lib = package_dir / "lib"
    carried = [str(lib / "cmake" / "TemporalStaticLibs"), str(lib / "pkgconfig")]
    assert script.lines(*OPTIONS, environ={"HOME": "nowhere"}) == carried


def test_for_a_directory_of_archives_they_are_made(
    script: Command, package_dir: Path, override: Path, cache: Path
) -> None:
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    cmake, modules = (Path(line) for line in script.lines(*OPTIONS, environ=environ))
    assert cmake.is_relative_to(cache)
    assert (cmake / CONFIG).is_file()
    assert directories(modules) == [str(package_dir / "include"), str(override)]
    assert protodir(modules) == str(package_dir / "share/proto")


def test_what_was_made_is_answered_again_and_mended(
    script: Command, override: Path, cache: Path
) -> None:
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    (first,) = script.lines("--cmakedir", environ=environ)
    config = Path(first) / CONFIG
    text, made = config.read_text(), config.stat().st_ino
    assert script.lines("--cmakedir", environ=environ) == [first]
    assert config.stat().st_ino == made
    config.write_text("broken")
    root = config.parents[2]
    (root / "lib").unlink()
    (root / "lib").symlink_to("/nowhere")
    assert script.lines("--cmakedir", environ=environ) == [first]
    assert config.read_text() == text
    assert os.path.samefile(root / "lib", override)
    assert sorted(entry.name for entry in root.iterdir()) == [
        "cmake",
        "include",
        "lib",
        "pkgconfig",
        "proto",
    ]


# Leaves for each file that has been made what a killed process of the same number would, then asks.
_SAME_NUMBER = """
import os, pathlib, sys
for file in [*pathlib.Path(sys.argv[1]).rglob("*")]:
    if file.is_symlink() or file.is_file():
        for name in (f".{file.name}.{os.getpid()}", f"{file.name}.{os.getpid()}.new"):
            file.with_name(name).symlink_to("/nowhere/at/all")
        file.unlink()
sys.argv[1:] = ["--cmakedir", "--pkgconfigdir"]
from temporal_static_libs._cli.entry import main
sys.exit(main())
"""


def test_leftover_of_a_killed_process_with_the_same_number_is_in_nobodys_way(
    script: Command, override: Path, cache: Path
) -> None:
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    made = script.lines(*OPTIONS, environ=environ)
    done = subprocess.run(
        [sys.executable, "-c", _SAME_NUMBER, cache / "build-systems"],
        env={**os.environ, **environ},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (0, "", made)
    assert (Path(made[0]) / CONFIG).is_file()


def test_old_leftovers_go_when_something_is_made(
    script: Command, override: Path, cache: Path
) -> None:
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    (made,) = script.lines("--cmakedir", environ=environ)
    old, new = (Path(made) / f".{CONFIG}.{it * 16}.new" for it in "01")
    for leftover in (old, new):
        leftover.touch()
    os.utime(old, (1, 1))
    script.lines("--cmakedir", environ=environ)
    assert old.exists()
    (Path(made) / CONFIG).unlink()
    script.lines("--cmakedir", environ=environ)
    assert [it.exists() for it in (old, new)] == [False, True]


def test_directories_of_archives_do_not_share_them(
    script: Command, override: Path, cache: Path, tmp_path: Path
) -> None:
    other = override.rename(tmp_path / "other")
    shutil.copytree(other, override, copy_function=os.link)
    answers = [
        script.lines(
            *OPTIONS,
            environ={"TEMPORAL_LIBS_DIR": str(each), "TEMPORAL_LIBS_CACHE_DIR": str(cache)},
        )
        for each in (override, other)
    ]
    assert not set(answers[0]) & set(answers[1])


def test_for_compiled_archives_they_are_made(tiny_package: TinyPackage) -> None:
    cmake, modules = (
        Path(line) for line in tiny_package.answer(*OPTIONS, USE_PREBUILT_LIBS="false")
    )
    assert (cmake / CONFIG).is_file()
    assert directories(modules) == [str(tiny_package.root / "include"), str(tiny_package.compiled)]
    assert protodir(modules) == str(tiny_package.root / "share/proto")


def test_in_a_path_with_a_blank_readers_get_links(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path, cache: Path
) -> None:
    package = copy_site(tmp_path / "with blank")
    environ = {"PYTHONPATH": str(package.parent), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    cmake, modules = script.lines(*OPTIONS, environ=environ)
    assert cmake == str(package / "lib/cmake/TemporalStaticLibs")
    assert Path(modules).is_relative_to(cache)
    assert directories(Path(modules)) == [str(package / "include"), str(package / "lib")]


def test_links_that_would_have_a_blank_themselves_are_not_made(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    package = copy_site(tmp_path / "with blank")
    cache = tmp_path / "ca che"
    environ = {"PYTHONPATH": str(package.parent), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    assert script.lines("--pkgconfigdir", environ=environ) == [str(package / "lib/pkgconfig")]
    assert not (cache / "build-systems").exists()


@pytest.mark.parametrize(
    ("option", "file"),
    [
        ("--cmakedir", "cmake/TemporalStaticLibs/TemporalStaticLibsConfigVersion.cmake"),
        ("--pkgconfigdir", "pkgconfig/temporal-client.pc"),
    ],
)
def test_file_that_the_wheel_has_lost(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path, option: str, file: str
) -> None:
    package = copy_site(tmp_path / "site")
    (package / "lib" / file).unlink()
    done = script.run(option, environ={"PYTHONPATH": str(package.parent)})
    assert (done.returncode, done.stdout) == (1, b"")
    message = done.stderr.decode()
    assert f"error: {Path(file).name} is missing\n" in message
    assert f"  file:   {package / 'lib' / file}\n" in message
    assert "--force-reinstall" in message


def test_cache_that_cannot_be_used(script: Command, override: Path, cache: Path) -> None:
    cache.write_text("a file")
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    done = script.run("--cmakedir", environ=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "the cache directory is not a directory" in done.stderr.decode()
