"""What find_package(TemporalStaticLibs) accepts and refuses, and its messages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import temporal_static_libs
from temporal_static_libs._integration.cmake import cmake_version
from temporal_static_libs._targets import target_of_triple
from tests.support.pip.consumer import Consumer

VERSION = cmake_version(temporal_static_libs.__version__)
CONFIG = "TemporalStaticLibsConfig.cmake"
HEADER = "temporal-sdk-core-c-bridge.h"


@dataclass(frozen=True)
class Configured:
    """The result of configuring a project.

    Attributes:
        output: all that CMake printed, with its wrapped lines joined.
        found: whether configuring reached the end of the project.
    """

    output: str
    found: bool


Configure = Callable[..., Configured]


@pytest.fixture
def configure(consumer: Consumer, tmp_path: Path) -> Configure:
    """A function that configures a tiny project without languages, which is fast."""

    def run(
        arguments: str = "CONFIG REQUIRED",
        *,
        then: str = "",
        package: Path = consumer.package,
        options: Sequence[str] = (),
        **variables: str,
    ) -> Configured:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.15)\n"
            "project(p LANGUAGES NONE)\n"
            f"find_package(TemporalStaticLibs {arguments})\n"
            f"{then}\n"
            'message(STATUS "the end")\n'
        )
        done = consumer.attempt(
            *("cmake", "-S", source, "-B", tmp_path / "build", "--fresh"),
            f"-DTemporalStaticLibs_DIR={package / 'lib' / 'cmake' / 'TemporalStaticLibs'}",
            *options,
            directory=tmp_path,
            **variables,
        )
        return Configured(" ".join(done.stdout.split()), done.returncode == 0)

    return run


def as_message(*targets: str) -> str:
    """CMake code that prints the existing targets."""
    return "\n".join(
        f'if(TARGET Temporal::{name})\n  message(STATUS "target {name};")\nendif()'
        for name in targets
    )


SHOW = as_message("sdk_core", "client")


def test_all_components_without_a_list(configure: Configure) -> None:
    done = configure(then=SHOW)
    assert done.found, done.output
    assert "target sdk_core;" in done.output
    assert "target client;" in done.output


def test_only_the_components_of_a_list(configure: Configure) -> None:
    done = configure("CONFIG REQUIRED COMPONENTS client", then=SHOW)
    assert done.found, done.output
    assert "target client;" in done.output
    assert "target sdk_core;" not in done.output


def test_unknown_component(configure: Configure) -> None:
    done = configure("CONFIG REQUIRED COMPONENTS server")
    assert not done.found
    assert "unknown component server; available: sdk-core, client" in done.output


def test_component_can_also_be_named_like_its_archive(configure: Configure) -> None:
    spellings = ["sdk-core", "sdk_core", "temporal_sdk_core", "libtemporal_sdk_core.a"]
    tell = "\n".join(
        f'message(STATUS "{it}: ${{TemporalStaticLibs_{it}_FOUND}};")' for it in spellings
    )
    done = configure(f"CONFIG REQUIRED COMPONENTS {' '.join(spellings)}", then=f"{SHOW}\n{tell}")
    assert done.found, done.output
    assert "target sdk_core;" in done.output
    assert "target client;" not in done.output
    for spelling in spellings:
        assert f"{spelling}: TRUE;" in done.output


def test_unknown_optional_component(configure: Configure) -> None:
    tell = 'message(STATUS "other: ${TemporalStaticLibs_other_FOUND};")'
    done = configure(
        "CONFIG REQUIRED COMPONENTS client OPTIONAL_COMPONENTS other", then=f"{SHOW}\n{tell}"
    )
    assert done.found, done.output
    assert "other: FALSE;" in done.output
    assert "target client;" in done.output


def test_package_can_be_found_twice(configure: Configure) -> None:
    again = "find_package(TemporalStaticLibs CONFIG REQUIRED COMPONENTS sdk_core)"
    done = configure("CONFIG REQUIRED COMPONENTS client", then=f"{again}\n{SHOW}")
    assert done.found, done.output
    assert "target sdk_core;" in done.output


def test_only_documented_variables_are_left(configure: Configure) -> None:
    tell = (
        "get_cmake_property(all VARIABLES)\n"
        'list(FILTER all INCLUDE REGEX "^_temporal")\n'
        'message(STATUS "left: ${all};")'
    )
    assert "left: ;" in configure(then=tell).output


def test_variable_names_the_protobuf_files(configure: Configure, consumer: Consumer) -> None:
    done = configure(then='message(STATUS "protos: ${TemporalStaticLibs_PROTO_DIR};")')
    assert f"protos: {consumer.config('--protodir')[0]};" in done.output
    check = (
        'if(NOT EXISTS "${TemporalStaticLibs_PROTO_DIR}/temporal/sdk/core/core_interface.proto")\n'
        '  message(FATAL_ERROR "absent")\nendif()'
    )
    assert configure(then=check).found


MAJOR, MINOR, PATCH = (int(number) for number in VERSION.split(".")[:3])


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        pytest.param(VERSION, True, id="this"),
        pytest.param(f"{VERSION} EXACT", True, id="this-exactly"),
        pytest.param(f"{MAJOR}.{MINOR}", True, id="series"),
        pytest.param(f"{MAJOR}.{MINOR} EXACT", False, id="series-exactly"),
        pytest.param(f"{MAJOR}.{MINOR}.{PATCH + 1}", False, id="later-patch"),
        pytest.param(f"{MAJOR}.{MINOR - 1}", False, id="earlier-minor"),
        pytest.param(f"{MAJOR}.{MINOR + 1}", False, id="later-minor"),
        pytest.param(f"{MAJOR + 1}", False, id="later-major"),
        pytest.param(f"{MAJOR}.{MINOR - 1}...{MAJOR}.{MINOR + 1}", True, id="range"),
        pytest.param(f"{VERSION}...<{MAJOR + 1}", True, id="range-from-this"),
        pytest.param(f"{MAJOR}.{MINOR - 1}...{VERSION}", True, id="range-to-this"),
        pytest.param(f"{MAJOR}.{MINOR - 1}...<{VERSION}", False, id="range-to-below-this"),
        pytest.param(f"{MAJOR}.{MINOR + 1}...{MAJOR + 1}", False, id="range-above"),
    ],
)
def test_versions(configure: Configure, asked: str, is_found: bool) -> None:
    done = configure(f"{asked} CONFIG REQUIRED COMPONENTS client")
    assert done.found == is_found, done.output
    if not is_found:
        assert f"{CONFIG}, version: {VERSION}" in done.output


def test_version_variable(configure: Configure) -> None:
    done = configure(then='message(STATUS "version: ${TemporalStaticLibs_VERSION};")')
    assert f"version: {VERSION};" in done.output


@pytest.mark.parametrize(
    ("options", "other"),
    [
        pytest.param(("-DCMAKE_SYSTEM_NAME=Windows",), "Windows", id="system"),
        pytest.param(
            ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=riscv64"),
            "Linux riscv64",
            id="processor",
        ),
        pytest.param(("-DCMAKE_SIZEOF_VOID_P=4",), "Linux with 32 bits", id="pointers"),
    ],
)
def test_other_platform_is_refused_with_its_name(
    configure: Configure, consumer: Consumer, options: tuple[str, ...], other: str
) -> None:
    (platform,) = consumer.config("--platform")
    done = configure(options=options)
    assert not done.found
    assert f"version: {VERSION} for {platform}; cannot be used for {other}" in done.output


def test_cross_compiling_uses_the_package_of_the_target(
    configure: Configure, consumer: Consumer, tmp_path: Path
) -> None:
    """Two unpacked wheels in one prefix path, the host's first."""
    (triple,) = consumer.config("--target")
    host = target_of_triple(triple)
    other = "aarch64" if host.processor == "x86_64" else "x86_64"
    foreign = linked_copy(consumer.package, tmp_path / "foreign")
    version_file = foreign / "lib/cmake/TemporalStaticLibs/TemporalStaticLibsConfigVersion.cmake"
    text = version_file.read_text()
    assert host.processor in text
    replace(version_file, text.replace(host.processor, other))
    done = configure(
        package=Path("/nowhere"),
        options=[
            *(f"-DCMAKE_PREFIX_PATH={consumer.package};{foreign}", "-DCMAKE_SYSTEM_NAME=Linux"),
            f"-DCMAKE_SYSTEM_PROCESSOR={other}",
        ],
        then="message(STATUS ${TemporalStaticLibs_DIR})",
    )
    assert done.found, done.output
    assert f"-- {foreign}/lib/cmake/TemporalStaticLibs " in done.output


