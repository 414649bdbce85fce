"""``temporal.hpp``: compiled with each standard, and fully tested on a Temporal server."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.abi.capi import config
from tests.support.abi.ephemeral_server import EXECUTABLE
from tests.support.ci.skips import require_program
from tests.support.programs.c_program import build_program
from tools.dev_server import DevServer

HERE = Path(__file__).parent / "cpp"
STANDARDS = ("c++17", "c++20", "c++2b")
COMPILED = [("g++", "c++20"), *(("clang++", standard) for standard in STANDARDS)]
"""More than the compilers of the program that tests everything."""
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
WAYS = ("wait", "callback", "queue")
CHECKED = [
    *("bytes", "results"),
    *(f"{way}: {what}" for way in WAYS for what in ("a workflow", "failures")),
    *("queue", "requests and logs", "other handles", "server"),
]
COULD_THROW = "a callback must be noexcept, because exceptions must not reach the library"
TAKES_SOMETHING_ELSE = "`then` is `wait`, `queue.tag(...)` or a callable for the Result"
IS_COPIED = "deleted"


@pytest.fixture(scope="module")
def messages(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled messages of the C example."""
    compiled = tmp_path_factory.mktemp("messages") / "messages.o"
    source = repo_root / "examples" / "c" / "messages.c"
    includes = ["-I", config("--includedir")]
    subprocess.run(["cc", "-c", *includes, source, "-o", compiled], check=True)
    return compiled


def compile_only(compiler: str, source: Path, *options: str | Path) -> str:
    """Compile a file, and return the compiler's output."""
    command = [require_program(compiler), *WARNINGS, "-I", config("--includedir"), *options]
    done = subprocess.run([*command, source], capture_output=True, text=True, check=False)
    return done.stderr


def test_every_handle_has_an_owner_and_every_call_a_queue_overload() -> None:
    interface = json.loads(Path(config("--interface")).read_text(encoding="utf-8"))
    names = [function["name"] for function in interface["functions"]]
    needed = {name for name in names if re.search("_free$|^temporal_static_libs_on_", name)}
    assert {"temporal_core_runtime_free", "temporal_static_libs_on_worker"} <= needed
    header = Path(config("--includedir"), "temporal.hpp").read_text(encoding="utf-8")
    assert needed - set(re.findall(r"\w+", header)) == set()


@pytest.mark.parametrize(("compiler", "standard"), COMPILED)
def test_header_compiles_without_warnings(repo_root: Path, compiler: str, standard: str) -> None:
    options = (f"-std={standard}", "-fsyntax-only", "-I", repo_root / "examples" / "c")
    assert compile_only(compiler, HERE / "wrapper.cpp", *options) == ""


def test_header_compiles_for_macos_with_libcxx(repo_root: Path, tmp_path: Path) -> None:
    zig = [sys.executable, "-m", "ziglang", "c++", "-target", "aarch64-macos", "-std=c++23"]
    examples = repo_root / "examples" / "c"
    includes: list[str | Path] = ["-I", config("--includedir"), "-I", examples]
    command = [*zig, *WARNINGS, *includes, "-c", HERE / "wrapper.cpp", "-o", tmp_path / "wrapper.o"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module", params=["c++17", "c++2b"])
def wrapper(
    request: pytest.FixtureRequest,
    repo_root: Path,
    messages: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The program that tests everything, with the header's result type and the standard's."""
    require_program("c++")
    examples = repo_root / "examples" / "c"
    of_compiler = [f"-std={request.param}", "-O0", "-fsanitize=address"]
    options = [*of_compiler, *WARNINGS, f"-I{examples}", str(messages)]
    return build_program(HERE / "wrapper.cpp", tmp_path_factory.mktemp("wrapper"), options)


def test_everything_works_and_nothing_leaks(wrapper: Path, dev_server: DevServer) -> None:
    command: list[str | Path] = [wrapper, dev_server.url, EXECUTABLE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == CHECKED


@pytest.mark.parametrize("thread", ["caller", "library"])
def test_throwing_callback_ends_the_process(wrapper: Path, thread: str) -> None:
    command: list[str | Path] = [wrapper, "throw", thread]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert "terminate called after throwing an instance of" in done.stderr
    assert re.search("BadResultAccess|bad_expected_access", done.stderr)


@pytest.mark.parametrize(
    ("case", "message"),
    [(0, ""), (1, COULD_THROW), (2, COULD_THROW), (3, TAKES_SOMETHING_ELSE), (4, IS_COPIED)],
    ids=["allowed", "not-noexcept", "std-function", "another-result", "copy"],
)
def test_compiler_refuses(case: int, message: str) -> None:
    options = ("-std=c++17", "-fsyntax-only", f"-DCASE={case}")
    said = compile_only("g++", HERE / "refused.cpp", *options)
    assert message in said
    assert (said == "") == (message == "")


def test_header_compiles_without_exceptions() -> None:
    options = ("-std=c++17", "-fsyntax-only", "-DCASE=0", "-fno-exceptions", "-fno-rtti")
    assert compile_only("g++", HERE / "refused.cpp", *options) == ""


def test_functions_of_different_standards_have_different_names(tmp_path: Path) -> None:
    names = set()
    for standard in STANDARDS:
        compiled = tmp_path / f"{standard}.o"
        options = (f"-std={standard}", "-c", "-DCASE=0", "-o", compiled)
        assert compile_only("g++", HERE / "refused.cpp", *options) == ""
        nm: list[str | Path] = ["nm", "--defined-only", "--extern-only", compiled]
        done = subprocess.run(nm, capture_output=True, text=True, check=True)
        names.update(re.findall(r" T (_Z4call\w+)", done.stdout))
    assert len(names) == len(STANDARDS)
