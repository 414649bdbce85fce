"""Every common linker and every kind of output, with the same archives. Each result runs."""

from __future__ import annotations

import ctypes
import shlex
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.ci.skips import require_program
from tests.support.programs.crate_list import crates_in
from tests.support.programs.paths import consumer_environ
from tools.licenses.linked_crates import linked_crates

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

PROGRAM = Path(__file__).with_name("program.c")
ZIG_CC = (sys.executable, "-m", "ziglang", "cc")

#: The linking command and the program it needs.
LINKERS: dict[str, tuple[Sequence[str], str]] = {
    "bfd": (("cc", "-fuse-ld=bfd"), "ld.bfd"),
    "gold": (("cc", "-fuse-ld=gold"), "ld.gold"),
    "lld": (("cc", "-fuse-ld=lld"), "ld.lld"),
    "mold": (("cc", "-fuse-ld=mold"), "mold"),
    "zig": (ZIG_CC, "cc"),
    "zig-glibc-2.17": ((*ZIG_CC, "-target", "x86_64-linux-gnu.2.17"), "cc"),
}

#: Options for a kind of output, and those for compiling its objects.
OUTPUTS: dict[str, Sequence[str]] = {
    "pie": ("-fPIE", "-pie"),
    "no-pie": ("-fno-PIE", "-no-pie"),
    "static": ("-static",),
    "shared": ("-fPIC", "-shared", "-Dmain=program", "-Wl,-z,defs"),
}

CASES = [
    pytest.param(linker, output, id=f"{linker}-{output}")
    for linker, output in product(LINKERS, OUTPUTS)
    # Zig links glibc only dynamically.
    if not (linker.startswith("zig") and output == "static")
]


def link(linker: str, arguments: Sequence[str | Path], result: Path) -> None:
    """Link, and check that there is no error."""
    command, needed = LINKERS[linker]
    require_program(needed)
    done = subprocess.run(
        [*command, *map(str, arguments), "-o", str(result)],
        env=consumer_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def run(file: Path, output: str) -> str:
    """Run a result in a separate process, even a shared library."""
    command = [str(file)]
    if output == "shared":
        loader = f"import ctypes, sys; sys.exit(ctypes.CDLL({str(file)!r}).program())"
        command = [sys.executable, "-c", loader]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("component", ["sdk-core", "client"])
@pytest.mark.parametrize(("linker", "output"), CASES)
def test_links_and_runs_with_and_without_dead_code_elimination(
    script: Command, linker: str, output: str, component: str, tmp_path: Path, repo_root: Path
) -> None:
    options = ["--cflags", "--ldflags", "--libs", "--component", component]
    lines = script.lines(*options, *(["--static"] if output.startswith("static") else []))
    cflags, ldflags, libs = map(shlex.split, lines)
    assert "-Wl,--gc-sections" in ldflags
    for name, flags in (("all", libs), ("gc", [*ldflags, *libs])):
        result = tmp_path / f"{name}.bin"
        link(linker, [*OUTPUTS[output], PROGRAM, *cflags, *flags], result)
        assert run(result, output).startswith("Invalid options: ")
        assert crates_in(result) == linked_crates(repo_root / "rust", "x86_64-unknown-linux-gnu")
    sizes = {name: (tmp_path / f"{name}.bin").stat().st_size for name in ("all", "gc")}
    # If everything is used, nothing can be dropped, and some bytes of padding can be added.
    assert sizes["gc"] <= sizes["all"] + 4096


@pytest.mark.parametrize("order", ["client-first", "sdk-core-first"])
@pytest.mark.parametrize("linker", LINKERS)
def test_both_archives_behave_as_sdk_core_alone(
    script: Command, linker: str, order: str, tmp_path: Path
) -> None:
    """In either order, only one copy of the code is used: the one with workers."""
    lines = script.lines("--cflags", "--libfiles")
    cflags, (core,) = map(shlex.split, lines)
    (client,) = script.lines("--libfiles", "--component", "client")
    (system_libraries,) = script.lines("--system-libs")
    archives = [client, core] if order == "client-first" else [core, client]
    source = tmp_path / "both.c"
    # A worker's function and one that both archives have must come from the same object.
    source.write_text(
        '#include "temporal-sdk-core-c-bridge.h"\n'
        "#include <stdio.h>\n"
        "int main(void) {\n"
        "    temporal_core_worker_free(NULL);\n"
        '    printf("%s\\n", temporal_static_libs_version());\n'
        "    void *core = (void *)temporal_core_worker_free;\n"
        "    void *both = (void *)temporal_core_runtime_new;\n"
        '    printf("%p %p\\n", core, both);\n'
        "    return 0;\n"
        "}\n"
    )
    result = tmp_path / "both"
    common: list[str | Path] = [*cflags, source, "-Wl,--gc-sections"]
    link(linker, [*common, *archives, *shlex.split(system_libraries)], result)
    (version,) = script.lines("--version")
    assert run(result, "pie").splitlines()[0] == version
    alone = tmp_path / "alone"
    link(linker, [*common, core, *shlex.split(system_libraries)], alone)
    # The other archive's code is dropped, except what its initializers need, so there is no
    # second copy of the code.
    assert code_size(result) <= code_size(alone) * 1.2


def code_size(file: Path) -> int:
    """Bytes of the section .text."""
    done = subprocess.run(["size", "-A", file], capture_output=True, text=True, check=True)
    return next(int(line.split()[1]) for line in done.stdout.splitlines() if ".text" in line)


def test_binutils_with_a_plugin_for_bitcode_read_the_archives(script: Command) -> None:
    """A plugin of an older LLVM than rustc's crashes on bitcode, and so does the linker."""
    if not list(Path("/usr/lib/bfd-plugins").glob("LLVMgold*")):
        pytest.skip("LLVMgold.so is not installed")
    for component in ("sdk-core", "client"):
        (archive,) = script.lines("--libfiles", "--component", component)
        done = subprocess.run(
            ["nm", "--defined-only", "--extern-only", archive],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "temporal_core_runtime_new" in done.stdout


def test_bridge_exports_only_its_own_symbols(script: Command, tmp_path: Path) -> None:
    """Linked as documented for a shared library that must not re-export the interface."""
    source = tmp_path / "bridge.c"
    source.write_text(
        '#include "temporal-sdk-core-c-bridge.h"\n'
        "const char *bridge_version(void) { return temporal_static_libs_version(); }\n"
    )
    lines = script.lines("--cflags", "--ldflags", "--libs")
    bridge = tmp_path / "bridge.so"
    flags = shlex.split(" ".join(lines))
    link("bfd", ["-fPIC", "-shared", source, *flags, "-Wl,--exclude-libs,ALL"], bridge)
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", bridge], capture_output=True, text=True, check=True
    )
    assert [line.split()[-1] for line in listing.stdout.splitlines()] == ["bridge_version"]
    library = ctypes.CDLL(str(bridge))
    library.bridge_version.restype = ctypes.c_char_p
    assert library.bridge_version().decode() == script.lines("--version")[0]
