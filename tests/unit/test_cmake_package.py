"""The CMake package of each platform, evaluated by CMake itself."""

from __future__ import annotations

import subprocess
import sysconfig
from dataclasses import replace
from pathlib import Path, PurePath

import pytest

from temporal_static_libs._errors import TemporalStaticLibsError
from temporal_static_libs._integration.cmake import cmake_version, config_file, config_version_file
from temporal_static_libs._integration.template import Places
from temporal_static_libs._targets import TARGETS
from tests.support.pip.manifests import MANIFEST

PLACES = Places(PurePath("lib"), PurePath("include"), PurePath("proto"), "override", r'rm "$x" \ ')


def cmake_script(directory: Path, code: str) -> list[str]:
    """The lines that a CMake script prints."""
    script = directory / "script.cmake"
    script.write_text(code)
    cmake = Path(sysconfig.get_path("scripts"), "cmake")
    done = subprocess.run([cmake, "-P", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.10.1", "0.10.1"), ("0.10.1.post2", "0.10.1.2"), ("1.0", "1.0")],
)
def test_repackaging_becomes_the_fourth_number(version: str, expected: str) -> None:
    assert cmake_version(version) == expected


def test_version_that_cmake_cannot_compare_is_refused() -> None:
    refusal = r"CMake cannot represent the version '0\.11\.0rc1'"
    with pytest.raises(TemporalStaticLibsError, match=refusal):
        cmake_version("0.11.0rc1")


@pytest.mark.parametrize(
    ("version", "takes", "refuses"),
    [
        pytest.param("0.10.1.post2", "0.10.1", "0.10.1.3", id="repackaging"),
        pytest.param("0.10.1", "0.10", "0.9", id="zero-series"),
        pytest.param("1.4.0", "1.2", "0.10", id="stable-series"),
        pytest.param("2.1.0", "2", "1.9", id="next-stable-series"),
    ],
)
def test_series(tmp_path: Path, version: str, takes: str, refuses: str) -> None:
    file = tmp_path / "version.cmake"
    file.write_text(config_version_file(replace(MANIFEST, version=version)))
    assert cmake_script(
        tmp_path,
        f"foreach(PACKAGE_FIND_VERSION {takes} {refuses})\n"
        f'include("{file}")\n'
        'message("${PACKAGE_VERSION_COMPATIBLE} ${PACKAGE_VERSION_EXACT}")\n'
        "endforeach()\n",
    ) == ["TRUE FALSE", "FALSE FALSE"]


# How CMake or a toolchain file names a machine, and the platforms that link there.
MACHINES = {
    ("Linux", "x86_64", ""): {"linux-x64", "linux-x64-musl"},
    ("Linux", "aarch64", ""): {"linux-arm64", "linux-arm64-musl"},
    ("Linux", "arm64", ""): {"linux-arm64", "linux-arm64-musl"},
    ("Linux", "armv7l", ""): set(),
    ("Darwin", "arm64", ""): {"macos-arm64"},
    ("Darwin", "x86_64", ""): {"macos-x64"},
    ("Darwin", "x86_64", "arm64"): {"macos-arm64"},
    ("Darwin", "arm64", "arm64;x86_64"): set(),
    ("iOS", "arm64", ""): set(),
    ("Windows", "AMD64", ""): {"windows-x64-gnu"},
    ("Windows", "x86_64", ""): {"windows-x64-gnu"},
    ("Windows", "ARM64", ""): set(),
    # Before project(), CMake does not know the machine.
    ("", "", ""): {target.platform for target in TARGETS},
}


@pytest.mark.parametrize(
    "machine", MACHINES, ids=lambda names: "-".join(filter(None, names)) or "?"
)
def test_only_matching_platforms_suit_a_machine(
    tmp_path: Path, machine: tuple[str, str, str]
) -> None:
    system, processor, architectures = machine
    code = [
        f'set(CMAKE_SYSTEM_NAME "{system}")',
        f'set(CMAKE_SYSTEM_PROCESSOR "{processor}")',
        f'set(CMAKE_OSX_ARCHITECTURES "{architectures}")',
    ]
    for target in TARGETS:
        file = tmp_path / f"{target.platform}.cmake"
        file.write_text(
            config_version_file(replace(MANIFEST, target=target.triple, platform=target.platform))
        )
        code.append(
            f'include("{file}")\nmessage("{target.platform} ${{PACKAGE_VERSION_UNSUITABLE}}")'
        )
    answers = dict(line.split() for line in cmake_script(tmp_path, "\n".join(code)))
    assert {platform for platform, unsuitable in answers.items() if unsuitable == "FALSE"} == (
        MACHINES[machine]
    )


def test_macos_links_frameworks_and_strips_dead_code(tmp_path: Path) -> None:
    text = config_file(MANIFEST, PLACES)
    assert (
        'set(_temporal_sdk_core_links "-liconv;-lSystem;-lc;-lm;'
        '-framework Security;-framework CoreFoundation")\n'
    ) in text
    assert 'INTERFACE_LINK_OPTIONS "LINKER:-dead_strip"\n' in text


def test_musl_uses_the_static_unwinder_for_static_programs() -> None:
    (library,) = MANIFEST.libraries
    musl = replace(library, system_libraries=("gcc_s", "c"), frameworks=())
    target = "x86_64-unknown-linux-musl"
    text = config_file(replace(MANIFEST, target=target, libraries=(musl,)), PLACES)
    assert 'set(_temporal_sdk_core_links "-lgcc_s;-lc")\n' in text
    assert 'set(_temporal_sdk_core_static_links "-lgcc_eh;-lc")\n' in text


def test_advice_reaches_cmakes_message_unchanged(tmp_path: Path) -> None:
    (tmp_path / "config.cmake").write_text(config_file(MANIFEST, PLACES))
    lines = cmake_script(
        tmp_path,
        f'include("{tmp_path}/config.cmake")\n'
        'message("${TemporalStaticLibs_FOUND}: ${TemporalStaticLibs_NOT_FOUND_MESSAGE}")',
    )
    assert lines[-1].startswith("FALSE: ")
    assert lines[-1].endswith("/lib/libtemporal_sdk_core.a is missing; fix: " + PLACES.fix)
