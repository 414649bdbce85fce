"""The profile's own parts: from addresses to crates, from samples to opt-levels."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.profile.__main__ import cargo_packages, workspace_members
from tests.profile.crates import PROGRAM, STANDARD_LIBRARY, Binary, Origin, origin_of_unit
from tests.profile.report import Split, conclusions, split, tables
from tests.profile.rule import THRESHOLD, Levels, changes, decide, shares
from tests.profile.sampling import Place, parse_script, refusal

RUSTC = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860"
C, ASSEMBLY, RUST = 0x1D, 0x8001, 0x1C

CARGO_TOML = """
[profile.release]
lto = "fat"
[profile.release.package]
"*".opt-level = "s"
our-api.opt-level = "s"
idle.opt-level = 3
busy.opt-level = 3
"""
LEVELS = Levels.read(CARGO_TOML, frozenset({"our-api", "our-archive"}))


@pytest.mark.parametrize(
    ("name", "directory", "language", "origin"),
    [
        pytest.param(name, directory, language, origin, id=str(origin))
        for name, directory, language, origin in (
            (
                "/cargo/src/libbz2-rs-sys-0.2.6/src/lib.rs/@/libbz2_rs_sys.952eb594fdb3b9d1-cgu.0",
                "/cargo/src/libbz2-rs-sys-0.2.6",
                RUST,
                Origin("libbz2-rs-sys"),
            ),
            (
                "/cargo/src/toml-1.2.1+spec-1.1.0/src/lib.rs/@/toml.794dd90ca46e0867-cgu.0",
                "/cargo/src/toml-1.2.1+spec-1.1.0",
                RUST,
                Origin("toml"),
            ),
            (
                "c-api/src/lib.rs/@/our_api.6bfc21cb4987c74f-cgu.0",
                "/temporal-static-libs/rust",
                RUST,
                Origin("our-api"),
            ),
            (
                f"{RUSTC}/library/core/src/lib.rs/@/core.c1f1a4060b9f-cgu.0",
                RUSTC,
                RUST,
                Origin(STANDARD_LIBRARY),
            ),
            (
                "/rust/deps/memchr-2.7.6/src/lib.rs/@/memchr.9642f0ce76a98c65-cgu.0",
                RUSTC,
                RUST,
                Origin(STANDARD_LIBRARY),
            ),
            (
                "zstd/lib/decompress/zstd_decompress.c",
                "/cargo/src/zstd-sys-2.1.3+zstd.1.5.7",
                C,
                Origin("zstd-sys"),
            ),
            (
                "/cargo/src/ring-0.17.14/pregenerated/chacha-x86_64-elf.S",
                "/cargo/src/ring-0.17.14",
                ASSEMBLY,
                Origin("ring", assembly=True),
            ),
            ("main.c", "/home/me/bridge", C, Origin(PROGRAM)),
        )
    ],
)
def test_origin_of_a_compile_unit(name: str, directory: str, language: int, origin: Origin) -> None:
    assert origin_of_unit(name, directory, language, {"our_api": "our-api"}) == origin


def test_only_crates_have_levels_and_their_assembly_has_none() -> None:
    assert Origin("ring").has_level
    assert not Origin("ring", assembly=True).has_level
    assert not Origin(STANDARD_LIBRARY).has_level
    assert not Origin(PROGRAM).has_level


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared library of two crates' C code, assembly, and code without line tables."""
    scratch = tmp_path_factory.mktemp("linked")
    sources = {
        "one.c": "int one(int x) { return x * 3; }",
        "two.c": "int two(int x) { return x * 5; } int also_two(int x) { return x * 7; }",
        "plain.c": "int plain(int x) { return x * 11; } int _RNvC4core4main(void) { return 1; }",
        "code.S": ".text\n.globl code\n.type code, @function\ncode: ret\n.size code, .-code\n"
        '.section .note.GNU-stack,"",@progbits\n',
    }
    objects = []
    for name, text in sources.items():
        crate = {"two.c": "second-crate-2.0.0-rc.1", "plain.c": None}.get(
            name, "first-1.2.3+native"
        )
        (scratch / name).write_text(text, encoding="utf-8")
        debug = ["-g", f"-ffile-prefix-map={scratch}=/cargo/src/{crate}"] if crate else []
        objects.append(scratch / f"{name}.o")
        command = ["cc", "-c", "-O1", "-fPIC", "-ffunction-sections", *debug, name]
        subprocess.run([*command, "-o", objects[-1]], cwd=scratch, check=True)
    library = scratch / "lib.so"
    subprocess.run(["cc", "-shared", "-o", library, *objects], check=True)
    return library


