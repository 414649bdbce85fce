"""`--shared`: linking a shared library from the wheel's archives, and failures."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import temporal_static_libs
from temporal_static_libs._components import CLIENT, COMPONENTS, SDK_CORE, Component
from temporal_static_libs._shared.exports import exported_symbols
from temporal_static_libs._shared.formats import FORMATS
from temporal_static_libs._targets import TARGETS, target_of_triple
from tests.support.ci.skips import require_program
from tests.support.shared.stand_in import make_stand_in
from tools.shared.proof import ProofError, exports_of, prove

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

ZIG = shlex.join([sys.executable, "-m", "ziglang", "cc"])
NAME = "libtemporalio_sdk_core_c_bridge.so"
NEWEST = "9.9"
"""A glibc version without a check, because the machine's linker links for the machine's glibc."""


def proven(file: Path, component: Component, floor: str) -> list[str]:
    """The results of the release's proof for a library for this machine."""
    target = target_of_triple(temporal_target())
    return list(prove(file, FORMATS[target.os], target, floor, component))


def temporal_target() -> str:
    """The target triple of the installed archives."""
    manifest = temporal_static_libs.lib_dir() / "manifest.json"
    return str(json.loads(manifest.read_text())["target"])


@pytest.fixture(scope="module")
def by_zig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole interface, linked by Zig."""
    directory = tmp_path_factory.mktemp("zig")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("CC", ZIG)
        return temporal_static_libs.shared_library(directory)


def test_file_is_printed_and_exports_exactly_the_interface(
    command: Command, tmp_path: Path
) -> None:
    # In a missing directory, with a name that would break a linker option.
    place = tmp_path / "a, b" / "libs"
    (line,) = command.lines("--shared", str(place))
    assert line == str(place / NAME)
    assert os.listdir(place) == [NAME]
    assert exports_of(place / NAME) == set(exported_symbols(SDK_CORE))
    of_the_c_library = {"libc", "libm", "ld-linux-x86-64", "ld-linux-aarch64"}
    assert needed(place / NAME) <= {*of_the_c_library, "libgcc_s"}


def needed(file: Path) -> set[str]:
    """The shared libraries that a library needs, by the beginning of their names."""
    dynamic = subprocess.check_output(["readelf", "-Wd", file], text=True)
    lines = [line for line in dynamic.splitlines() if "(NEEDED)" in line]
    return {line.partition("[")[2].partition(".so")[0] for line in lines}


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda it: it.name)
def test_zig_links_for_the_floor_of_the_archive(
    by_zig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, component: Component
) -> None:
    file = by_zig
    if component is CLIENT:
        monkeypatch.setenv("CC", ZIG)
        file = temporal_static_libs.shared_library(tmp_path, "client")
    assert file.name == FORMATS["linux"].file_name(component)
    facts = proven(file, component, target_of_triple(temporal_target()).floor_version)
    assert "needs glibc 2.17, promised is 2.17" in facts
    assert "soname, full RELRO, no executable stack" in facts


def test_proof_detects_violations(by_zig: Path, tmp_path: Path) -> None:
    with pytest.raises(ProofError, match=r"needs glibc 2\.17, newer than 2\.12"):
        proven(by_zig, SDK_CORE, "2.12")
    with pytest.raises(ProofError, match=r"exports temporal_core_.*: [0-9]+ symbols differ"):
        proven(by_zig, CLIENT, NEWEST)
    renamed = tmp_path / "libother.so"
    renamed.write_bytes(by_zig.read_bytes())
    with pytest.raises(ProofError, match="another soname"):
        proven(renamed, SDK_CORE, NEWEST)
    (tmp_path / "text.so").write_text("text")
    with pytest.raises(ProofError, match="not a shared library"):
        proven(tmp_path / "text.so", SDK_CORE, NEWEST)


def test_library_can_be_loaded_and_matches_the_header(by_zig: Path) -> None:
    library = ctypes.CDLL(str(by_zig))
    library.temporal_static_libs_version.restype = ctypes.c_char_p
    assert library.temporal_static_libs_version().decode() == temporal_static_libs.__version__


def test_c_program_can_be_linked_with_it(script: Command, by_zig: Path, tmp_path: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text(
        '#include "temporal-sdk-core-c-bridge.h"\n#include <stdio.h>\n'
        "int main(void)\n{\n    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();\n"
        "    return puts(temporal_static_libs_version()) < 0;\n}\n"
    )
    (include,) = script.lines("--cflags")
    program = tmp_path / "program"
    options: list[str | Path] = [f"-Wl,-rpath,{by_zig.parent}", "-o", program]
    subprocess.run(["cc", source, *shlex.split(include), by_zig, *options], check=True)
    printed = subprocess.check_output([program], text=True)
    assert printed.strip() == temporal_static_libs.__version__


def test_answers_are_in_order_and_components_can_share_a_directory(
    script: Command, tmp_path: Path
) -> None:
    platform, client, version = script.lines(
        "--platform", "--shared", str(tmp_path), "--version", "--component", "client"
    )
    assert platform.startswith("linux-")
    assert version == temporal_static_libs.__version__
    (_, facts) = script.lines("--shared", str(tmp_path), "--json")
    assert json.loads(facts)["version"] == version
    assert {NAME, Path(client).name} == set(os.listdir(tmp_path))


def test_new_file_replaces_the_old_one(script: Command, tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_text("old")
    with open(file) as old:
        script.lines("--shared", str(tmp_path))
        assert old.read() == "old"
    assert file.read_bytes().startswith(b"\x7fELF")
    assert not stat.S_IMODE(file.stat().st_mode) & stat.S_IWOTH


def test_two_servers_at_once_are_independent(script: Command, tmp_path: Path) -> None:
    ended: list[int] = []

    def link() -> None:
        ended.append(script.run("--shared", str(tmp_path)).returncode)

    threads = [threading.Thread(target=link) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [0, 0]
    assert os.listdir(tmp_path) == [NAME]


FAILING = "#!/bin/sh\necho half > lib.so\necho 'ld: no room' >&2\nexit 1\n"


def refused(script: Command, place: Path | str, **environ: str) -> tuple[int, str]:
    """The exit status and the message of a call that fails."""
    done = script.run("--shared", str(place), environ=environ)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def test_failure_keeps_the_existing_file(script: Command, tmp_path: Path) -> None:
    linker, place = tmp_path / "cc", tmp_path / "libs"
    linker.write_text(FAILING)
    linker.chmod(0o755)
    place.mkdir()
    (place / NAME).write_text("old")
    status, message = refused(script, place, CC=str(linker))
    assert status == 1
    assert f"{linker} could not link {NAME} (exit status 1)" in message
    assert message.endswith("output:  ld: no room\n")
    assert {file.name: file.read_text() for file in place.iterdir()} == {NAME: "old"}


def no_compiler(tmp_path: Path) -> Mapping[str, str]:
    # Also without ziglang: a module of that name hides the one of the test environment.
    (tmp_path / "site" / "ziglang").mkdir(parents=True)
    (tmp_path / "site" / "ziglang" / "__init__.py").touch()
    return {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path / "site")}


def test_error_without_a_linker_says_what_to_install(script: Command, tmp_path: Path) -> None:
    status, message = refused(script, tmp_path / "libs", **no_compiler(tmp_path))
    assert status == 1
    assert "no C compiler for linux-" in message
    assert "-m pip install ziglang\n" in message
    assert not (tmp_path / "libs").exists()


def test_invalid_cc_is_a_setting_error_for_the_command(script: Command, tmp_path: Path) -> None:
    status, message = refused(script, tmp_path, CC="no-such-compiler")
    assert status == 2
    assert "the environment variable CC is 'no-such-compiler'" in message


def test_empty_argument_is_not_the_current_directory(script: Command) -> None:
    done = script.run("--shared", "", environ={"CC": "false"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"error: --shared needs a directory; use '.' for the current one\n" in done.stderr


def test_directory_that_cannot_be_created_is_refused_before_linking(
    script: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    status, message = refused(script, tmp_path / "file" / "libs", CC="false")
    assert status == 1
    assert f"{tmp_path}/file/libs cannot be written: Not a directory" in message
    (tmp_path / NAME).mkdir()
    status, message = refused(script, tmp_path, CC="false")
    assert f"{tmp_path / NAME} cannot be written: Is a directory" in message


def test_directory_of_the_archives_is_not_changed(script: Command, package_dir: Path) -> None:
    status, message = refused(script, package_dir / "lib")
    assert status == 1
    assert "--shared cannot write to the directory of the archives" in message
    script.lines("--verify")


def test_static_is_refused(script: Command, tmp_path: Path) -> None:
    done = script.run("--shared", str(tmp_path), "--static")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--static cannot be combined with --shared" in done.stderr
    done = script.run("--shared", str(tmp_path), "--shared", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--shared is given more than once" in done.stderr


def test_archive_is_verified_before_linking(
    script: Command, package_dir: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archives"
    shutil.copytree(package_dir / "lib", copy, ignore=shutil.ignore_patterns("cmake", "pkgconfig"))
    with open(copy / "libtemporal_sdk_core.a", "r+b") as archive:
        archive.seek(1 << 20)
        archive.write(b"altered")
    status, message = refused(script, tmp_path / "libs", TEMPORAL_LIBS_DIR=str(copy), CC="false")
    assert status == 1
    assert "libtemporal_sdk_core.a was altered" in message


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archives for TEMPORAL_LIBS_DIR with functions that do nothing."""
    directory = tmp_path_factory.mktemp("stand-in") / "archives"
    return make_stand_in(directory, TARGETS[0], ["cc"], ["ar"])


