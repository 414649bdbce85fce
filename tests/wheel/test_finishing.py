"""Finishing archives with the machine's binutils."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.archive_index import defined_symbols
from temporal_static_libs._build.crate_list import SECTION
from temporal_static_libs._build.elf import ElfTools, find_elf_tools, finish_elf
from temporal_static_libs._build.sections import shorten_section_names
from temporal_static_libs._build.toolchain import Toolchain, find_toolchain
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import TARGETS, Target, target_of_triple
from tests.support.ci.skips import require_program

#: Two functions of an interface, a function that one of them needs, and one that nothing needs.
SOURCES = {
    "one.c": """\
        int needed(int value);
        static __attribute__((noinline)) int hidden(int value) { return needed(value); }
        int api_one(int value) { return hidden(value); }
        """,
    "two.c": """\
        const char *bitcode __attribute__((section(".llvmbc"))) = "BC";
        int needed(int value) { return value + 1; }
        int not_needed(int value) { return value + 2; }
        int api_two(int value) { return not_needed(value); }
        """,
    "three.c": """\
        void nowhere(void);
        int api_three(void) { nowhere(); return 0; }
        """,
}


#: Stands in for the list of crates.
CRATES = b"a list of crates"


@pytest.fixture
def toolchain(repo_root: Path, tiny_environ: dict[str, str]) -> Toolchain:
    """The machine's toolchain."""
    return find_toolchain(repo_root / "rust", Settings(tiny_environ))


@pytest.fixture
def target(toolchain: Toolchain) -> Target:
    """The target of this machine."""
    return target_of_triple(toolchain.host)


@pytest.fixture
def tools(toolchain: Toolchain, target: Target) -> ElfTools:
    """The machine's binutils."""
    return find_elf_tools(toolchain, target)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An archive of two objects with debug information."""
    archive = tmp_path / "libraw.a"
    objects = []
    for name, text in SOURCES.items():
        source = tmp_path / name
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        command = ["cc", "-g", "-O1", "-ffunction-sections", "-fdata-sections", "-fPIC"]
        subprocess.run([*command, "-c", source, "-o", objects[-1]], check=True)
    # Like rustc. GNU's ar could load a plugin for the bitcode.
    subprocess.run([sys.executable, "-m", "ziglang", "ar", "rcs", archive, *objects], check=True)
    return archive


@pytest.fixture
def finish(raw: Path, tools: ElfTools, tmp_path: Path) -> Callable[..., Path]:
    """A function that finishes the archive."""

    def finish_it(*kept: str, name: str = "libfinished.a", weak: bool = False) -> Path:
        output = tmp_path / name
        finish_elf(raw, kept, output, CRATES, tools, weak=weak)
        return output

    return finish_it


def read(*command: str | Path) -> str:
    """The output of a program."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_only_the_kept_symbols_are_global(finish: Callable[..., Path]) -> None:
    assert defined_symbols(finish("api_one")) == {"api_one"}
    assert defined_symbols(finish("api_one", "api_two")) == {"api_one", "api_two"}


def test_code_that_no_kept_symbol_needs_is_dropped(finish: Callable[..., Path]) -> None:
    names = read("nm", finish("api_one"))
    assert " t needed" in names
    assert "not_needed" not in names
    assert "api_two" not in names


def test_local_functions_keep_their_names(finish: Callable[..., Path]) -> None:
    assert " t hidden" in read("nm", finish("api_one"))


def test_references_from_dropped_code_are_not_needed(
    finish: Callable[..., Path], tmp_path: Path
) -> None:
    archive = finish("api_one")
    assert "nowhere" not in read("nm", archive)
    main = tmp_path / "main.c"
    main.write_text("int api_one(int); int main(void) { return api_one(0); }\n")
    require_program("ld.lld")
    subprocess.run(["cc", "-fuse-ld=lld", main, archive, "-o", tmp_path / "main"], check=True)


def test_archive_has_one_object_named_after_the_library(finish: Callable[..., Path]) -> None:
    assert read("ar", "t", finish("api_one", name="libtemporal_x.a")) == "temporal_x.o\n"


def test_neither_bitcode_nor_debug_information_is_left(
    raw: Path, finish: Callable[..., Path]
) -> None:
    unwanted = (".llvmbc", ".debug_info")
    assert all(section in read("readelf", "-SW", raw) for section in unwanted)
    sections = read("readelf", "-SW", finish("api_one", "api_two"))
    assert not [section for section in unwanted if section in sections]


