"""The header: every fact of the interface table, and acceptable to every compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from capi import CApi, config, header_path
from header import interface_id
from interface.facts import facts
from packaging.version import Version
from skips import require_program

from temporal_static_libs import __version__

TABLE = Path(__file__).with_name("c_abi.tsv")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
COMPILERS = [
    pytest.param(["cc", "-xc", "-std=c11"], id="cc-c11"),
    pytest.param(["c++", "-xc++", "-std=c++17"], id="cc-c++17"),
    pytest.param(["clang", "-xc", "-std=c11"], id="clang-c11"),
    pytest.param(["clang++", "-xc++", "-std=c++17"], id="clang-c++17"),
    pytest.param([sys.executable, "-m", "ziglang", "cc", "-xc", "-std=c11"], id="zig-c11"),
    pytest.param([sys.executable, "-m", "ziglang", "c++", "-xc++", "-std=c++17"], id="zig-c++17"),
]


def table() -> set[str]:
    return {line for line in TABLE.read_text(encoding="utf-8").splitlines() if line}


def test_the_header_has_every_fact_of_the_interface() -> None:
    missing = table() - facts(header_path())
    assert not missing, "\n".join(sorted(missing))


def test_what_the_header_adds_is_named_as_this_projects() -> None:
    names = {line.split("\t")[1] for line in facts(header_path()) - table()}
    assert names
    assert all(name.startswith("temporal_static_libs_") for name in names), names


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("times", [1, 2], ids=["alone", "twice"])
def test_the_header_compiles_without_a_warning(
    compiler: list[str], times: int, tmp_path: Path
) -> None:
    require_program(compiler[0])
    source = tmp_path / "unit"
    source.write_text('#include "temporal-sdk-core-c-bridge.h"\n' * times, encoding="utf-8")
    include = f"-I{config('--includedir')}"
    command = [*compiler, *WARNINGS, include, "-c", str(source), "-o", str(tmp_path / "unit.o")]
    subprocess.run(command, check=True)


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