def test_archives_of_the_override_are_linked(
    script: Command, stand_in: Path, tmp_path: Path
) -> None:
    (line,) = script.lines("--shared", str(tmp_path), environ={"TEMPORAL_LIBS_DIR": str(stand_in)})
    file = Path(line)
    assert file.stat().st_size < 1 << 20
    assert proven(file, SDK_CORE, NEWEST)
    assert needed(file) == {"libc"}


def test_archive_that_lacks_a_function_is_refused(
    script: Command, stand_in: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archives"
    shutil.copytree(stand_in, copy)
    # The client's archive has fewer functions; its record is adapted.
    shutil.copyfile(copy / "libtemporal_client.a", copy / "libtemporal_sdk_core.a")
    manifest = json.loads((copy / "manifest.json").read_text())
    core, client = manifest["libraries"]
    core.update(sha256=client["sha256"], size=client["size"])
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (copy / "checksums.sha256").write_text(
        "".join(f"{client['sha256']}  {it['file']}\n" for it in (core, client))
    )
    status, message = refused(script, tmp_path / "libs", TEMPORAL_LIBS_DIR=str(copy))
    assert status == 1
    assert "libtemporal_sdk_core.a lacks " in message
    assert "temporal_core_worker_new" in message or "temporal_core_" in message
    assert not (tmp_path / "libs").exists()


def test_clang_links_it_too(script: Command, stand_in: Path, tmp_path: Path) -> None:
    environ = {"TEMPORAL_LIBS_DIR": str(stand_in), "CC": require_program("clang")}
    (line,) = script.lines("--shared", str(tmp_path), environ=environ)
    assert proven(Path(line), SDK_CORE, NEWEST)