def test_list_of_crates_stays_in_every_program(finish: Callable[..., Path], tmp_path: Path) -> None:
    main = tmp_path / "main.c"
    main.write_text("int api_one(int); int main(void) { return api_one(0); }\n")
    program, section = tmp_path / "main", tmp_path / "section"
    drop = ("-ffunction-sections", "-Wl,--gc-sections", "-s")
    subprocess.run(["cc", main, finish("api_one"), *drop, "-o", program], check=True)
    dump = f"--dump-section={SECTION}={section}"
    subprocess.run(["objcopy", dump, program, tmp_path / "copy"], check=True)
    assert section.read_bytes() == CRATES


def test_linker_can_still_drop_unused_code(finish: Callable[..., Path], tmp_path: Path) -> None:
    archive = finish("api_one", "api_two")
    main = tmp_path / "main.c"
    main.write_text("int api_one(int); int main(void) { return api_one(0); }\n")
    for flags, is_there in (((), True), (("-Wl,--gc-sections",), False)):
        subprocess.run(["cc", main, archive, *flags, "-o", tmp_path / "main"], check=True)
        assert ("api_two" in read("nm", tmp_path / "main")) is is_there


def test_sections_have_short_names_that_linkers_know(tmp_path: Path) -> None:
    source = tmp_path / "functions.c"
    name = "a_function_with_a_name_of_the_length_that_is_usual_in_rust_{}"
    source.write_text(
        "int last(void) { return 42; }\n"
        + "".join(
            f"int {name.format(n)}(void) {{ return {name.format(n - 1) if n else 'last'}(); }}\n"
            for n in range(20)
        )
        + f"int main(void) {{ return {name.format(19)}(); }}\n"
    )
    obj = tmp_path / "functions.o"
    subprocess.run(["cc", "-ffunction-sections", "-c", source, "-o", obj], check=True)
    shorten_section_names(obj)
    names = re.findall(r"^ *\[ *\d+\] (\.\S+)", read("readelf", "-SW", obj), re.MULTILINE)
    texts = [name for name in names if name.startswith(".text.")]
    assert len(texts) == 22
    assert all(re.fullmatch(r"\.text\.[0-9a-f]+", name) for name in texts)
    # The name of a relocation section contains that of its section.
    relocations = [name.removeprefix(".rela") for name in names if name.startswith(".rela.")]
    assert set(texts) - {texts[0]} <= set(relocations) <= set(names)
    subprocess.run(["cc", obj, "-o", tmp_path / "program"], check=True)
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 42


def test_object_for_another_processor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "object.o"
    file.write_bytes(b"\x7fELF\x01\x01" + bytes(100))
    with pytest.raises(CompileError, match="is not an ELF file for a 64-bit little-endian"):
        shorten_section_names(file)


def test_more_sections_than_the_file_header_can_count(tmp_path: Path) -> None:
    """Their number and the index of their names are stored elsewhere, as in the real archives."""
    source = tmp_path / "many.s"
    count = 70_000
    source.write_text(
        "".join(f'.section .rodata.number_{n},"a"\n.byte {n % 256}\n' for n in range(count))
        + '.section .data.of_a_constant,"aw"\n.globl answer\nanswer: .long 42\n'
    )
    obj = tmp_path / "many.o"
    subprocess.run(["as", source, "-o", obj], check=True)
    before = obj.stat().st_size
    shorten_section_names(obj)
    assert obj.stat().st_size < before - count
    sections = read("readelf", "-SW", obj)
    assert "number_" not in sections
    assert f" .rodata.{count:x} " in sections
    main = tmp_path / "main.c"
    main.write_text("extern int answer; int main(void) { return answer; }\n")
    subprocess.run(["cc", main, obj, "-o", tmp_path / "main"], check=True)
    assert subprocess.run([tmp_path / "main"], check=False).returncode == 42


def test_same_input_results_in_the_same_bytes(finish: Callable[..., Path]) -> None:
    first = finish("api_one").read_bytes()
    assert finish("api_one").read_bytes() == first


def test_existing_file_is_replaced(finish: Callable[..., Path], tmp_path: Path) -> None:
    finish("api_two")
    assert read("ar", "t", finish("api_one")) == "finished.o\n"
    assert "api_two" not in read("nm", tmp_path / "libfinished.a")


