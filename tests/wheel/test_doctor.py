"""`temporal-libs-config --doctor`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from temporal_static_libs import __version__
from tests.support.ci.skips import require_program
from tests.support.pip.tiny_package import HEADER, TinyPackage
from tests.support.programs.paths import without_programs

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

ASKED = {"USE_PREBUILT_LIBS": "false"}
FALLBACK = {"TEMPORAL_LIBS_FALLBACK": "compile"}


def broken(report: str) -> list[str]:
    """The findings of broken things."""
    lines = report.splitlines()
    assert all(line.startswith(("ok      ", "broken  ")) for line in lines), report
    return [line.removeprefix("broken  ") for line in lines if line.startswith("broken")]


def test_intact_package_has_no_broken_findings(command: Command, package_dir: Path) -> None:
    report = command.lines("--doctor")
    lines = [
        line
        for line in report
        if not line.startswith(("ok      tool: ", "ok      floor: ", "ok      command: "))
    ]
    manifest = json.loads((package_dir / "lib" / "manifest.json").read_text())
    core, client = manifest["libraries"]
    assert lines == [
        f"ok      package: temporal-static-libs {__version__}",
        "ok      active: wheel, because it is the default: TEMPORAL_LIBS_DIR is not set, and "
        "USE_PREBUILT_LIBS is not false",
        f"ok      version: {__version__}",
        f"ok      directory: {package_dir / 'lib'}",
        f"ok      target: {manifest['target']} ({manifest['platform']})",
        f"ok      archive: {core['file']}, SHA-256 {core['sha256']} as recorded",
        f"ok      archive: {client['file']}, SHA-256 {client['sha256']} as recorded",
        f"ok      header: {HEADER}, SHA-256 {manifest['header_sha256']} as recorded",
        f"ok      ABI: the header and the archives have {manifest['abi']}",
        f"ok      protobuf files: {package_dir / 'share' / 'proto'}",
        "ok      memory: results of verification are cached in "
        f"{os.environ['TEMPORAL_LIBS_CACHE_DIR']}/verified",
    ]


def test_json_has_the_same_findings(script: Command, tiny_package: TinyPackage) -> None:
    report = json.loads("\n".join(script.lines("--doctor", "--json")))
    assert report["ok"] is True
    assert [
        f"{'ok' if found['ok'] else 'broken':<8}{found['subject']}: {found['finding']}"
        for found in report["findings"]
    ] == script.lines("--doctor")
    tiny_package.break_wheel()
    done = tiny_package.config("--doctor", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["ok"] is False


def test_floor_is_compared_with_this_machine(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    (floor,) = [line for line in script.lines("--doctor") if "floor: " in line]
    assert re.fullmatch(r"ok      floor: glibc 2\.17; this machine has glibc [\d.]+", floor)
    package = copy_site(tmp_path / "site")
    for change, finding in [
        (
            {"floor": {"name": "glibc", "version": "9.9"}},
            "broken  floor: glibc 9.9; this ",
        ),
        ({"platform": "linux-arm64"}, "ok      floor: glibc 9.9; this machine is another platform"),
    ]:
        file = package / "lib" / "manifest.json"
        manifest = json.loads(file.read_text()) | change
        file.unlink()
        file.write_text(json.dumps(manifest))
        done = script.run("--doctor", environ={"PYTHONPATH": str(package.parent)})
        assert f"\n{finding}" in done.stdout.decode()


def test_build_tools_are_reported_but_optional(script: Command, tmp_path: Path) -> None:
    def tools(**environ: str) -> list[str]:
        lines = script.lines("--doctor", environ=environ)
        return [line.partition("tool: ")[2] for line in lines if "tool: " in line]

    cc = require_program("cc")
    assert any(line.startswith("cc ") and line.endswith(f"({cc})") for line in tools())
    zig, *others = tools(PATH=str(tmp_path))
    assert re.fullmatch(r"zig [\d.]+ \(\S+ -m ziglang\)", zig)
    assert [line.partition(";")[0] for line in others] == [
        f"{name} is not on PATH" for name in ("cc", "pkg-config", "cmake")
    ]


@pytest.mark.parametrize("path", [":.::", "", "here"])
def test_no_program_of_the_working_directory_is_run(
    script: Command, tmp_path: Path, path: str
) -> None:
    (tmp_path / "here").mkdir()
    for tool in ("zig", "cc", "pkg-config", "cmake", "cargo", "rustc", "git"):
        for directory in (tmp_path, tmp_path / "here"):
            program = directory / tool
            program.write_text(f"#!/bin/sh\n: > {tmp_path}/ran\necho {tool} 6.6\n")
            program.chmod(0o755)
    done = subprocess.run(
        [*script.argv, "--doctor"],
        env={**os.environ, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "6.6" not in done.stdout
    assert not (tmp_path / "ran").exists()


def test_no_module_of_the_working_directory_is_run(script: Command, tmp_path: Path) -> None:
    (tmp_path / "ziglang").mkdir()
    for module in ("__init__.py", "__main__.py"):
        (tmp_path / "ziglang" / module).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    done = subprocess.run(
        [*script.argv, "--doctor"],
        env={**os.environ, "PATH": "/nowhere"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"tool: zig [\d.]+ \(\S+ -m ziglang\)\n", done.stdout)
    assert not (tmp_path / "ran").exists()


def test_escape_sequences_of_a_tool_are_not_printed(script: Command, tmp_path: Path) -> None:
    tool = tmp_path / "cc"
    tool.write_text("#!/bin/sh\nprintf '\\n\\033[2J 1.2\\007%0500d\\n' 0\n")
    tool.chmod(0o755)
    report = script.lines("--doctor", environ={"PATH": str(tmp_path)})
    (line,) = [it for it in report if str(tool) in it]
    assert line == f"ok      tool: cc [2J 1.2{'0' * 93} ({tool})"


def test_hanging_tool_is_reported(script: Command, tmp_path: Path) -> None:
    tool = tmp_path / "cmake"
    tool.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do :; done\n")
    tool.chmod(0o755)
    report = script.lines("--doctor", environ={"PATH": str(tmp_path)})
    assert f"ok      tool: cmake did not respond within 5 seconds ({tool})" in report


def test_unusable_memory_is_reported_but_not_as_broken(script: Command, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    report = script.lines("--doctor", environ={"TEMPORAL_LIBS_CACHE_DIR": str(tmp_path)})
    (finding,) = [line for line in report if "memory: " in line]
    assert finding.startswith(
        "ok      memory: results of verification are not cached: the cache directory "
        "is writable by others; refusing to use it; file: "
    )


def test_invalid_setting_is_bad_usage(command: Command) -> None:
    done = command.run("--doctor", environ={"USE_PREBUILT_LIBS": "maybe"})
    assert (done.returncode, done.stdout) == (2, b"")


def test_intact_override(command: Command, package_dir: Path) -> None:
    lines = command.lines("--doctor", environ={"TEMPORAL_LIBS_DIR": str(package_dir / "lib")})
    assert f"ok      active: override, because TEMPORAL_LIBS_DIR is {package_dir / 'lib'}" in lines


def test_missing_override(command: Command, tmp_path: Path) -> None:
    done = command.run("--doctor", environ={"TEMPORAL_LIBS_DIR": str(tmp_path / "none")})
    (finding,) = broken(done.stdout.decode())
    assert (done.returncode, done.stderr) == (1, b"")
    assert finding.startswith("archives: the directory does not exist, or is a file; file: ")


def test_broken_archive_and_header_are_both_reported(tiny_package: TinyPackage) -> None:
    tiny_package.break_wheel()  # its header is the tiny one, which does not match these archives
    done = tiny_package.config("--doctor")
    archive, header, abi = broken(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert archive.startswith("archive: libtemporal_sdk_core.a is truncated: ")
    assert header.startswith(f"header: {HEADER} is not the one recorded ")
    expected = "ABI: the header has 0123456789abcdef, but the archives differ: manifest "
    assert abi.startswith(expected)


def test_header_with_another_abi_is_detected_by_the_archives_symbols(
    tiny_package: TinyPackage, package_dir: Path
) -> None:
    text = (package_dir / "include" / HEADER).read_text(encoding="utf-8")
    manifest = json.loads((package_dir / "lib" / "manifest.json").read_text())
    other = "0" * len(manifest["abi"])
    header = tiny_package.root / "include" / HEADER
    header.write_text(text.replace(manifest["abi"], other), encoding="utf-8")
    finding = broken(tiny_package.config("--doctor").stdout)[-1]
    assert finding.startswith(f"ABI: the header has {other}, but the archives differ: ")
    for library in manifest["libraries"]:
        assert f"; {library['file']} temporal_static_libs_" in finding
    assert finding.count(manifest["abi"]) == 1 + len(manifest["libraries"])


def test_doctor_does_not_compile_a_missing_set(tiny_package: TinyPackage) -> None:
    done = tiny_package.config("--doctor", **ASKED)
    assert done.returncode == 1
    assert "ok      active: compiled, because USE_PREBUILT_LIBS is false\n" in done.stdout
    assert broken(done.stdout) == [
        "archives: no archives have been compiled yet; the next command that needs them compiles "
        "them"
    ]
    assert done.stderr == ""
    assert not tiny_package.cache.exists()


def test_compiled_set_is_ok_without_rust(tiny_package: TinyPackage) -> None:
    tiny_package.answer("--verify", **ASKED)
    path = without_programs(tiny_package.environ, ("cargo", "rustc"))
    done = tiny_package.config("--doctor", **ASKED, PATH=path)
    assert done.returncode == 0
    assert f"ok      directory: {tiny_package.compiled}\n" in done.stdout
    assert broken(done.stdout) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("libtemporal_client.a", "archive: libtemporal_client.a is missing; "),
        ("manifest.json", "archives: manifest.json is missing; "),
    ],
)
def test_corrupt_compiled_set_is_not_changed(
    tiny_package: TinyPackage, name: str, problem: str
) -> None:
    tiny_package.answer("--verify", **ASKED)
    (tiny_package.compiled / name).unlink()
    before = sorted(tiny_package.cache.rglob("*"))
    done = tiny_package.config("--doctor", **ASKED)
    (finding,) = broken(done.stdout)
    assert done.returncode == 1
    assert finding.startswith(problem)
    assert f"fix: rm -rf {tiny_package.compiled} " in finding
    assert sorted(tiny_package.cache.rglob("*")) == before


def test_cache_that_others_can_write_to(tiny_package: TinyPackage) -> None:
    tiny_package.cache.mkdir()
    tiny_package.cache.chmod(0o777)
    (finding,) = broken(tiny_package.config("--doctor", **ASKED).stdout)
    assert finding.startswith("archives: the cache directory is writable by others")


def test_needed_fallback(tiny_package: TinyPackage) -> None:
    tiny_package.break_wheel()
    tiny_package.answer("--verify", **FALLBACK)
    done = tiny_package.config("--doctor", **FALLBACK)
    (finding,) = broken(done.stdout)
    assert done.returncode == 1
    assert finding.startswith("the wheel's own archives: libtemporal_sdk_core.a is truncated: ")
    why = "TEMPORAL_LIBS_FALLBACK is compile and the wheel's own are broken"
    assert f"ok      active: compiled, because {why}\n" in done.stdout


def test_unneeded_fallback(script: Command) -> None:
    lines = script.lines("--doctor", environ=FALLBACK)
    assert lines[1].startswith("ok      active: wheel, because ")
    assert lines[1].endswith("; TEMPORAL_LIBS_FALLBACK=compile is not needed")
