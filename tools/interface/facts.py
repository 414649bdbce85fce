"""The facts of a C header that a consumer compiled against it relies on, one a line.

usage: python -m interface.facts HEADER

Prints tab-separated lines in the form of ``c_abi.tsv``: functions and callbacks with their types,
opaque types, aliases, enum constants, the anonymous structs and unions of structs (which decide the
paths in a translated header), and the layout of structs as the C compiler sees it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pycparser import c_ast, c_generator, c_parser

STANDARD_TYPES = """
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t;
typedef unsigned long uint64_t; typedef signed char int8_t; typedef short int16_t;
typedef int int32_t; typedef long int64_t; typedef unsigned long size_t;
typedef unsigned long uintptr_t; typedef long intptr_t; typedef _Bool bool;
"""
"""What the standard headers would define; only their names matter to the facts."""

STANDARD_HEADERS = ("stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h")
"""Those that a header of any of Temporal's releases may include."""

Row = tuple[str, ...]
Field = tuple[str, str, str, str]
"""Struct, how C spells it, path of the field, type; an empty path stands for the struct itself."""


class FactsError(Exception):
    """A header has something whose facts cannot be read. The message says what."""


_generator = c_generator.CGenerator()


def facts(header: Path, cc: Sequence[str] = ("cc",), runner: Sequence[str] = ()) -> set[str]:
    """Give the facts of a header, each as a line.

    Args:
        header: the header.
        cc: the compiler whose layout of structs is meant.
        runner: what runs the compiler's programs, where the machine cannot by itself.

    Raises:
        FactsError: the header has a constant, a member or a parameter that cannot be read.
        pycparser.c_parser.ParseError: it is no C.
        subprocess.CalledProcessError: ``cc`` does not accept it.
    """
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        unit = _parse(header, scratch)
        rows = list(_interface(unit))
        rows += _layout(header, list(_fields(unit)), scratch, cc, runner)
    return {"\t".join(row) for row in rows}


def signatures(header: Path) -> dict[str, tuple[list[str], bool]]:
    """Functions and callbacks of a header: the names of their parameters; whether they return."""
    with tempfile.TemporaryDirectory() as scratch:
        unit = _parse(header, Path(scratch))
    return {
        name: (
            [parameter.name for parameter in _parameters(function) if parameter.name],
            _type_text(function.type) != "void",
        )
        for _, name, function in _functions(unit)
    }


