"""The directories of --cmakedir and --pkgconfigdir, for archives from every source."""

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
    """A directory for TEMPORAL_LIBS_DIR, with archives and their description."""
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
    """The resolved directories of header and archives in the pkg-config modules."""
    done = subprocess.run(
        [pkgconf.get_executable(), "--cflags", "--libs-only-L", "temporal-client"],
        env={"PKG_CONFIG_PATH": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [os.path.realpath(flag[2:]) for flag in shlex.split(done.stdout)]


def protodir(directory: Path) -> str:
    """The resolved directory of the protobuf files in a pkg-config module."""
    done = subprocess.run(
        [pkgconf.get_executable(), "--variable=protodir", "temporal-client"],
        env={"PKG_CONFIG_PATH": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    return os.path.realpath(done.stdout.removesuffix("\n"))


def test_wheels_files_need_no_cache(
    script: Command, package_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example for a user without a home directory."""
    for name in ("TEMPORAL_LIBS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    lib = package_dir / "lib"
    carried = [str(lib / "cmake" / "TemporalStaticLibs"), str(lib / "pkgconfig")]
    assert script.lines(*OPTIONS, environ={"HOME": "nowhere"}) == carried


def test_files_are_made_for_a_directory_of_archives(
    script: Command, package_dir: Path, override: Path, cache: Path
) -> None:
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    cmake, modules = (Path(line) for line in script.lines(*OPTIONS, environ=environ))
    assert cmake.is_relative_to(cache)
    assert (cmake / CONFIG).is_file()
    assert directories(modules) == [str(package_dir / "include"), str(override)]
    assert protodir(modules) == str(package_dir / "share/proto")


def test_files_are_reused_and_fixed_if_damaged(
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


# Creates the leftovers of a killed process with the same ID for each file, then runs the command.
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


def test_leftovers_of_a_killed_process_with_the_same_id_do_not_block(
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


def test_old_leftovers_are_removed_when_files_are_made(
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


def test_directories_of_archives_have_separate_files(
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


def test_files_are_made_for_compiled_archives(tiny_package: TinyPackage) -> None:
    cmake, modules = (
        Path(line) for line in tiny_package.answer(*OPTIONS, USE_PREBUILT_LIBS="false")
    )
    assert (cmake / CONFIG).is_file()
    assert directories(modules) == [str(tiny_package.root / "include"), str(tiny_package.compiled)]
    assert protodir(modules) == str(tiny_package.root / "share/proto")


def test_links_are_used_if_the_path_has_a_space(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path, cache: Path
) -> None:
    package = copy_site(tmp_path / "with space")
    environ = {"PYTHONPATH": str(package.parent), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    cmake, modules = script.lines(*OPTIONS, environ=environ)
    assert cmake == str(package / "lib/cmake/TemporalStaticLibs")
    assert Path(modules).is_relative_to(cache)
    assert directories(Path(modules)) == [str(package / "include"), str(package / "lib")]


def test_no_links_are_made_if_their_path_has_a_space_too(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    package = copy_site(tmp_path / "with space")
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
def test_missing_file_of_the_wheel_is_an_error(
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


def test_unusable_cache_is_an_error(script: Command, override: Path, cache: Path) -> None:
    cache.write_text("a file")
    environ = {"TEMPORAL_LIBS_DIR": str(override), "TEMPORAL_LIBS_CACHE_DIR": str(cache)}
    done = script.run("--cmakedir", environ=environ)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "the cache directory is not a directory" in done.stderr.decode()
