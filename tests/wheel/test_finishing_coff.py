"""Finishing COFF archives, compiled and linked by MinGW's GCC, and also linked by Zig's LLD."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import lief
import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.ar import read_members
from temporal_static_libs._build.archive_index import defined_symbols
from temporal_static_libs._build.coff import finish_coff, imported_names
from temporal_static_libs._build.coff_object import CoffObject
from tests.support.ci.skips import require_program

GNU = "x86_64-w64-mingw32-"
DLLTOOL = f"{GNU}dlltool"

#: Two functions of an interface, one with a common name that both need, and an import.
SOURCES = {
    "one.c": """
        extern int needed(int);
        int temporal_core_one(int value) { return needed(value); }
        int temporal_static_libs_abi(void) { return 1; }
    """,
    "two.c": """
        __declspec(dllimport) unsigned long far_away(void);
        static int same_everywhere(int value) { return value + (int)far_away(); }
        int shared = 1;
        int needed(int value) { return same_everywhere(value) + shared; }
        int temporal_core_two(int value) { return needed(value); }
    """,
    "unused.c": "int unused(void) { return 0; }",
}
DEFINITION = "LIBRARY far.dll\nEXPORTS\nanother\nfar_away\nnot_used\n"

MAIN = """
    int temporal_core_one(int), temporal_core_two(int);
    int needed(int value) { return value; }
    int far_away(void) { return 0; }
    int shared;
    int main(void) { return temporal_core_one(1) + temporal_core_two(2) + needed(3) + far_away(); }
"""


@pytest.fixture(scope="module")
def gcc() -> str:
    """MinGW's GCC."""
    return require_program(f"{GNU}gcc")