def preprocess(header: Path, scratch: Path) -> str:
    """Preprocess a header with empty standard headers, which are written into ``scratch``."""
    for name in STANDARD_HEADERS:
        (scratch / name).touch()
    # As a compiler that is not GNU, for which the header has no pragmas.
    command = ["cc", "-E", "-P", "-nostdinc", "-U__GNUC__", "-I", str(scratch), "-xc", str(header)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def parse(text: str) -> c_ast.FileAST:
    """Parse a preprocessed header."""
    return c_parser.CParser().parse(STANDARD_TYPES + text)


def _parse(header: Path, scratch: Path) -> c_ast.FileAST:
    return parse(preprocess(header, scratch))


def _type_text(node: c_ast.Node) -> str:
    """Write a type without the name it declares."""
    text = _generator.visit(node)
    name = _declared_name(node)
    if name:
        text = re.sub(rf"\b{name}\b", "", text, count=1)
    text = re.sub(r"\b(struct|enum|union) ", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\s*\*\s*", "*", text)).strip()


def _declared_name(node: c_ast.Node) -> str | None:
    while not isinstance(node, c_ast.TypeDecl):
        node = node.type
    name: str | None = node.declname
    return name


def _parameters(function: c_ast.FuncDecl) -> list[c_ast.Node]:
    parameters: list[c_ast.Node] = function.args.params if function.args else []
    for parameter in parameters:
        if not isinstance(parameter, (c_ast.Decl, c_ast.Typename)):
            text = _generator.visit(parameter)
            raise FactsError(f"a function has the parameter {text}, expected one with a type")
    return parameters


def _functions(unit: c_ast.FileAST) -> Iterator[tuple[str, str, c_ast.FuncDecl]]:
    """Functions and callbacks: kind, name, type."""
    for node in unit.ext:
        kind = node.type
        if isinstance(node, c_ast.Decl) and isinstance(kind, c_ast.FuncDecl):
            yield "function", node.name, kind
        elif isinstance(kind, c_ast.PtrDecl) and isinstance(kind.type, c_ast.FuncDecl):
            yield "callback", node.name, kind.type


def _interface(unit: c_ast.FileAST) -> Iterator[Row]:
    """Functions, callbacks, aliases, enums, shapes, and types that stay opaque."""
    for kind, name, function in _functions(unit):
        types = [_type_text(parameter.type) for parameter in _parameters(function)]
        text = ", ".join(text for text in types if text != "void")
        yield kind, name, _type_text(function.type), text
    defined: set[str] = set()
    for name, _, node in _definitions(unit):
        defined.add(name)
        yield from _constants(name, node) if isinstance(node, c_ast.Enum) else _shape(name, node)
    opaque: set[str] = set()
    for node in unit.ext:
        if isinstance(node, c_ast.Typedef) and isinstance(node.type, c_ast.TypeDecl):
            inner = node.type.type
            if isinstance(inner, c_ast.IdentifierType):
                if inner.names[0].startswith("TemporalCore"):
                    yield "alias", node.name, inner.names[0], ""
            elif not _has_body(inner):
                if inner.name != node.name:
                    yield "alias", node.name, inner.name, ""
                else:
                    opaque.add(node.name)
    for name in opaque - defined:
        yield "opaque", name, "", ""


def _definitions(unit: c_ast.FileAST) -> Iterator[tuple[str, str, c_ast.Node]]:
    """Structs, unions and enums that have a body: name, how C spells it, the type itself."""
    for node in unit.ext:
        if isinstance(node, c_ast.Typedef) and isinstance(node.type, c_ast.TypeDecl):
            if _has_body(node.type.type):
                yield node.name, node.name, node.type.type
        elif isinstance(node, c_ast.Decl) and _has_body(node.type):
            kind = type(node.type).__name__.lower()
            yield node.type.name or "", f"{kind} {node.type.name}", node.type


def _has_body(node: c_ast.Node) -> bool:
    if isinstance(node, c_ast.Enum):
        return node.values is not None
    return _is_struct(node) and bool(node.decls)


def _is_struct(node: c_ast.Node) -> bool:
    return isinstance(node, (c_ast.Struct, c_ast.Union))


def _decls(struct: c_ast.Node) -> Iterator[c_ast.Decl]:
    for member in struct.decls:
        if not isinstance(member, c_ast.Decl) or (
            member.name is None and not _is_struct(member.type)
        ):
            text = _generator.visit(member)
            raise FactsError(f"{struct.name or 'a struct'} has {text}, expected a field")
        yield member


def _shape(name: str, struct: c_ast.Node) -> Iterator[Row]:
    text = _nesting(struct)
    if "{" in text:
        yield "shape", name, text, ""


def _nesting(struct: c_ast.Node) -> str:
    """Names of the members, those of anonymous structs and unions in braces."""
    parts = []
    for member in _decls(struct):
        if member.name is None:
            kind = "struct" if isinstance(member.type, c_ast.Struct) else "union"
            parts.append(f"{kind}{{{_nesting(member.type)}}}")
        else:
            parts.append(member.name)
    return " ".join(parts)


def _constants(name: str, enum: c_ast.Enum) -> Iterator[Row]:
    value = -1
    for constant in enum.values.enumerators:
        value = value + 1 if constant.value is None else _value(constant)
        yield "enum", name, constant.name, str(value)


def _value(constant: c_ast.Enumerator) -> int:
    text = _generator.visit(constant.value)
    try:
        return int(text.rstrip("uUlL"), 0)
    except ValueError:
        raise FactsError(f"the value of {constant.name} is {text}, expected a number") from None


def _fields(unit: c_ast.FileAST) -> Iterator[Field]:
    for name, spelling, node in _definitions(unit):
        if not isinstance(node, c_ast.Enum):
            yield name, spelling, "", ""
            for path, type_text in _members(node, ""):
                yield name, spelling, path, type_text


def _members(node: c_ast.Node, prefix: str) -> Iterator[tuple[str, str]]:
    """The fields of a struct; those of an anonymous union or struct count as its own."""
    for member in _decls(node):
        inner = member.type
        if member.name is None:
            yield from _members(inner, prefix)
        elif isinstance(inner, c_ast.TypeDecl) and _is_struct(inner.type) and _has_body(inner.type):
            yield from _members(inner.type, f"{prefix}{member.name}.")
        else:
            yield prefix + member.name, _type_text(inner)


def _layout(
    header: Path,
    fields: list[Field],
    scratch: Path,
    cc: Sequence[str],
    runner: Sequence[str],
) -> Iterator[Row]:
    """Sizes, alignments and offsets, from a program that the C compiler makes."""
    lines = ["#include <stdio.h>", "#include <stddef.h>", f'#include "{header.resolve()}"']
    lines.append("int main(void) {")
    for _, spelling, path, _ in fields:
        if path:
            size = f"sizeof((({spelling} *)0)->{path})"
            lines.append(f'printf("offset %zu size %zu\\n", offsetof({spelling}, {path}), {size});')
        else:
            size = f"sizeof({spelling})"
            lines.append(f'printf("size %zu\\talign %zu\\n", {size}, _Alignof({spelling}));')
    lines.append("}")
    source, program = scratch / "layout.c", scratch / "layout"
    source.write_text("\n".join(lines), encoding="utf-8")
    subprocess.run([*cc, "-std=c11", "-o", str(program), str(source)], check=True)
    command = [*runner, str(program)]
    answers = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for (struct, _, path, type_text), answer in zip(fields, answers.splitlines(), strict=True):
        if path:
            yield "field", f"{struct}.{path}", type_text, answer
        else:
            yield ("struct", struct, *answer.split("\t"))


if __name__ == "__main__":
    print("\n".join(sorted(facts(Path(sys.argv[1])))))
