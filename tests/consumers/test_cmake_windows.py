"""find_package(TemporalStaticLibs) with a wheel for Windows, which can have two library sets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.installation.windows import ask, compile_libraries, make_windows_package
from tests.support.pip.consumer import Consumer

COMPILER = "x86_64-w64-mingw32-gcc"
WINDOWS = ("-DCMAKE_SYSTEM_NAME=Windows", "-DCMAKE_SYSTEM_PROCESSOR=AMD64")
MSVC = (*WINDOWS, "-DMSVC=TRUE")
SHOW = (
    "get_target_property(location Temporal::sdk_core IMPORTED_LOCATION)\n"
    "get_target_property(options Temporal::sdk_core INTERFACE_LINK_OPTIONS)\n"
    "get_target_property(libraries Temporal::sdk_core INTERFACE_LINK_LIBRARIES)\n"
    'message(STATUS "found: ${location} ${options} ${libraries};")\n'
)


@dataclass(frozen=True)
class Packages:
    """Packages for Windows, by the toolchains of their libraries."""

    gnu: Path
    msvc: Path
    both: Path


@pytest.fixture(scope="module")
def packages(package_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    root = tmp_path_factory.mktemp("packages")
    library = compile_libraries(root, "9.8.7")
    held = {"gnu": ("gnu",), "msvc": ("msvc",), "both": ("gnu", "msvc")}
    return Packages(
        **{
            name: make_windows_package(package_dir, root / name, library, toolchains)
            for name, toolchains in held.items()
        }
    )


Configure = Callable[..., tuple[bool, str]]


@pytest.fixture
def configure(consumer: Consumer, tmp_path: Path) -> Configure:
    """A function that configures a project without a compiler: returns success and output."""

    def run(package: Path, options: Sequence[str], then: str = SHOW) -> tuple[bool, str]:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.15)\nproject(p LANGUAGES NONE)\n"
            "find_package(TemporalStaticLibs CONFIG REQUIRED COMPONENTS sdk-core)\n" + then
        )
        done = consumer.attempt(
            *("cmake", "-S", source, "-B", tmp_path / "build", "--fresh"),
            f"-DTemporalStaticLibs_DIR={package}/lib/cmake/TemporalStaticLibs",
            *options,
            directory=tmp_path,
        )
        return done.returncode == 0, " ".join(done.stdout.split())

    return run


FOR_MINGW = (WINDOWS, "/libtemporal_sdk_core.a LINKER:--gc-sections -lntdll;-lgcc_eh;")
FOR_MSVC = (MSVC, "/temporal_sdk_core.lib LINKER:/OPT:REF ntdll.lib;")


@pytest.mark.parametrize(
    ("name", "options", "links"),
    [("gnu", *FOR_MINGW), ("both", *FOR_MINGW), ("msvc", *FOR_MSVC), ("both", *FOR_MSVC)],
)
def test_libraries_are_those_for_the_compiler(
    configure: Configure, packages: Packages, name: str, options: tuple[str, ...], links: str
) -> None:
    found, output = configure(getattr(packages, name), options)
    assert found, output
    assert links in output


@pytest.mark.parametrize(
    ("name", "options", "asked"), [("gnu", MSVC, "msvc"), ("msvc", WINDOWS, "gnu")]
)
def test_package_without_libraries_for_the_compiler(
    configure: Configure, packages: Packages, name: str, options: Sequence[str], asked: str
) -> None:
    found, output = configure(getattr(packages, name), options)
    assert not found
    assert (
        f"there are no libraries for this project's compiler, which has the ABI of {asked}; "
        f"available: {name}"
    ) in output


@pytest.mark.parametrize(
    ("runtime", "is_taken"),
    [
        ("MultiThreaded", False),
        ("MultiThreaded$<$<CONFIG:Debug>:Debug>", False),
        ("MultiThreadedDLL", True),
        ("MultiThreaded$<$<CONFIG:Debug>:Debug>DLL", True),
    ],
)
def test_static_c_runtime_is_refused(
    configure: Configure, packages: Packages, runtime: str, is_taken: bool
) -> None:
    option = f"-DCMAKE_MSVC_RUNTIME_LIBRARY={runtime}"
    found, output = configure(packages.both, (*MSVC, option))
    assert found == is_taken
    assert (f"but CMAKE_MSVC_RUNTIME_LIBRARY is {runtime}; leave it unset" in output) != is_taken
    found, output = configure(packages.both, (*WINDOWS, option))
    assert found, output  # which only affects MSVC's compilers


def test_package_for_windows_is_refused_on_other_systems(
    configure: Configure, packages: Packages
) -> None:
    found, output = configure(packages.both, ("-DCMAKE_SYSTEM_NAME=Linux",))
    assert not found
    assert "for windows-x64; cannot be used for Linux" in output


def test_only_documented_variables_are_left(configure: Configure, packages: Packages) -> None:
    tell = (
        "get_cmake_property(all VARIABLES)\n"
        'list(FILTER all INCLUDE REGEX "^_temporal")\n'
        'message(STATUS "left: ${all};")\n'
    )
    assert "left: ;" in configure(packages.both, WINDOWS, tell)[1]


def test_command_prints_the_package_with_both_toolchains(packages: Packages) -> None:
    for options in ((), ("--toolchain", "msvc")):
        done = ask(packages.both.parent, "--cmakedir", *options)
        assert done.stdout == f"{packages.both}/lib/cmake/TemporalStaticLibs\n"


def test_program_is_cross_compiled_with_mingw(
    consumer: Consumer, packages: Packages, repo_root: Path, tmp_path: Path
) -> None:
    """With the toolchain file of docs/cmake.md."""
    require_program(COMPILER)
    page = (repo_root / "docs" / "cmake.md").read_text(encoding="utf-8")
    (toolchain_file,) = re.findall(
        r"^```cmake\n(set\(CMAKE_SYSTEM_NAME .*?)^```$", page, re.M | re.S
    )
    assert f"set(CMAKE_C_COMPILER {COMPILER})\n" in toolchain_file
    (tmp_path / "mingw.cmake").write_text(toolchain_file)
    (tmp_path / "bridge.c").write_text(
        '#include <stdio.h>\n#include "temporal-sdk-core-c-bridge.h"\n'
        "int main(void) {\n"
        "    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();\n"
        "    return puts(temporal_static_libs_version()) < 0;\n"
        "}\n"
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\nproject(bridge LANGUAGES C)\n"
        "find_package(TemporalStaticLibs CONFIG REQUIRED)\n"
        "foreach(component sdk_core client)\n"
        "  add_executable(bridge_${component} bridge.c)\n"
        "  target_link_libraries(bridge_${component} PRIVATE Temporal::${component})\n"
        "endforeach()\n"
    )
    build = tmp_path / "build"
    for command in (
        (
            *("cmake", "-S", tmp_path, "-B", build, "-G", "Ninja"),
            f"-DCMAKE_TOOLCHAIN_FILE={tmp_path}/mingw.cmake",
            f"-DTemporalStaticLibs_DIR={packages.gnu}/lib/cmake/TemporalStaticLibs",
        ),
        ("cmake", "--build", build),
    ):
        done = consumer.attempt(*command, directory=tmp_path)
        assert done.returncode == 0, done.stdout
    for component in ("sdk_core", "client"):
        program = build / f"bridge_{component}.exe"
        assert program.read_bytes()[:2] == b"MZ"
