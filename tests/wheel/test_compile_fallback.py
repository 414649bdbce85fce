"""Archives compiled on this machine: when, from what, and what is reported."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_static_libs import __version__
from tests.support.pip.tiny_package import HEADER, TinyPackage, make_tiny_package
from tests.support.programs.paths import without_programs

ASKED = {"USE_PREBUILT_LIBS": "false"}
FALLBACK = {"TEMPORAL_LIBS_FALLBACK": "compile"}

TINY_WORKSPACE = Path(__file__).parent / "tiny_workspace"

LEADS_TO_NONE = ("--version", "--prefix", "--includedir", "--cflags")

Change = Callable[[TinyPackage], object]


@pytest.fixture
def compiled(tiny_package: TinyPackage) -> TinyPackage:
    """The package with compiled archives."""
    done = tiny_package.config("--verify", **ASKED)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Compiling for ") == 1
    return tiny_package


def test_stdout_is_the_answer_and_progress_is_on_stderr(tiny_package: TinyPackage) -> None:
    done = tiny_package.config("--libdir", "--verify", **ASKED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(tiny_package.compiled),
        "ok: libtemporal_client.a libtemporal_sdk_core.a",
    ]
    assert "requested by: USE_PREBUILT_LIBS=false\n" in done.stderr
    assert f"in:           {tiny_package.compiled}\n" in done.stderr
    assert "because:      no archives have been compiled yet\n" in done.stderr
    assert "Compiling temporal-static-libs-sdk-core v0.10.1 " in done.stderr


def test_cache_contains_only_the_set_and_receipts(compiled: TinyPackage) -> None:
    files = {file.relative_to(compiled.cache) for file in compiled.cache.rglob("*")}
    place = compiled.compiled.relative_to(compiled.cache)
    assert {file for file in files if file.parts[0] != "verified"} == {
        place.parent,
        place,
        *(
            place / name
            for name in (
                "checksums.sha256",
                "libtemporal_client.a",
                "libtemporal_sdk_core.a",
                "manifest.json",
            )
        ),
    }


def test_json_reports_a_compiled_set(compiled: TinyPackage) -> None:
    facts = json.loads(compiled.answer("--json", **ASKED)[0])
    assert facts["source"] == "compiled"
    assert facts["libdir"] == str(compiled.compiled)
    assert facts["cargo"]["profile"] == "quick"
    assert facts["abi"] == "0123456789abcdef"
    assert [Path(library["path"]).is_file() for library in facts["libraries"]] == [True, True]


def test_second_call_reuses_the_set_silently_and_without_rust(compiled: TinyPackage) -> None:
    path = without_programs(compiled.environ, ("cargo", "rustc"))
    done = compiled.config("--libdir", **ASKED, PATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{compiled.compiled}\n", "")


def test_package_itself_is_not_written_to(tiny_package: TinyPackage) -> None:
    before = {file: file.stat().st_mtime_ns for file in tiny_package.root.rglob("*")}
    tiny_package.answer("--libs", **ASKED)
    assert {file: file.stat().st_mtime_ns for file in tiny_package.root.rglob("*")} == before


@pytest.mark.parametrize("name", ["with a space", "it's", "Überraschung 例"])
def test_package_and_cache_can_be_in_directories_with_any_name(
    copy_site: Callable[[Path], Path], tmp_path: Path, tiny_environ: dict[str, str], name: str
) -> None:
    del tiny_environ["CARGO_TARGET_DIR"]
    root = copy_site(tmp_path / name)
    package = make_tiny_package(root, TINY_WORKSPACE, tmp_path / name / "cache", tiny_environ)
    done = package.config("--verify", **ASKED, PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("settings", [ASKED, FALLBACK], ids=["asked-for", "fallback"])
def test_descriptions_are_those_of_the_active_set(
    tiny_package: TinyPackage, settings: dict[str, str]
) -> None:
    tiny_package.break_wheel()  # except for its manifest, which has a different ABI
    assert tiny_package.answer("--abi", **settings) == ["0123456789abcdef"]
    manifest = json.loads((tiny_package.compiled / "manifest.json").read_text())
    system = " ".join(f"-l{name}" for name in manifest["libraries"][0]["system_libraries"])
    assert tiny_package.answer("--target", "--platform", "--system-libs", **settings) == [
        manifest["target"],
        manifest["platform"],
        system,
    ]


@pytest.mark.parametrize("option", LEADS_TO_NONE)
def test_answers_that_need_no_archive_compile_nothing(
    tiny_package: TinyPackage, option: str
) -> None:
    assert tiny_package.config(option, **ASKED).stderr == ""
    assert not tiny_package.cache.exists()


@pytest.mark.parametrize("call", ["lib_dir()", "library_set()", "link_flags()", "verify()"])
def test_python_interface_compiles_too(tiny_package: TinyPackage, call: str) -> None:
    program = f"import temporal_static_libs as t; t.{call}; print(t.lib_dir())"
    done = tiny_package.python("-c", program, **ASKED)
    assert (done.returncode, done.stdout) == (0, f"{tiny_package.compiled}\n"), done.stderr
    assert "requested by: USE_PREBUILT_LIBS=false" in done.stderr


def delete_archive(package: TinyPackage) -> None:
    (package.compiled / "libtemporal_client.a").unlink()


def truncate_archive(package: TinyPackage) -> None:
    os.truncate(package.compiled / "libtemporal_sdk_core.a", 100)


def alter_archive(package: TinyPackage) -> None:
    with open(package.compiled / "libtemporal_sdk_core.a", "r+b") as stream:
        stream.seek(1000)
        stream.write(b"altered")


def delete_checksums(package: TinyPackage) -> None:
    (package.compiled / "checksums.sha256").unlink()


def cut_manifest(package: TinyPackage) -> None:
    os.truncate(package.compiled / "manifest.json", 100)


def empty(package: TinyPackage) -> None:
    for file in package.compiled.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (delete_archive, "libtemporal_client.a is missing"),
        (truncate_archive, "libtemporal_sdk_core.a is truncated: "),
        (alter_archive, "libtemporal_sdk_core.a was altered: "),
        (delete_checksums, "checksums.sha256 is missing"),
        (cut_manifest, "manifest.json is damaged: "),
        (empty, "checksums.sha256 is missing"),
    ],
)
def test_corrupt_set_is_removed_and_recompiled_once(
    compiled: TinyPackage, damage: Change, problem: str
) -> None:
    damage(compiled)
    done = compiled.config("--libdir", **ASKED)
    assert (done.returncode, done.stdout) == (0, f"{compiled.compiled}\n"), done.stderr
    assert f"the compiled archives are damaged: {problem}" in done.stderr
    assert done.stderr.count("Compiling for ") == 1
    assert compiled.config("--verify", **ASKED).stderr == ""


def change_source(package: TinyPackage) -> None:
    source = package.workspace / "c-api" / "src" / "lib.rs"
    source.write_text(source.read_text() + "\npub fn another() {}\n")


def change_header(package: TinyPackage) -> None:
    header = package.root / "include" / HEADER
    header.write_text(header.read_text() + "\n/* another */\n")


def claim_another_version(package: TinyPackage) -> None:
    file = package.compiled / "manifest.json"
    manifest = json.loads(file.read_text())
    file.write_text(json.dumps({**manifest, "version": f"{__version__}.post1"}))


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (change_source, "were built from different Rust sources"),
        (change_header, "were built for a different C header"),
        (claim_another_version, f"are from temporal-static-libs {__version__}.post1"),
    ],
)
def test_outdated_set_is_not_used(compiled: TinyPackage, change: Change, because: str) -> None:
    change(compiled)
    done = compiled.config("--libdir", **ASKED)
    assert done.returncode == 0
    assert f"because:      the compiled archives {because}\n" in done.stderr
    assert compiled.config("--libdir", **ASKED).stderr == ""


def test_set_with_another_profile_is_not_used(compiled: TinyPackage) -> None:
    done = compiled.config("--json", **ASKED, TEMPORAL_LIBS_CARGO_PROFILE="")
    assert "with the Cargo profile quick, not release\n" in done.stderr
    assert json.loads(done.stdout)["cargo"]["profile"] == "release"


def test_changed_sources_with_old_times_are_compiled(
    tiny_package: TinyPackage, tmp_path: Path
) -> None:
    """For example those of a .postN, unpacked with the times of its release."""
    source = tiny_package.workspace / "c-api" / "src" / "lib.rs"
    settings = {**ASKED, "CARGO_TARGET_DIR": str(tmp_path / "shared")}

    def checksum() -> str:
        facts = json.loads(tiny_package.answer("--json", **settings)[0])
        return str(facts["libraries"][0]["sha256"])

    first = checksum()
    source.write_text(source.read_text().replace("Box::new(Random(seed))", "loop {}"))
    os.utime(source, (1, 1))
    assert checksum() != first


@pytest.mark.parametrize("cause", ["archive", "manifest", "target"])
def test_broken_wheel_falls_back_with_a_message(tiny_package: TinyPackage, cause: str) -> None:
    manifest = tiny_package.root / "lib" / "manifest.json"
    if cause == "archive":
        tiny_package.break_wheel()
        problem = "libtemporal_sdk_core.a is truncated: "
    elif cause == "manifest":
        manifest.unlink()
        problem = "manifest.json is missing"
    else:
        text = manifest.read_text().replace("x86_64-unknown-linux-gnu", "mips-unknown-linux-gnu")
        manifest.unlink()
        manifest.write_text(text)
        problem = "the target 'mips-unknown-linux-gnu' is not supported"
    first = tiny_package.config("--libdir", "--target", **FALLBACK)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[0] == str(tiny_package.compiled)
    said = f"temporal-static-libs: the wheel's own archives cannot be used: {problem}"
    assert first.stderr.startswith(said)
    assert "requested by: TEMPORAL_LIBS_FALLBACK=compile\n" in first.stderr
    again = tiny_package.config("--libdir", **FALLBACK)
    assert again.stdout == f"{tiny_package.compiled}\n"
    assert again.stderr.startswith(said)
    assert "Compiling" not in again.stderr


@pytest.mark.parametrize("call", ["lib_dir()", "library_set()", "link_flags()", "verify()"])
def test_python_interface_falls_back_too(tiny_package: TinyPackage, call: str) -> None:
    tiny_package.break_wheel()
    program = f"import temporal_static_libs as t; t.{call}; print(t.lib_dir())"
    done = tiny_package.python("-c", program, **FALLBACK)
    assert (done.returncode, done.stdout) == (0, f"{tiny_package.compiled}\n"), done.stderr
    assert "libtemporal_sdk_core.a is truncated: " in done.stderr


def test_intact_wheel_needs_no_fallback(tiny_package: TinyPackage) -> None:
    done = tiny_package.config("--libdir", "--verify", **FALLBACK)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tiny_package.root / 'lib'}\n")
    assert {path.name for path in tiny_package.cache.glob("*")} <= {"verified"}


@pytest.mark.parametrize("settings", [ASKED, FALLBACK], ids=["asked-for", "fallback"])
def test_without_rust_the_fallback_stops_before_any_work(
    tiny_package: TinyPackage, settings: dict[str, str]
) -> None:
    tiny_package.break_wheel()
    path = without_programs(tiny_package.environ, ("cargo", "rustc"))
    done = tiny_package.config("--libs", **settings, PATH=path)
    ((name, value),) = settings.items()
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be compiled here: cargo was not found on PATH\n" in done.stderr
    assert f"because {name}={value} is set. To fix this, do one" in done.stderr
    assert "python -m pip install puccinialin" in done.stderr
    way = "Unset USE_PREBUILT_LIBS" if settings is ASKED else "-m pip install --force-reinstall"
    assert way in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tiny_package.cache.iterdir()) == []


def test_compile_error_can_be_caught(tiny_package: TinyPackage) -> None:
    program = (
        "import temporal_static_libs as t\n"
        "try: t.lib_dir()\n"
        "except t.CompileError as error: print(str(error).splitlines()[0])\n"
    )
    path = without_programs(tiny_package.environ, ("cargo", "rustc"))
    done = tiny_package.python("-c", program, **ASKED, PATH=path)
    assert done.stdout == (
        "temporal-static-libs cannot be compiled here: cargo was not found on PATH\n"
    )


def test_package_without_sources_is_an_error(tiny_package: TinyPackage) -> None:
    shutil.rmtree(tiny_package.workspace)
    done = tiny_package.config("--libs", **ASKED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the package has no Rust sources to compile: " in done.stderr


def test_invalid_build_setting_is_bad_usage(tiny_package: TinyPackage) -> None:
    done = tiny_package.config("--libs", **ASKED, TEMPORAL_LIBS_BOOTSTRAP_RUST="maybe")
    assert (done.returncode, done.stdout) == (2, "")
    expected = "expected 1, true or yes, or 0, false or no, or leave it unset"
    assert f"TEMPORAL_LIBS_BOOTSTRAP_RUST is 'maybe'; {expected}" in done.stderr


def test_unsupported_target_is_an_error(tiny_package: TinyPackage) -> None:
    done = tiny_package.config("--libs", **ASKED, TEMPORAL_LIBS_TARGET="mips-unknown-none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the target 'mips-unknown-none' is not supported" in done.stderr


def test_closed_stderr_keeps_progress_off_stdout(tiny_package: TinyPackage, tmp_path: Path) -> None:
    script = tiny_package.script(tmp_path)
    program = "import os, subprocess, sys\nos.close(2)\nos.execv(sys.argv[1], sys.argv[1:])\n"
    done = tiny_package.python("-c", program, str(script), "--libdir", **ASKED)
    assert (done.returncode, done.stdout) == (0, f"{tiny_package.compiled}\n")


def test_cache_is_private_with_any_umask(tiny_package: TinyPackage) -> None:
    program = "import os, temporal_static_libs as t\nos.umask(0)\nt.verify()\n"
    done = tiny_package.python("-c", program, **ASKED)
    assert done.returncode == 0, done.stderr
    place = tiny_package.compiled
    modes = [
        stat.S_IMODE(path.stat().st_mode) for path in (tiny_package.cache, place.parent, place)
    ]
    assert modes == [0o700, 0o700, 0o700]