@pytest.fixture(scope="module")
def raw(gcc: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of three objects with debug information and of an import library."""
    directory = tmp_path_factory.mktemp("raw")
    objects: list[Path] = []
    for name, text in SOURCES.items():
        source = directory / name
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        options = ["-g", "-O1", "-ffunction-sections", "-c"]
        subprocess.run([gcc, *options, source, "-o", objects[-1]], check=True)
    (directory / "exports.def").write_text(DEFINITION)
    archive = directory / "libraw.a"
    dlltool = [DLLTOOL, "--input-def", "exports.def", "--output-lib", str(archive)]
    subprocess.run([*dlltool, "--temp-prefix", "imports"], cwd=directory, check=True)
    subprocess.run([f"{GNU}ar", "qs", archive, *objects], check=True)
    return archive


@pytest.fixture
def finish(raw: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that finishes the archive."""

    def finish_it(*kept: str, name: str = "libfinished.a", weak: bool = False) -> Path:
        output = tmp_path / name
        finish_coff(raw, kept, output, b"a list of crates", weak=weak)
        return output

    return finish_it


@pytest.fixture
def whole(finish: Callable[..., Path]) -> Path:
    """A finished archive with the whole interface."""
    kept = ("temporal_core_one", "temporal_core_two", "temporal_static_libs_abi")
    return finish(*kept, name="libwhole.a")


@pytest.fixture
def part(finish: Callable[..., Path]) -> Path:
    """A finished archive with a part of the interface."""
    kept = ("temporal_core_one", "temporal_static_libs_abi")
    return finish(*kept, name="libpart.a", weak=True)


def objects(archive: Path) -> list[CoffObject]:
    """Read the members of an archive."""
    return [CoffObject(member.content, member.name) for member in read_members(archive)]


def test_only_the_interface_keeps_its_names(whole: Path, part: Path) -> None:
    both = {"temporal_core_one", "temporal_core_two"}
    for archive, public in ((whole, both), (part, {"temporal_core_one"})):
        symbols = defined_symbols(archive)
        assert {name for name in symbols if not name.startswith("temporal_static_libs_")} == public
        assert "temporal_static_libs_abi" in symbols
        in_objects = {name.decode() for one in objects(archive) for name in one.defined}
        assert in_objects == symbols


def test_unneeded_code_is_left_out(raw: Path, whole: Path) -> None:
    def imported(archive: Path) -> int:
        return sum(b".idata$6" in one.sections for one in objects(archive))

    assert imported(raw) == 3
    assert imported(whole) == 1
    assert b"unused" not in whole.read_bytes()


def test_neither_debug_information_nor_times_are_left(raw: Path, whole: Path) -> None:
    def debug(archive: Path) -> list[bytes]:
        return [it for one in objects(archive) for it in one.sections if it.startswith(b".debug")]

    assert debug(raw)
    assert not debug(whole)
    for member in read_members(whole):
        assert member.content[4:8] == bytes(4)


def test_it_is_the_same_each_time(finish: Callable[..., Path]) -> None:
    first, second = finish("temporal_core_one"), finish("temporal_core_one", name="libother.a")
    assert first.read_bytes() == second.read_bytes()


@pytest.fixture(params=["gcc", "zig"])
def compiler(request: pytest.FixtureRequest, gcc: str) -> list[str]:
    """Each compiler that links programs; `make cross` uses all versions of Zig."""
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu"]
    return [gcc] if request.param == "gcc" else zig


def test_programs_link_with_each_archive_and_both_in_either_order(
    compiler: list[str], whole: Path, part: Path, tmp_path: Path
) -> None:
    (tmp_path / "main.c").write_text(MAIN)
    links = [[whole], [whole, part], [part, whole]]
    for archives, flags in product(links, ([], ["-Wl,--gc-sections"])):
        program = tmp_path / "program.exe"
        program.unlink(missing_ok=True)
        command = [*compiler, "main.c", *flags, *map(str, archives), "-o", str(program)]
        subprocess.run(command, cwd=tmp_path, check=True)
        binary = lief.PE.parse(program)
        assert binary is not None
        imported = {one.name: [entry.name for entry in one.entries] for one in binary.imports}
        assert imported["far.dll"] == ["far_away"]


def test_dll_that_exports_everything_exports_no_private_name(
    compiler: list[str], whole: Path, tmp_path: Path
) -> None:
    source = "int temporal_core_one(int); int use(void) { return temporal_core_one(1); }"
    (tmp_path / "use.c").write_text(source)
    dll = tmp_path / "use.dll"
    export_all = ["-Wl,--export-all-symbols"] if "gcc" in compiler[0] else []
    command = [*compiler, "-shared", "use.c", str(whole), *export_all, "-o", str(dll)]
    subprocess.run(command, cwd=tmp_path, check=True)
    binary = lief.PE.parse(dll)
    assert binary is not None
    export = binary.get_export()
    assert export is not None
    exported = {str(entry.name) for entry in export.entries}
    assert "use" in exported
    assert not {name for name in exported if "_iname" in name}


def test_microsofts_imports_keep_the_names_that_linkers_expect(tmp_path: Path) -> None:
    """Linked by LLD like Microsoft's linker: with its import tables and without a libc."""
    zig = [sys.executable, "-m", "ziglang"]
    (tmp_path / "far.def").write_text(DEFINITION)
    raw = tmp_path / "raw.lib"
    subprocess.run(
        [*zig, "dlltool", "-m", "i386:x86-64", "-d", "far.def", "-l", raw], cwd=tmp_path, check=True
    )
    for name in ("one.c", "two.c"):
        (tmp_path / name).write_text(SOURCES[name])
        command = [*zig, "cc", "-target", "x86_64-windows-msvc", "-O1", "-c", name]
        subprocess.run(command, cwd=tmp_path, check=True)
        member = name.replace(".c", ".obj")
        subprocess.run([*zig, "ar", "qs", raw, member], cwd=tmp_path, check=True)
    finished = tmp_path / "finished.lib"
    finish_coff(raw, ["temporal_core_one", "temporal_core_two"], finished, b"", weak=False)

    others = {it for it in defined_symbols(finished) if not it.startswith("temporal_")}
    assert others == imported_names(finished)
    assert {"far_away", "__imp_far_away", "__IMPORT_DESCRIPTOR_far"} <= others
    assert "another" not in others
    (tmp_path / "main.c").write_text(
        "int temporal_core_two(int); int entry(void) { return temporal_core_two(1); }"
    )
    options = ["-nostdlib", "-Wl,--subsystem,console", "-Wl,-e,entry"]
    command = [*zig, "cc", "-target", "x86_64-windows-msvc", *options, "main.c", "finished.lib"]
    subprocess.run([*command, "-o", "program.exe"], cwd=tmp_path, check=True)
    binary = lief.PE.parse(tmp_path / "program.exe")
    assert binary is not None
    assert [(one.name, [it.name for it in one.entries]) for one in binary.imports] == [
        ("far.dll", ["far_away"])
    ]


def test_archive_with_another_kind_of_file_is_an_error(tmp_path: Path) -> None:
    archive = tmp_path / "libraw.a"
    archive.write_bytes(b"!<arch>\n" + b"%-48s%-10d`\n" % (b"text.o/", 4) + b"text")
    with pytest.raises(CompileError, match=r"libraw\.a\(text\.o\) is not a COFF object"):
        finish_coff(archive, ["temporal_core_one"], tmp_path / "out.a", b"", weak=False)
    archive.write_bytes(b"!<arch>\n" + b"%-48s%-10d`\n" % (b"text.o/", 400) + b"text")
    with pytest.raises(CompileError, match="is truncated"):
        finish_coff(archive, ["temporal_core_one"], tmp_path / "out.a", b"", weak=False)
    assert not (tmp_path / "out.a").exists()


@pytest.mark.parametrize(
    ("name", "size", "content", "problem"),
    [
        (
            "import",
            b"24",
            b"\0\0\xff\xff\0\0" + bytes(14) + b"name",
            r"\(import\) is not a COFF obj",
        ),
        ("size", b"many", b"", "is truncated"),
        ("negative", b"-60", b"", "is truncated"),
    ],
)
def test_damaged_member_is_an_error(
    tmp_path: Path, name: str, size: bytes, content: bytes, problem: str
) -> None:
    archive = tmp_path / "libraw.a"
    head = b"%-16s%-12d%-6d%-6d%-8s%-10s`\n" % (f"{name}/".encode(), 0, 0, 0, b"644", size)
    archive.write_bytes(b"!<arch>\n" + head + content)
    with pytest.raises(CompileError, match=problem):
        finish_coff(archive, (), tmp_path / "made.a", b"", weak=False)
