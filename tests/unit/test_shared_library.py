"""The shared library's formats, and the choice of a linker."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import LinkError
from temporal_static_libs._build.host import this_host
from temporal_static_libs._components import CLIENT, SDK_CORE
from temporal_static_libs._errors import SettingError
from temporal_static_libs._shared import linker
from temporal_static_libs._shared.exports import exported_symbols
from temporal_static_libs._shared.formats import FORMATS
from temporal_static_libs._shared.linker import Linker, find_linker
from temporal_static_libs._targets import TARGETS, WINDOWS_MSVC, Target

NATIVE = TARGETS[0]
BY_PLATFORM = {target.platform: target for target in TARGETS}
WINDOWS = Target("windows-x64-gnu", "x86_64-pc-windows-gnu", "10", "19.3", "windows-2025")


@pytest.mark.parametrize(
    ("system", "names"),
    [
        ("linux", ["libtemporalio_sdk_core_c_bridge.so", "libtemporalio_client_c_bridge.so"]),
        ("macos", ["libtemporalio_sdk_core_c_bridge.dylib", "libtemporalio_client_c_bridge.dylib"]),
        ("windows", ["temporalio_sdk_core_c_bridge.dll", "temporalio_client_c_bridge.dll"]),
    ],
)
def test_names_are_those_that_bindings_look_for(system: str, names: list[str]) -> None:
    assert [FORMATS[system].file_name(it) for it in (SDK_CORE, CLIENT)] == names


def test_there_is_a_format_for_each_platform() -> None:
    assert {target.os for target in TARGETS} <= FORMATS.keys()


def test_exports_are_the_interface_and_its_version_symbol() -> None:
    symbols = exported_symbols(SDK_CORE)
    assert {"temporal_core_worker_new", "temporal_static_libs_version"} <= set(symbols)
    assert [it for it in symbols if "_abi_" in it and it != "temporal_static_libs_abi_id"]
    assert "temporal_core_worker_new" not in exported_symbols(CLIENT)
    assert set(exported_symbols(CLIENT)) < set(symbols)


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("linux", "{\nglobal:\na;\nb;\nlocal:\n*;\n};\n"),
        ("macos", "_a\n_b\n"),
        ("windows", "EXPORTS\na\nb\n"),
    ],
)
def test_list_of_exports_has_the_linkers_format(system: str, text: str) -> None:
    assert FORMATS[system].exports(["a", "b"]) == text


def test_floor_and_install_name_on_macos_match_the_archive() -> None:
    arguments = FORMATS["macos"].arguments("x.dylib", BY_PLATFORM["macos-arm64"], "12.1")
    assert arguments[:3] == ["-shared", "-o", "x.dylib"]
    assert {"-mmacosx-version-min=12.1", "-Wl,-install_name,@rpath/x.dylib"} <= set(arguments)
    assert arguments[arguments.index("-arch") + 1] == "arm64"
    assert arguments[-1] == "@roots"
    assert FORMATS["macos"].roots(["a", "b"]) == "-Wl,-u,_a\n-Wl,-u,_b\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """An empty directory for PATH, on a linux-x64 machine without ziglang."""
    directory = tmp_path / "programs"
    directory.mkdir()
    return directory


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    host = replace(
        this_host(), system="Linux", machine="x86_64", floor_name="glibc", version="2.36"
    )
    monkeypatch.setattr(linker, "this_host", lambda: host)
    monkeypatch.setattr(linker, "ziglang_program", lambda: None)


def found(target: Target, programs: Path, *names: str, **environ: str) -> Linker:
    """The linker that is chosen for a target if PATH has these programs."""
    for name in names:
        (programs / name).touch(mode=0o755)
    return find_linker(target, {"PATH": str(programs), **environ})


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (("clang", "gcc", "cc", "zig"), "cc"),
        (("clang", "gcc", "zig"), "clang"),
        (("gcc", "zig"), "gcc"),
    ],
)
def test_compiler_of_the_machine_is_the_first_choice(
    programs: Path, names: tuple[str, ...], first: str
) -> None:
    assert found(NATIVE, programs, *names) == Linker((str(programs / first),), is_zig=False)


def test_zig_on_path_links_for_the_floor(programs: Path) -> None:
    command = (str(programs / "zig"), "cc", "-target", "x86_64-linux-gnu.2.17")
    assert found(NATIVE, programs, "zig") == Linker(command, is_zig=True)


def test_ziglang_is_not_imported_from_the_working_directory(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linker, "ziglang_program", lambda: "/z/ziglang/__main__.py")
    command = found(NATIVE, programs).command
    assert command[:3] == (sys.executable, "/z/ziglang/__main__.py", "cc")


@pytest.mark.parametrize(
    ("platform", "names", "first"),
    [
        ("linux-arm64", ("aarch64-linux-gnu-gcc", "gcc"), "aarch64-linux-gnu-gcc"),
        ("linux-arm64", ("gcc", "zig"), "zig"),
        ("linux-x64-musl", ("gcc", "x86_64-linux-musl-gcc", "zig"), "zig"),
    ],
)
def test_native_compiler_is_not_used_for_another_platform(
    programs: Path, platform: str, names: tuple[str, ...], first: str
) -> None:
    target = BY_PLATFORM[platform]
    assert found(target, programs, *names).command[0] == str(programs / first)


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (("gcc", "x86_64-w64-mingw32-gcc", "zig"), "x86_64-w64-mingw32-gcc"),
        (("gcc", "zig"), "zig"),
    ],
)
def test_mingw_or_zig_links_for_windows(programs: Path, names: tuple[str, ...], first: str) -> None:
    assert found(WINDOWS, programs, *names).command[0] == str(programs / first)


def test_cc_takes_precedence_and_keeps_its_arguments(programs: Path) -> None:
    made = found(NATIVE, programs, "gcc", "my cc", CC=shlex.join([f"{programs}/my cc", "-m64"]))
    assert made == Linker((str(programs / "my cc"), "-m64"), is_zig=False)


@pytest.mark.parametrize(
    "words", [("zig", "cc"), ("python", "-m", "ziglang", "cc"), ("zig-0.15", "cc", "-v")]
)
def test_zig_in_cc_gets_a_target_with_the_floor(programs: Path, words: tuple[str, ...]) -> None:
    made = found(NATIVE, programs, words[0], CC=shlex.join(words))
    assert made.is_zig
    assert made.command[-2:] == ("-target", "x86_64-linux-gnu.2.17")


def test_zig_in_cc_keeps_its_own_target(programs: Path) -> None:
    made = found(NATIVE, programs, "zig", CC="zig cc -target x86_64-linux-gnu.2.31")
    assert made.command[-1] == "x86_64-linux-gnu.2.31"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("gone -m64", r"CC is 'gone -m64', but gone was not found"),
        ("'gcc", r'CC is "\'gcc", which is not a valid command: No closing quotation'),
        (" ", r"CC is ' ', but   was not found"),
    ],
)
def test_invalid_cc_is_a_setting_error(programs: Path, value: str, problem: str) -> None:
    with pytest.raises(SettingError, match=problem):
        found(NATIVE, programs, "gcc", CC=value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (r"C:\msys64\bin\gcc.exe -m64", [r"C:\msys64\bin\gcc.exe", "-m64"]),
        (r'"C:\Program Files\zig\zig.exe" cc', [r"C:\Program Files\zig\zig.exe", "cc"]),
    ],
)
def test_cc_on_windows_may_contain_backslashes(
    monkeypatch: pytest.MonkeyPatch, value: str, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(linker, "program_on_path", lambda name, environ: name)
    assert list(find_linker(WINDOWS, {"CC": value}).command[: len(words)]) == words


def test_commands_in_messages_can_be_pasted_on_windows(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "executable", r"C:\Program Files\Python\python.exe")
    with pytest.raises(LinkError, match=r'& "C:.+python\.exe" -m pip install ziglang'):
        found(WINDOWS, programs)


def test_archives_for_microsofts_linker_are_refused(programs: Path) -> None:
    with pytest.raises(LinkError, match="cannot link the libraries for msvc"):
        found(WINDOWS_MSVC, programs, "x86_64-w64-mingw32-gcc", CC="x86_64-w64-mingw32-gcc")


@pytest.mark.parametrize(
    ("target", "remedies"),
    [
        (NATIVE, ["-m pip install ziglang", "apt-get install gcc "]),
        (BY_PLATFORM["linux-arm64"], ["ziglang", "apt-get install gcc-aarch64-linux-gnu "]),
        (BY_PLATFORM["macos-arm64"], ["xcode-select --install"]),
        (WINDOWS, ["ziglang", "apt-get install gcc-mingw-w64-x86-64 "]),
    ],
)
def test_message_lists_what_to_install(programs: Path, target: Target, remedies: list[str]) -> None:
    names = ("zig",) if target.os == "macos" else ()
    with pytest.raises(LinkError) as caught:
        found(target, programs, *names)
    for remedy in (*remedies, f"set CC to a C compiler for {target.platform}"):
        assert remedy in str(caught.value)


def test_output_of_a_failed_linker_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "cc"
    program.write_text("#!/bin/sh\necho no such flag >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(LinkError) as caught:
        Linker((str(program),), is_zig=False).run(["-o", "x.so"], tmp_path, os.environ)
    assert str(caught.value) == (
        f"{program} could not link x.so (exit status 3)\n"
        f"  command: {program} -o x.so\n"
        "  output:  no such flag"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [("#!/bin/sh\n", r"could not link x\.so \(exit status 0\)"), ("#!/gone\n", "does not run: ")],
)
def test_linker_without_a_result_has_failed(tmp_path: Path, text: str, problem: str) -> None:
    program = tmp_path / "cc"
    program.write_text(text)
    program.chmod(0o755)
    with pytest.raises(LinkError, match=problem):
        Linker((str(program),), is_zig=False).run(["-o", "x.so"], tmp_path, os.environ)