def linked_copy(package: Path, to: Path) -> Path:
    """A copy whose files are links. Replace a file instead of writing to it."""
    shutil.copytree(package, to, copy_function=os.link)
    return to


def replace(file: Path, content: str) -> None:
    """Replace a linked file with other content."""
    file.unlink()
    file.write_text(content)


def test_moved_package(configure: Configure, consumer: Consumer, tmp_path: Path) -> None:
    moved = linked_copy(consumer.package, tmp_path / "moved; & é $x")
    assert configure("CONFIG REQUIRED COMPONENTS client", package=moved).found


def test_missing_archive(configure: Configure, consumer: Consumer, tmp_path: Path) -> None:
    package = linked_copy(consumer.package, tmp_path / "copy")
    archive = package / "lib" / "libtemporal_client.a"
    archive.unlink()
    done = configure(package=package)
    assert not done.found
    assert f"{archive} is missing; fix: python -m pip install --force-reinstall" in done.output
    assert configure("CONFIG REQUIRED COMPONENTS sdk_core", package=package).found


def test_altered_archive(configure: Configure, consumer: Consumer, tmp_path: Path) -> None:
    package = linked_copy(consumer.package, tmp_path / "copy")
    archive = package / "lib" / "libtemporal_client.a"
    replace(archive, "!<arch>\n")
    manifest = json.loads((package / "lib" / "manifest.json").read_text())
    (recorded,) = (
        library["sha256"] for library in manifest["libraries"] if library["component"] == "client"
    )
    done = configure(package=package)
    assert not done.found
    assert f"{archive} was altered: SHA-256 mismatch: expected {recorded}, found " in done.output
    assert "; fix: python -m pip install" in done.output


