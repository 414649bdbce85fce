"""One binary with other libraries that a consumer may link: no symbol clashes, everything works."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.ci.skips import require_program
from tests.support.programs.crate_list import crates_in
from tests.support.programs.paths import consumer_environ
from tools.licenses.linked_crates import linked_crates

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

#: A rustc other than the first on PATH, which compiled the archives.
OTHER_RUSTC = "/usr/bin/rustc"

NEIGHBOR_RS = """\
//! Allocates, starts a thread, and panics and catches it.
#[unsafe(no_mangle)]
pub extern "C" fn neighbor_sum(count: u64) -> u64 {
    let numbers: Vec<u64> = (1..=count).collect();
    std::panic::set_hook(Box::new(|_| {}));
    assert!(std::panic::catch_unwind(|| panic!("caught")).is_err());
    std::thread::spawn(move || numbers.iter().sum()).join().unwrap()
}
"""

MAIN_C = """\
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>
#include "temporal-sdk-core-c-bridge.h"

uint64_t neighbor_sum(uint64_t count);

int main(void)
{
    const char text[] = "compressed by the library of the system";
    char packed[256], unpacked[256];
    struct TemporalCoreRuntimeOptions options;
    struct TemporalCoreRuntimeOrFail made;
    size_t size = ZSTD_compress(packed, sizeof packed, text, sizeof text, 3);

    memset(&options, 0, sizeof options);
    made = temporal_core_runtime_new(&options);
    temporal_core_worker_free(NULL);
    if (made.fail != NULL || ZSTD_isError(size))
        return 1;
    ZSTD_decompress(unpacked, sizeof unpacked, packed, size);
    printf("%s; %d\\n", unpacked, (int)neighbor_sum(10));
    temporal_core_runtime_free(made.runtime);
    return 0;
}
"""


@pytest.fixture(scope="module")
def neighbor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static library compiled by another Rust, without finishing."""
    rustc = require_program(OTHER_RUSTC)
    directory = tmp_path_factory.mktemp("neighbor")
    source = directory / "neighbor.rs"
    source.write_text(NEIGHBOR_RS)
    archive = directory / "libneighbor.a"
    command: list[str | Path] = [rustc, "--edition=2024", "--crate-type=staticlib", "-O"]
    command += [source, "-o", archive]
    subprocess.run(command, check=True)
    return archive


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=lambda order: str(order))
def test_another_rust_zstd_and_both_archives(
    script: Command,
    neighbor: Path,
    linker: str,
    order: Sequence[int],
    tmp_path: Path,
    repo_root: Path,
) -> None:
    require_program("mold" if linker == "mold" else f"ld.{linker}")
    cflags, core, system_libraries = script.lines("--cflags", "--libfiles", "--system-libs")
    (client,) = script.lines("--libfiles", "--component", "client")
    archives = [shlex.split(core)[0], shlex.split(client)[0], str(neighbor)]
    source = tmp_path / "main.c"
    source.write_text(MAIN_C)
    program = tmp_path / "main"
    command = ["cc", f"-fuse-ld={linker}", str(source), *shlex.split(cflags), "-o", str(program)]
    command += [archives[index] for index in order]
    command += ["-Wl,-Bstatic", "-lzstd", "-Wl,-Bdynamic", *shlex.split(system_libraries)]
    linked = subprocess.run(
        command, env=consumer_environ(), capture_output=True, text=True, check=False
    )
    assert linked.returncode == 0, linked.stderr
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "compressed by the library of the system; 55\n"
    # The other Rust library has no list of crates, and the second archive has the same one.
    assert crates_in(program) == linked_crates(repo_root / "rust", "x86_64-unknown-linux-gnu")


CPLUSPLUS = """\
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include "temporal-sdk-core-c-bridge.h"

// Throws while the library's objects are alive, and frees them when the stack unwinds.
struct Runtime {
    TemporalCoreRuntimeOrFail made;
    Runtime() {
        TemporalCoreRuntimeOptions options;
        std::memset(&options, 0, sizeof options);
        made = temporal_core_runtime_new(&options);
        if (made.fail) throw std::runtime_error("no runtime");
    }
    ~Runtime() { temporal_core_runtime_free(made.runtime); }
};

int main() {
    for (int round = 0; round < 3; ++round) {
        try {
            Runtime outer;
            try {
                Runtime inner;
                throw std::logic_error("thrown");
            } catch (const std::logic_error &error) {
                std::printf("%s\\n", error.what());
                throw;
            }
        } catch (const std::exception &error) {
            std::printf("again %s\\n", error.what());
        }
    }
}
"""


@pytest.mark.parametrize("mode", ["-static-libgcc", "-shared-libgcc", "-static"])
def test_host_that_throws_between_calls(script: Command, mode: str, tmp_path: Path) -> None:
    require_program("c++")
    source = tmp_path / "main.cpp"
    source.write_text(CPLUSPLUS)
    options = ["--cflags", "--ldflags", "--libs", *(["--static"] if mode == "-static" else [])]
    flags = shlex.split(" ".join(script.lines(*options)))
    program = tmp_path / "main"
    command: list[str | Path] = ["c++", "-std=c++17", mode, source, *flags, "-o", program]
    linked = subprocess.run(
        command, env=consumer_environ(), capture_output=True, text=True, check=False
    )
    assert linked.returncode == 0, linked.stderr
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "thrown\nagain thrown\n" * 3
