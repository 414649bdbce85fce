"""Projects in docs/cmake.md: how they find the package, and libraries that they install."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import temporal_static_libs
from tests.support.docs.commands import files
from tests.support.pip.consumer import Consumer

FIND = "find_package(TemporalStaticLibs CONFIG REQUIRED COMPONENTS client)\n"
START = "cmake_minimum_required(VERSION 3.15)\n"
TELL = 'message(STATUS "found: ${TemporalStaticLibs_DIR};")\n'


@pytest.fixture
def page(repo_root: Path) -> Path:
    return repo_root / "docs" / "cmake.md"


def found_directory(output: str) -> str | None:
    """The package directory that a project with `TELL` found."""
    lines = [line for line in output.splitlines() if line.startswith("-- found: ")]
    return lines[0].removeprefix("-- found: ").removesuffix(";") if lines else None


def test_lines_find_the_activated_environment(
    consumer: Consumer, page: Path, tmp_path: Path
) -> None:
    (lines,) = files(page, "Activated environments")
    (tmp_path / "CMakeLists.txt").write_text(f"{START}project(p NONE)\n{lines}{FIND}{TELL}")
    directory = f"{consumer.package}/lib/cmake/TemporalStaticLibs"
    active = f"{consumer.venv / 'bin'}{os.pathsep}{consumer.environ['PATH']}"
    configure = ("cmake", "-S", ".", "-B", "build")

    def find(*options: str, path: str = active) -> str | None:
        return found_directory(
            consumer.attempt(*configure, *options, directory=tmp_path, PATH=path).stdout
        )

    # First another environment is active, then this one: nothing of the first is kept.
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    package = other / "temporal_static_libs"
    shutil.copytree(consumer.package, package, copy_function=os.link)
    command = other / "bin" / "temporal-libs-config"
    command.write_text(f"#!/bin/sh\necho '{package}/lib/cmake/TemporalStaticLibs'\n")
    command.chmod(0o755)
    others = f"{other / 'bin'}{os.pathsep}{active}"
    assert find(path=others) == f"{package}/lib/cmake/TemporalStaticLibs"
    assert find() == directory
    # Options and searches still take precedence.
    chosen = find(f"-DTemporalStaticLibs_DIR={directory}", "--fresh", path=others)
    assert chosen == directory
    inactive = consumer.environ["PATH"]
    assert find("--fresh", path=inactive) is None
    searched = find(f"-DCMAKE_PREFIX_PATH={consumer.package}", "--fresh", path=inactive)
    assert searched == directory


@pytest.mark.parametrize(
    ("option", "is_found"),
    [
        pytest.param("-DTemporalStaticLibs_DIR={package}/lib/cmake/TemporalStaticLibs", True),
        pytest.param("-DCMAKE_FIND_ROOT_PATH={package}", True),
        pytest.param("-DCMAKE_PREFIX_PATH={package}", False),
    ],
    ids=["directory", "root", "prefix"],
)
def test_toolchain_file_that_searches_only_below_its_roots(
    consumer: Consumer, tmp_path: Path, option: str, is_found: bool
) -> None:
    (processor,) = (triple.split("-")[0] for triple in consumer.config("--target"))
    (tmp_path / "toolchain.cmake").write_text(
        "set(CMAKE_SYSTEM_NAME Linux)\n"
        f"set(CMAKE_SYSTEM_PROCESSOR {processor})\n"
        f'set(CMAKE_SYSROOT "{tmp_path}/sysroot")\n'
        "set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)\n"
    )
    (tmp_path / "CMakeLists.txt").write_text(f"{START}project(p NONE)\n{FIND}{TELL}")
    done = consumer.attempt(
        *("cmake", "-S", ".", "-B", "build", "-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake"),
        option.format(package=consumer.package),
        directory=tmp_path,
    )
    assert (done.returncode == 0) == is_found, done.stdout
    if is_found:
        directory = f"{consumer.package}/lib/cmake/TemporalStaticLibs"
        assert found_directory(done.stdout) == directory


USER = f"""\
{START}project(user LANGUAGES C CXX)
# With other components than the library.
{FIND}find_package(Bridge CONFIG REQUIRED)
add_executable(user user.cpp)
target_link_libraries(user PRIVATE Bridge::bridge)
"""
USER_CPP = """\
#include <cstdio>
#include "temporal-sdk-core-c-bridge.h"
extern "C" const char *bridge_version(void);
int main() {
    // From the whole interface, not only the client's part.
    temporal_core_worker_free(nullptr);
    std::printf("%s %s\\n", bridge_version(), temporal_static_libs_version());
}
"""
BRIDGE_C = """\
#include "temporal-sdk-core-c-bridge.h"
const char *bridge_version(void) { return temporal_static_libs_version(); }
"""


def test_installed_library_brings_the_archive_it_links_publicly(
    consumer: Consumer, page: Path, tmp_path: Path
) -> None:
    library, config = files(page, "Libraries that you install")
    project = tmp_path / "bridge"
    user = tmp_path / "user"
    for directory, contents in {
        project: {
            "CMakeLists.txt": f"{START}project(bridge LANGUAGES C)\n"
            f"find_package(TemporalStaticLibs CONFIG REQUIRED)\n{library}",
            "BridgeConfig.cmake": config,
            "bridge.c": BRIDGE_C,
        },
        user: {"CMakeLists.txt": USER, "user.cpp": USER_CPP},
    }.items():
        directory.mkdir()
        for name, content in contents.items():
            (directory / name).write_text(content)
    (cmakedir,) = consumer.config("--cmakedir")
    found = f"-DTemporalStaticLibs_DIR={cmakedir}"
    prefix = tmp_path / "in stalled"
    for directory, commands in {
        project: (
            ("cmake", "-B", "build", "-G", "Ninja", found),
            ("cmake", "--build", "build"),
            ("cmake", "--install", "build", "--prefix", str(prefix)),
        ),
        user: (
            ("cmake", "-B", "build", "-G", "Ninja", found, f"-DCMAKE_PREFIX_PATH={prefix}"),
            ("cmake", "--build", "build"),
        ),
    }.items():
        for command in commands:
            done = consumer.attempt(*command, directory=directory)
            assert done.returncode == 0, done.stdout
    # The installed files do not contain the archive's path.
    for file in (prefix / "lib" / "cmake").rglob("*.cmake"):
        assert str(consumer.package) not in file.read_text()
    done = consumer.attempt(user / "build" / "user", directory=tmp_path)
    version = temporal_static_libs.__version__
    assert (done.returncode, done.stdout) == (0, f"{version} {version}\n")