def test_package_that_is_not_required_may_be_broken(
    configure: Configure, consumer: Consumer, tmp_path: Path
) -> None:
    package = linked_copy(consumer.package, tmp_path / "copy")
    (package / "lib" / "libtemporal_client.a").unlink()
    tell = 'message(STATUS "found: ${TemporalStaticLibs_FOUND};")'
    done = configure("CONFIG QUIET", package=package, then=tell)
    assert done.found
    assert "found: 0;" in done.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TEMPORAL_LIBS_DIR", "/else where"),
        *(("USE_PREBUILT_LIBS", value) for value in ("false", "FALSE", "0", "No")),
    ],
)
def test_wheels_package_refuses_if_other_archives_are_selected(
    configure: Configure, name: str, value: str
) -> None:
    done = configure(**{name: value})
    assert not done.found
    assert (
        f"{name}={value} selects different libraries, but this CMake package describes the wheel's"
        in done.output
    )
    assert "temporal-libs-config --cmakedir" in done.output


@pytest.mark.parametrize(
    ("name", "value"),
    [("TEMPORAL_LIBS_DIR", ""), ("USE_PREBUILT_LIBS", "true"), ("USE_PREBUILT_LIBS", "1")],
)
def test_settings_that_select_the_wheels_libraries(
    configure: Configure, name: str, value: str
) -> None:
    done = configure("CONFIG REQUIRED COMPONENTS client", **{name: value})
    assert done.found, done.output


def test_archives_of_a_directory(configure: Configure, consumer: Consumer, tmp_path: Path) -> None:
    """With TEMPORAL_LIBS_DIR, --cmakedir prints a package with that directory's archives."""
    override = linked_copy(consumer.package / "lib", tmp_path / "over ride")
    shutil.rmtree(override / "cmake")
    asked = consumer.attempt(
        *(consumer.venv / "bin" / "temporal-libs-config", "--cmakedir"),
        directory=tmp_path,
        TEMPORAL_LIBS_DIR=str(override),
    )
    directory = asked.stdout.removesuffix("\n")
    assert asked.returncode == 0, asked.stdout
    done = configure(
        options=[f"-DTemporalStaticLibs_DIR={directory}", "-GUnix Makefiles"],
        TEMPORAL_LIBS_DIR=str(override),
    )
    assert done.found, done.output
    rules = [file.read_text() for file in (tmp_path / "build").rglob("build.make")]
    for file in (override / "libtemporal_client.a", consumer.package / "include" / HEADER):
        assert any(f'-E copy_if_different "{file}"' in rule for rule in rules), file


def test_system_libraries_are_not_confused_with_targets_of_the_project(
    consumer: Consumer, tmp_path: Path
) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "m.c").write_text("#error not to be built\n")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\n"
        "project(p LANGUAGES C)\n"
        "add_library(m STATIC EXCLUDE_FROM_ALL m.c)\n"
        "find_package(TemporalStaticLibs CONFIG REQUIRED COMPONENTS client)\n"
        "add_executable(main main.c)\n"
        "target_link_libraries(main PRIVATE Temporal::client)\n"
    )
    (cmakedir,) = consumer.config("--cmakedir")
    for command in (
        ("cmake", "-S", ".", "-B", "build", f"-DTemporalStaticLibs_DIR={cmakedir}"),
        ("cmake", "--build", "build"),
    ):
        done = consumer.attempt(*command, directory=tmp_path)
        assert done.returncode == 0, done.stdout