def test_weak_symbols_are_overridden(finish: Callable[..., Path], tmp_path: Path) -> None:
    strong = finish("api_one", "api_two", name="libstrong.a")
    weak = finish("api_one", name="libweak.a", weak=True)
    assert " W api_one" in read("nm", weak)
    main = tmp_path / "main.c"
    main.write_text("int api_one(int), api_two(int); int main() { return api_one(api_two(0)); }\n")
    for order in ((strong, weak), (weak, strong)):
        subprocess.run(["cc", main, *order, "-o", tmp_path / "main"], check=True)
        assert subprocess.run([tmp_path / "main"], check=False).returncode == 3


def test_rust_still_unwinds_in_a_program_with_cpp_exceptions(
    toolchain: Toolchain, tools: ElfTools, tmp_path: Path
) -> None:
    rust = tmp_path / "panics.rs"
    rust.write_text(
        '#[unsafe(no_mangle)] pub extern "C" fn api_panics() -> i32 {\n'
        "    std::panic::set_hook(Box::new(|_| {}));\n"
        '    std::panic::catch_unwind(|| panic!("caught")).is_err() as i32\n'
        "}\n"
    )
    raw = tmp_path / "libpanics.a"
    command: list[str | Path] = ["rustc", "--edition=2024", "--crate-type=staticlib"]
    command += [rust, "-o", raw]
    subprocess.run(command, env=toolchain.environ, check=True)
    finished = tmp_path / "libfinished.a"
    finish_elf(raw, ["api_panics"], finished, CRATES, tools, weak=False)
    host = tmp_path / "host.cpp"
    host.write_text(
        'extern "C" int api_panics();\n'
        "int main() {\n"
        "    try { throw api_panics(); }\n"
        "    catch (int caught) { return 40 + caught + api_panics(); }\n"
        "}\n"
    )
    program = tmp_path / "host"
    subprocess.run(["c++", host, finished, "-lpthread", "-ldl", "-o", program], check=True)
    assert subprocess.run([program], check=False).returncode == 42


def test_output_of_a_tool_is_in_the_error(tools: ElfTools, tmp_path: Path) -> None:
    broken = tmp_path / "libbroken.a"
    broken.write_bytes(b"no archive")
    with pytest.raises(CompileError) as caught:
        finish_elf(broken, ["api_one"], tmp_path / "libout.a", CRATES, tools, weak=False)
    message = str(caught.value)
    assert message.startswith(f"{tools.linker.path} failed (exit status ")
    assert f"  version: {tools.linker.version}" in message
    assert "libbroken.a" in message.partition("output:")[2]
    assert not (tmp_path / "libout.a").exists()


def install(directory: Path, name: str, answer: str) -> Path:
    """Put a program that prints an answer into a directory."""
    program = directory / name
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return program


def test_error_for_a_missing_tool_says_how_to_install_it(
    toolchain: Toolchain, target: Target, tmp_path: Path
) -> None:
    with pytest.raises(CompileError) as caught:
        find_elf_tools(replace(toolchain, environ={"PATH": str(tmp_path)}), target)
    message = str(caught.value)
    assert "found no ld of GNU binutils" in message
    assert "apt-get install binutils\n" in message


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("GNU ld version 2.25", id="too-old"),
        pytest.param("LLD 22.1.2 (compatible with GNU linkers) --force-group", id="another"),
    ],
)
def test_unusable_tool_is_named_in_the_error(
    toolchain: Toolchain, target: Target, tmp_path: Path, answer: str
) -> None:
    linker = install(tmp_path, "ld", answer)
    with pytest.raises(CompileError) as caught:
        find_elf_tools(replace(toolchain, environ={"PATH": str(tmp_path)}), target)
    assert f"not usable: {linker} ({answer})" in str(caught.value)


def test_other_processors_binutils_are_found_by_their_prefix(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    (other,) = [row for row in TARGETS if row.triple == "aarch64-unknown-linux-gnu"]
    host = replace(toolchain, host="x86_64-unknown-linux-gnu", environ={"PATH": str(tmp_path)})
    answer = "GNU 2.40 --force-group-allocation --keep-global-symbols --version"
    # The unprefixed tools are the host's and do not support the other processor.
    for name in ("ld", "objcopy", "ar"):
        install(tmp_path, name, answer)
    with pytest.raises(CompileError, match="apt-get install binutils-aarch64-linux-gnu"):
        find_elf_tools(host, other)
    for name in ("ld", "objcopy", "ar"):
        install(tmp_path, f"aarch64-linux-gnu-{name}", answer)
    assert find_elf_tools(host, other).linker.path == str(tmp_path / "aarch64-linux-gnu-ld")
