"""The contract of temporal-libs-config."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import temporal_static_libs
from temporal_static_libs._about import TROUBLESHOOTING_URL
from temporal_static_libs._targets import TARGETS

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

EVERY_OPTION = (
    *("--version", "--prefix", "--libdir", "--includedir", "--interface", "--libs"),
    *("--libfiles", "--system-libs", "--frameworks", "--cflags", "--ldflags", "--cmakedir"),
    *("--pkgconfigdir", "--protodir", "--zigdir", "--target", "--platform", "--abi", "--sha256"),
    *("--json", "--verify"),
)

USAGE_HINT = "Try 'temporal-libs-config --help'."


def test_answers_have_the_designed_form(command: Command, package_dir: Path) -> None:
    json_line = command.lines("--json")[0]
    facts = json.loads(json_line)
    system = " ".join(f"-l{name}" for name in facts["libraries"][0]["system_libraries"])
    expected = {
        "--version": temporal_static_libs.__version__,
        "--prefix": f"{package_dir}",
        "--libdir": f"{package_dir}/lib",
        "--includedir": f"{package_dir}/include",
        "--interface": f"{package_dir}/share/interface.json",
        "--libs": f"{package_dir}/lib/libtemporal_sdk_core.a {system}",
        "--libfiles": f"{package_dir}/lib/libtemporal_sdk_core.a",
        "--system-libs": system,
        "--frameworks": "",
        "--cflags": f"-I{package_dir}/include",
        "--ldflags": "-Wl,--gc-sections",
        "--cmakedir": f"{package_dir}/lib/cmake/TemporalStaticLibs",
        "--pkgconfigdir": f"{package_dir}/lib/pkgconfig",
        "--protodir": f"{package_dir}/share/proto",
        "--zigdir": f"{package_dir}/share/zig",
        "--target": facts["target"],
        "--platform": facts["platform"],
        "--abi": facts["abi"],
        "--sha256": facts["libraries"][0]["sha256"],
        "--json": json_line,
        "--verify": "ok: libtemporal_sdk_core.a libtemporal_client.a",
    }
    assert tuple(expected) == EVERY_OPTION
    assert facts["platform"].startswith("linux-"), "the expected flags are those of Linux"
    for option, answer in expected.items():
        assert command.run(option).stdout == f"{answer}\n".encode(), option


def test_linux_x64_links_the_libraries_that_rustc_reports(script: Command) -> None:
    target, system = script.lines("--target", "--system-libs")
    if target != "x86_64-unknown-linux-gnu":
        pytest.skip(f"the sample is for another target than {target}")
    assert system == "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"


def test_one_line_per_option_in_the_given_order(command: Command) -> None:
    answers = {option: command.lines(option)[0] for option in EVERY_OPTION}
    for options in (EVERY_OPTION, EVERY_OPTION[::-1], ("--libs", "--version", "--libs")):
        assert command.lines(*options) == [answers[option] for option in options]


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "between", "last"])
def test_component_applies_to_the_whole_call(command: Command, place: int) -> None:
    options = ["--libfiles", "--libs"]
    options.insert(place, "--component=client")
    files, libs = command.lines(*options)
    assert files.endswith("/lib/libtemporal_client.a")
    assert libs.startswith(f"{files} -l")


def test_component_is_sdk_core_by_default(command: Command) -> None:
    assert command.lines("--libs", "--component", "sdk-core") == command.lines("--libs")


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "between", "last"])
@pytest.mark.parametrize("component", ["sdk-core", "client"])
def test_static_changes_the_system_libraries_of_the_whole_call(
    command: Command, component: str, place: int
) -> None:
    queries = [option for option in EVERY_OPTION if option not in ("--verify", "--version")]
    choice = ("--component", component)
    options = [*queries]
    options.insert(place * len(queries) // 2, "--static")
    plain = dict(zip(queries, command.lines(*queries, *choice), strict=True))
    static = dict(zip(queries, command.lines(*options, *choice), strict=True))
    assert {option for option in queries if static[option] != plain[option]} == {
        *("--libs", "--system-libs", "--json"),
    }
    for option in ("--libs", "--system-libs"):
        assert static[option].split() == [
            "-lgcc_eh" if flag == "-lgcc_s" else flag for flag in plain[option].split()
        ]
    facts = json.loads(static["--json"])
    for library in facts["libraries"]:
        assert library["system_libraries"] == static["--system-libs"].replace("-l", "").split()
        plainly = ["gcc_s" if name == "gcc_eh" else name for name in library["system_libraries"]]
        library["system_libraries"] = plainly
    assert facts == json.loads(plain["--json"])


def test_python_has_the_flags_for_static_programs(command: Command) -> None:
    for component in ("sdk-core", "client"):
        (libs,) = command.lines("--static", "--libs", "--component", component)
        flags = temporal_static_libs.link_flags(component, static=True)
        assert shlex.split(libs) == list(flags)


def test_json_is_the_manifest_with_additions_for_builds(
    command: Command, package_dir: Path
) -> None:
    facts = json.loads(command.lines("--json")[0])
    manifest = json.loads((package_dir / "lib" / "manifest.json").read_text())
    assert facts.pop("source") == "wheel"
    assert facts.pop("source_description") == (
        f"wheel (temporal-static-libs {temporal_static_libs.__version__})"
    )
    assert facts.pop("troubleshooting") == TROUBLESHOOTING_URL
    assert facts.pop("platforms") == [
        {
            "platform": target.platform,
            "wheel_tag": target.wheel_tags[0],
            "zig_target": target.zig_target,
        }
        for target in TARGETS
    ]
    assert facts.pop("toolchains") == []
    assert facts.pop("prefix") == str(package_dir)
    assert facts.pop("libdir") == str(package_dir / "lib")
    assert facts.pop("protodir") == str(package_dir / "share" / "proto")
    zig = Path(package_dir, "share", "zig")
    assert facts.pop("zig_bindings") == [
        {"zig": series, "path": str(zig / f"bindings-{series}.zig")}
        for series in ("0.15", "0.16", "0.17")
    ]
    assert {file.name for file in zig.iterdir()} == {
        "temporal_libs.zig",
        *(f"bindings-{series}.zig" for series in ("0.15", "0.16", "0.17")),
    }
    assert facts.pop("includedir") == str(package_dir / "include")
    header = Path(facts.pop("header"))
    assert header == package_dir / "include" / "temporal-sdk-core-c-bridge.h"
    assert header.is_file()
    assert facts.pop("interface") == str(package_dir / "share" / "interface.json")
    for library in facts["libraries"]:
        assert library.pop("path") == str(package_dir / "lib" / library["file"])
        assert f"lib{library.pop('name')}.a" == library["file"]
    assert facts == manifest


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param(("--component", "client"), "no option given", id="component-only"),
        pytest.param(("--static",), "no option given", id="static-only"),
        pytest.param(("--static", "--doctor"), "--doctor cannot be", id="doctor-and-static"),
        pytest.param(("--zig", "--static"), "--zig cannot be combined", id="zig-and-static"),
        pytest.param(
            ("--lib",), "unrecognized arguments: --lib (did you mean --libs?)", id="abbreviation"
        ),
        pytest.param(
            ("--comp=client", "--libs"),
            "--comp=client (did you mean --component?)",
            id="abbreviated-component",
        ),
        pytest.param(("--libs", "--cmake-dir"), "(did you mean --cmakedir?)", id="misspelled"),
        pytest.param(
            ("--libs", "--nonsense"), "unrecognized arguments: --nonsense", id="unknown-after-known"
        ),
        pytest.param(("--nonsense", "--libs"), "--nonsense", id="unknown-before-known"),
        pytest.param(("--libs", "extra"), "extra", id="positional"),
        pytest.param(("--libs=x",), "--libs", id="value-for-a-flag"),
        pytest.param(("-l",), "-l", id="short"),
        pytest.param(("--libs", "--component"), "--component", id="no-component"),
        pytest.param(
            ("--libs", "--component", "all"),
            "unknown component 'all'; available: sdk-core, client",
            id="unknown-component",
        ),
        pytest.param(
            ("--libs", "--component", "libtemporal_clients.a"),
            "'libtemporal_clients.a' (did you mean client?); available",
            id="misspelled-component",
        ),
        pytest.param(("--libs", "--component", ""), "''", id="empty-component"),
        pytest.param(("--doctor", "--libs"), "--doctor cannot be combined", id="doctor-and-more"),
        pytest.param(("--zig", "--zigdir"), "--zig cannot be combined", id="zig-and-more"),
        pytest.param(("--zig", "--doctor"), "cannot be combined with", id="zig-and-doctor"),
        pytest.param(
            ("--component=client", "--zig"), "--zig cannot be combined", id="zig-and-component"
        ),
        pytest.param(
            ("--completion=bash", "--json"), "--completion cannot be", id="completion-and-more"
        ),
        pytest.param(("--completion", "tea"), "'tea'", id="completion-of-no-shell"),
        pytest.param(
            ("--component=client", "--libs", "--component=client"),
            "--component is given more than once",
            id="component-twice",
        ),
    ],
)
def test_bad_usage(command: Command, options: tuple[str, ...], problem: str) -> None:
    done = command.run(*options)
    first, last = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert done.stdout == b""
    assert first.startswith("temporal-libs-config: error: ")
    assert problem in first
    assert last == USAGE_HINT


def test_bare_command_prints_its_help_as_an_error(command: Command) -> None:
    done = command.run()
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == command.run("--help").stdout


@pytest.mark.parametrize("name", ["USE_PREBUILT_LIBS", "TEMPORAL_LIBS_FALLBACK"])
def test_invalid_setting_is_bad_usage_with_any_option(command: Command, name: str) -> None:
    done = command.run("--version", environ={name: "maybe"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"the environment variable {name} is 'maybe'" in done.stderr.decode()


def test_requesting_prebuilt_archives_is_the_default(command: Command) -> None:
    for value in ("true", "TRUE", "1", "yes"):
        assert command.lines("--libs", environ={"USE_PREBUILT_LIBS": value}) == (
            command.lines("--libs")
        )


def test_help_names_every_option(command: Command) -> None:
    text = "\n".join(command.lines("--help"))
    for option in (
        *EVERY_OPTION,
        "--component {sdk-core,client}",
        "--static",
        "--doctor",
        "--zig ",
        "--completion {",
    ):
        assert option in text
    assert text.startswith("usage: temporal-libs-config ")


@pytest.mark.parametrize("columns", ["", "80", "200"], ids=["unset", "80", "wide"])
def test_help_fits_on_a_page(command: Command, columns: str) -> None:
    lines = command.lines("--help", environ={"COLUMNS": columns})
    assert [line for line in lines if len(line) > 80] == []
    assert len(lines) <= 65


def test_help_of_options_is_wrapped_for_a_narrow_terminal(command: Command) -> None:
    lines = command.lines("--help", environ={"COLUMNS": "40"})
    first = lines.index("compiler and linker flags:")
    last = lines.index("environment variables that select the libraries:")
    assert [line for line in lines[first:last] if len(line) > 40] == []


def test_zig_prints_the_helper_whichever_archives_are_active(command: Command) -> None:
    helper = Path(command.lines("--zigdir")[0]) / "temporal_libs.zig"
    printed = command.run("--zig", environ={"TEMPORAL_LIBS_DIR": "/nonexistent"})
    assert (printed.returncode, printed.stderr) == (0, b"")
    assert printed.stdout == helper.read_bytes()


def test_missing_zig_helper_is_an_error(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    helper = copy_site(tmp_path / "site") / "share" / "zig" / "temporal_libs.zig"
    helper.unlink()
    done = script.run("--zig", environ={"PYTHONPATH": str(tmp_path / "site")})
    assert (done.returncode, done.stdout) == (1, b"")
    message = done.stderr.decode()
    assert "temporal_libs.zig is missing" in message
    assert str(helper) in message
    assert "-m pip install --force-reinstall" in message


def test_interface_is_printed_for_any_archives(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    package = copy_site(tmp_path / "site")
    (package / "lib" / "libtemporal_sdk_core.a").unlink()
    environ = {"PYTHONPATH": str(tmp_path / "site")}
    assert script.lines("--interface", environ=environ) == [f"{package}/share/interface.json"]
    assert script.run("--libfiles", environ=environ).returncode == 1


def test_missing_interface_is_an_error(
    script: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    file = copy_site(tmp_path / "site") / "share" / "interface.json"
    file.unlink()
    done = script.run("--interface", environ={"PYTHONPATH": str(tmp_path / "site")})
    assert (done.returncode, done.stdout) == (1, b"")
    message = done.stderr.decode()
    assert "interface.json is missing" in message
    assert str(file) in message
    assert "-m pip install --force-reinstall" in message


def test_override_is_used_by_every_option(
    command: Command, package_dir: Path, tmp_path: Path
) -> None:
    override = tmp_path / "override"
    override.mkdir()
    for file in (package_dir / "lib").iterdir():
        (override / file.name).symlink_to(file)
    environ = {"TEMPORAL_LIBS_DIR": str(override)}
    prefix, libdir, files, facts = command.lines(
        *("--prefix", "--libdir", "--libfiles", "--json"), environ=environ
    )
    assert prefix == str(package_dir)
    assert libdir == str(override)
    assert files == str(override / "libtemporal_sdk_core.a")
    assert json.loads(facts)["source"] == "override"
    assert json.loads(facts)["libraries"][1]["path"] == str(override / "libtemporal_client.a")


@pytest.mark.parametrize(
    "name",
    [b"with space", b"it's", b"caf\xc3\xa9", b"no-utf8-\xff", b'$(x)`y`"z"*;&'],
    ids=["space", "quote", "not-ascii", "not-utf8", "shell-characters"],
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_shell_reads_any_path_unchanged(
    command: Command,
    copy_site: Callable[[Path], Path],
    tmp_path: Path,
    name: bytes,
    locale: str,
) -> None:
    site = tmp_path / os.fsdecode(name)
    package = copy_site(site)
    environ = {"PYTHONPATH": str(site), "LC_ALL": locale}
    assert command.run("--libdir", environ=environ).stdout == os.fsencode(f"{package}/lib\n")
    line = command.run("--cflags", environ=environ).stdout
    script = b'eval "set -- $1"; printf "%s\\n" "$@"'
    done = subprocess.run(["sh", "-c", script, "sh", line], capture_output=True, check=True)
    assert done.stdout == os.fsencode(f"-I{package}/include\n")
    assert shlex.split(os.fsdecode(line)) == [f"-I{package}/include"]
    answer = command.run("--json", environ=environ)
    if b"\xff" in name:  # tests/wheel/test_paths.py has the message
        assert (answer.returncode, answer.stdout) == (1, b"")
        return
    facts = json.loads(answer.stdout)
    assert os.path.samefile(facts["libraries"][0]["path"], package / "lib/libtemporal_sdk_core.a")


def test_closed_standard_output_is_an_error(script: Command) -> None:
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *script.argv, "--libs"]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "temporal-libs-config: error: cannot write to standard output: it is closed\n"
    )


def test_full_disk_is_an_error(script: Command) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*script.argv, "--libs"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == (
        "temporal-libs-config: error: cannot write to standard output: No space left on device\n"
    )


def test_closed_pipe_is_not_reported(script: Command) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*script.argv, "--libs"], stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_closed_standard_error_does_not_put_errors_on_standard_output(script: Command) -> None:
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", *script.argv, "--nonsense"]
    done = subprocess.run(shell, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


def test_script_and_module_belong_to_the_tested_environment(package_dir: Path) -> None:
    script = Path(sys.executable).with_name("temporal-libs-config")
    assert script.is_file()
    assert package_dir.is_relative_to(sys.prefix)
