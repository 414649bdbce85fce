"""Translate the C header to Zig with each series of Zig, or check that the files are up to date.

usage: python -m tools.generate.bindings [--check] PYTHON ...

Writes ``temporal_static_libs/share/zig/bindings-SERIES.zig`` for the Zig of each interpreter's
environment; `_library_set.ZIG_BINDINGS` lists the series. A file has the header's declarations
without those of libc, so it is the same for every target. Translating for all targets checks this.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from temporal_static_libs._build.header import read_header
from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._library_set import HEADER, ZIG_BINDINGS
from temporal_static_libs._targets import TARGETS, Target
from tools import ToolError
from tools.generate.files import run_generator

_NAME = r"[^\W\d]\w*"
# A top-level declaration, which begins in the first column.
_DECLARED = re.compile(rf"(?:pub )?(?:const|var|extern fn|inline fn) ({_NAME})")
# Not a member of something else, nor the name of a field, a parameter or a constant.
_REFERENCE = re.compile(rf"(?<![.@\w])(?<!pub const )({_NAME})\b(?!:)")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_COMMENT = re.compile(r"^\s*//.*\n|(?<=;)[ \t]*//.*", re.MULTILINE)
_UNNAMED = re.compile(r"\b(struct|union|enum)_unnamed_\d+\b")


def own_declarations(translation: str) -> str:
    """Return the header's declarations in a translation, with the types that they refer to.

    Unnamed types are numbered from 1, because Zig's numbers depend on the headers of libc.

    Args:
        translation: of the header and everything it includes, as ``zig translate-c`` prints it.

    Raises:
        ToolError: it has no declaration of the header, or one that Zig could not translate.
    """
    declared: dict[str, str] = {}
    for text in _top_level(_COMMENT.sub("", translation)):
        if found := _DECLARED.match(text):
            declared[found[1]] = text
    # Everything except the header's include guard.
    wanted = [n for n in declared if "temporal" in n.lower() and not n.endswith("_H")]
    if not wanted:
        raise ToolError("the translation has no declaration of the header")
    needed = set(wanted)
    while wanted:
        references = _REFERENCE.findall(_STRING.sub("", declared[wanted.pop()]))
        added = (declared.keys() & references) - needed
        needed |= added
        wanted += added
    text = "".join(declared[name] for name in declared if name in needed)
    if failed := re.search(rf"({_NAME}) = @compileError.*", text):
        raise ToolError(f"Zig cannot translate {failed[1]}:\n{failed[0]}")
    numbers: dict[str, str] = {}
    return _UNNAMED.sub(
        lambda name: numbers.setdefault(name[0], f"{name[1]}_unnamed_{len(numbers) + 1}"), text
    )


def _top_level(code: str) -> Iterator[str]:
    """Split code at the declarations that begin in the first column."""
    begun = ""
    for line in code.splitlines(keepends=True):
        if begun and not line.startswith((" ", "}")):
            yield begun
            begun = ""
        begun += line if line.strip() else ""
    yield begun


def assembled(series: str, declarations: str, header: Path) -> str:
    """Make a file from the translation by a series of Zig.

    Args:
        series: as in ``0.15``.
        declarations: from `own_declarations`.
        header: the translated header.
    """
    facts = read_header(header)
    (symbol,) = (name for name in facts.own_symbols if name.endswith(f"_abi_{facts.abi}"))
    frame = Template(Path(__file__).with_name("bindings.zig.in").read_text(encoding="utf-8"))
    return frame.substitute(
        series=series,
        header=header.name,
        sha256=sha256_of(header),
        symbol=symbol,
        declarations=declarations,
    )


def translate(python: Path, target: Target, header: Path, scratch: Path) -> str:
    """Translate a header for a target.

    Args:
        python: of the environment whose Zig translates.
        target: the platform.
        header: the header.
        scratch: for files that Zig leaves behind.

    Raises:
        ToolError: it cannot be translated.
    """
    return _zig(python, scratch, "translate-c", "-lc", "-target", target.zig_target, str(header))


def series_of(python: Path, scratch: Path) -> str:
    """Return the series of an environment's Zig, as in ``0.15``."""
    return ".".join(_zig(python, scratch, "version").split(".")[:2])


def _zig(python: Path, scratch: Path, *arguments: str) -> str:
    environ = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(scratch / ".zig-cache")}
    command = [str(python), "-m", "ziglang", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def generate(pythons: Sequence[Path]) -> dict[Path, str]:
    """Return the text of each file.

    Raises:
        ToolError: the header cannot be translated, or not to the same for every target.
    """
    files = {}
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        for python in pythons:
            series = series_of(python, scratch)
            if series not in ZIG_BINDINGS:
                raise ToolError(f"{python} has Zig {series}, not one of {', '.join(ZIG_BINDINGS)}")
            found: dict[str, list[str]] = {}
            for target in TARGETS:
                text = own_declarations(translate(python, target, HEADER, scratch))
                found.setdefault(text, []).append(target.platform)
            if len(found) != 1:
                groups = " and ".join(", ".join(platforms) for platforms in found.values())
                raise ToolError(f"Zig {series} translates differently for {groups}")
            (declarations,) = found
            files[ZIG_BINDINGS[series]] = assembled(series, declarations, HEADER)
    if missing := sorted(set(ZIG_BINDINGS.values()) - files.keys()):
        raise ToolError(f"no Zig was given for {', '.join(one.name for one in missing)}")
    return files


def main() -> int:
    """Run the command line; 0 if the files are written or, with --check, up to date."""
    parser = argparse.ArgumentParser(prog="bindings", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="+", type=Path, metavar="PYTHON", help="with ziglang")
    return run_generator("bindings", parser, lambda arguments: generate(arguments.pythons))


if __name__ == "__main__":
    sys.exit(main())