def offset_of(library: Path, function: str) -> int:
    """Where a function's code is in the file: sections of code lie as in memory here."""
    dump = subprocess.run(
        ["objdump", "--disassemble", "--file-offsets", library],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (line,) = (line for line in dump.splitlines() if f"<{function}> (File" in line)
    return int(line.rpartition("Offset: ")[2].removesuffix("):"), 16)


def test_offsets_in_a_linked_library_have_their_origins(linked: Path) -> None:
    binary = Binary(linked, {})
    functions = ("one", "two", "also_two", "code", "plain", "_RNvC4core4main")
    assert {name: str(binary.origin(offset_of(linked, name))) for name in functions} == {
        "one": "first",
        "two": "second-crate",
        "also_two": "second-crate",
        "code": "first (assembly)",
        "plain": PROGRAM,
        "_RNvC4core4main": STANDARD_LIBRARY,
    }
    assert binary.origin(1 << 40) == Origin(PROGRAM)


def test_library_without_line_tables_has_no_units(linked: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "lib.so"
    subprocess.run(["strip", "--strip-debug", "-o", stripped, linked], check=True)
    assert not Binary(stripped, {}).units
    assert Binary(linked, {}).units


def test_samples_are_counted_by_place_in_the_mapped_file() -> None:
    script = """
     program 7/7  65.076 PERF_RECORD_MMAP2 7/7: [0x1000(0x1000) @ 0x2000 fe:00 247153 0]: r-xp /a b
     program 7/7  65.077 PERF_RECORD_MMAP2 7/7: [0x8000(0x2000) @ 0 00:00 0 0]: r-xp [vdso]
     8     1010 (/other)
     7     1010 (/a b)
     7     1010 (/a b)
     7     8001 ([vdso])
     program 7/7  65.078 PERF_RECORD_MMAP2 7/7: [0x1000(0x800) @ 0 fe:00 247154 0]: r-xp /newer
     7     1010 (/newer)
     7     1810 (/a b)
     7     ffffffff81000000 ([unknown])
    """
    assert parse_script(script.splitlines()) == {
        Place("/other", 0): 1,
        Place("/a b", 0x2010): 2,
        Place("[vdso]", 1): 1,
        Place("/newer", 0x10): 1,
        Place("/a b", 0x2810): 1,
        Place("[unknown]", 0): 1,
    }


def test_perf_that_is_not_permitted() -> None:
    assert refusal("Access limited", lambda: "4\n") == (
        "perf is not permitted: kernel.perf_event_paranoid is 4\n"
        "  fix: sysctl kernel.perf_event_paranoid=2, as root"
    )


def test_perf_that_cannot_sample_for_another_reason() -> None:
    assert refusal("no such syscall", lambda: "2\n").endswith("it printed:\nno such syscall")


def test_samples_of_library_libc_and_others_are_told_apart(linked: Path) -> None:
    binary = Binary(linked, {})
    samples = {
        Place(str(linked), offset_of(linked, "one")): 5,
        Place(str(linked), offset_of(linked, "plain")): 3,
        Place("/usr/lib/x86_64-linux-gnu/libc.so.6", 1): 2,
        Place("/usr/bin/python3", 1): 1,
    }
    assert split(samples, str(linked), binary) == Split({Origin("first"): 5}, 2, 4)


def test_levels_of_cargo() -> None:
    named = ("busy", "our-api", "our-archive", "any")
    assert [LEVELS.of(name) for name in named] == ["3", "s", "3", "s"]


def test_levels_of_this_project_can_be_read(repo_root: Path) -> None:
    rust = repo_root / "rust"
    members = workspace_members(rust)
    levels = Levels.read((rust / "Cargo.toml").read_text(encoding="utf-8"), members)
    packages = cargo_packages((rust / "Cargo.lock").read_text(encoding="utf-8"))
    assert levels.of("temporal-static-libs-sdk-core") == "3"
    assert packages["temporal_static_libs_c_api"] in members
    assert levels.named.keys() <= {*packages.values()}


def test_crates_at_the_threshold_in_one_workload_get_level_3() -> None:
    at, below = round(THRESHOLD * 1000), round(THRESHOLD * 1000) - 1
    samples = {
        "one": {
            Origin("new"): at,
            Origin("seldom"): below,
            Origin("our-api"): 100,
            Origin("busy", assembly=True): 500,
            Origin(STANDARD_LIBRARY): 1000 - at - below - 100 - 500,
        },
        "two": {Origin("busy"): 40, Origin("seldom"): below, Origin(STANDARD_LIBRARY): 960 - below},
    }
    of_origins = shares(samples)
    decisions = decide(of_origins, LEVELS)
    assert [(it.package, it.current, it.level) for it in decisions] == [
        ("our-api", "s", "3"),
        ("busy", "3", "3"),
        ("new", "s", "3"),
        ("seldom", "s", "s"),
        ("idle", "3", "s"),
    ]
    assert [it.mean for it in decisions[:2]] == [0.05, 0.02]
    changed = changes(decisions, LEVELS)
    assert changed.added == ["new.opt-level = 3"]
    # A package of the workspace has level 3 without a line.
    assert changed.dropped == ["idle.opt-level = 3", 'our-api.opt-level = "s"']
    assert changed.left == (below / 1000, "one")
    splits = {name: Split(counted, 10, 20) for name, counted in samples.items()}
    assert "| busy " in tables(splits, of_origins, decisions)
    printed = conclusions(splits, changed)
    assert "Fewer than 2,000 samples in the library: one, two." in printed
    assert "    new.opt-level = 3\n" in printed
