"""The header: it has every fact of the interface table, and every compiler accepts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from temporal_static_libs import __version__
from tests.support.abi.capi import CApi, config, header_path
from tests.support.ci.skips import require_program
from tools.generate.header import interface_id
from tools.interface.facts import facts

TABLE = Path(__file__).with_name("c_abi.tsv")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
ZIG = [sys.executable, "-m", "ziglang"]
COMPILERS = [
    pytest.param([*compiler, f"-x{language}", f"-std={standard}"], id=f"{compiler[-1]}-{standard}")
    for language, standards, compilers in (
        ("c", ("c11", "c17"), (["gcc"], ["clang"], [*ZIG, "cc"])),
        # The last one is C++23, spelled so that Clang 16 and older also accept it.
        (
            "c++",
            ("c++11", "c++17", "c++20", "c++2b"),
            (["g++"], ["clang++"], [*ZIG, "c++"]),
        ),
    )
    for standard in standards
    for compiler in compilers
]


def table() -> set[str]:
    return {line for line in TABLE.read_text(encoding="utf-8").splitlines() if line}


def test_the_header_has_every_fact_of_the_interface() -> None:
    missing = table() - facts(header_path())
    assert not missing, "\n".join(sorted(missing))


def test_additions_in_the_header_have_this_projects_prefix() -> None:
    names = {line.split("\t")[1] for line in facts(header_path()) - table()}
    assert names
    ours = ("temporal_static_libs_", "TemporalStaticLibs")
    assert all(name.startswith(ours) for name in names), names


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_header_compiles_without_a_warning(compiler: list[str], tmp_path: Path) -> None:
    """Included once, and twice."""
    require_program(compiler[0])
    source = tmp_path / "unit"
    source.write_text('#include "temporal-sdk-core-c-bridge.h"\n' * 2, encoding="utf-8")
    include = f"-I{config('--includedir')}"
    command = [*compiler, *WARNINGS, include, "-c", str(source), "-o", str(tmp_path / "unit.o")]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_header_does_not_change_warnings_in_the_including_file(
    compiler: str, tmp_path: Path
) -> None:
    require_program(compiler)
    source = tmp_path / "unit.c"
    source.write_text(
        '#include "temporal-sdk-core-c-bridge.h"\nint numbers[0];\n', encoding="utf-8"
    )
    include = f"-I{config('--includedir')}"
    command = [compiler, "-fsyntax-only", "-Wpedantic", "-Werror", include, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "zero" in done.stderr


def test_zig_translates_the_header(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ziglang", "translate-c", "-lc", str(header_path())]
    translated = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    for function in ("temporal_core_client_rpc_call", "temporal_core_runtime_new"):
        assert f"pub extern fn {function}(" in translated


PROGRAM = """
#include "temporal-sdk-core-c-bridge.h"
#include <string.h>

int main(void) {
  TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
  return strcmp(temporal_static_libs_version(), TEMPORAL_STATIC_LIBS_VERSION);
}
"""


class TestHeaderAndArchiveBelongTogether:
    """The link-time check of version and interface."""

    def link(self, header: str, scratch: Path) -> subprocess.CompletedProcess[str]:
        (scratch / header_path().name).write_text(header, encoding="utf-8")
        source = scratch / "program.c"
        source.write_text(PROGRAM, encoding="utf-8")
        flags = ["-Wl,--gc-sections", *config("--libs").split()]
        command = ["cc", f"-I{scratch}", str(source), "-o", str(scratch / "program"), *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_the_installed_pair_links_and_agrees(self, tmp_path: Path) -> None:
        linked = self.link(header_path().read_text(encoding="utf-8"), tmp_path)
        assert linked.returncode == 0, linked.stderr
        subprocess.run([str(tmp_path / "program")], check=True)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param("_static_libs_", "_static_libs_9", id="version"),
            pytest.param("_abi_", "_abi_0", id="abi-id"),
        ],
    )
    def test_another_header_is_a_link_error_that_names_it(
        self, tmp_path: Path, old: str, new: str
    ) -> None:
        header = header_path().read_text(encoding="utf-8")
        line = next(line for line in header.splitlines() if "_abi_" in line and "(void)" in line)
        symbol = line.split()[1].removesuffix("(void);")
        other = symbol.replace(old, new)
        assert other != symbol
        linked = self.link(header.replace(symbol, other), tmp_path)
        assert linked.returncode != 0
        assert other in linked.stderr


def test_the_abi_id_is_the_hash_of_the_interface_table(capi: CApi) -> None:
    expected = interface_id(TABLE)
    assert config("--abi") == expected
    assert f'"{expected}"' in header_path().read_text(encoding="utf-8")
    version = Version(__version__).base_version.replace(".", "_")
    assert hasattr(capi.lib, f"temporal_static_libs_{version}_abi_{expected}")
