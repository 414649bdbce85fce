"""The facts of a C header that a consumer compiled against it relies on, one a line.

usage: python -m tools.interface.facts HEADER

Prints tab-separated lines in the form of ``c_abi.tsv``: functions and callbacks with their types,
opaque types, aliases, enum constants, the anonymous structs and unions of structs (which decide the
paths in a translated header), and the layout of structs as the C compiler sees it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pycparser import c_ast

from tools.interface.layout import evaluate
from tools.interface.parsing import (
    FactsError,
    constants,
    functions,
    parameters,
    parse_header,
    source_text,
    type_text,
)

Row = tuple[str, ...]
Field = tuple[str, str, str, str]
"""Struct, how C spells it, path of the field, type; an empty path stands for the struct itself."""


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
    unit = parse_header(header)
    rows = [*_interface(unit), *_layout(header, list(_fields(unit)), cc, runner)]
    return {"\t".join(row) for row in rows}


def signatures(header: Path) -> dict[str, tuple[list[str], bool]]:
    """Functions and callbacks of a header: the names of their parameters; whether they return."""
    return {
        name: (
            [parameter.name for parameter in parameters(function) if parameter.name],
            type_text(function.type) != "void",
        )
        for _, name, function in functions(parse_header(header))
    }


def _interface(unit: c_ast.FileAST) -> Iterator[Row]:
    """Functions, callbacks, aliases, enums, shapes, and types that stay opaque."""
    for kind, name, function in functions(unit):
        types = [type_text(parameter.type) for parameter in parameters(function)]
        text = ", ".join(text for text in types if text != "void")
        yield kind, name, type_text(function.type), text
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
            text = source_text(member)
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
    for constant, value in constants(enum):
        yield "enum", name, constant, str(value)


def _fields(unit: c_ast.FileAST) -> Iterator[Field]:
    for name, spelling, node in _definitions(unit):
        if not isinstance(node, c_ast.Enum):
            yield name, spelling, "", ""
            for path, text in _members(node, ""):
                yield name, spelling, path, text


def _members(node: c_ast.Node, prefix: str) -> Iterator[tuple[str, str]]:
    """The fields of a struct; those of an anonymous union or struct count as its own."""
    for member in _decls(node):
        inner = member.type
        if member.name is None:
            yield from _members(inner, prefix)
        elif isinstance(inner, c_ast.TypeDecl) and _is_struct(inner.type) and _has_body(inner.type):
            yield from _members(inner.type, f"{prefix}{member.name}.")
        else:
            yield prefix + member.name, type_text(inner)


def _layout(
    header: Path, fields: list[Field], cc: Sequence[str], runner: Sequence[str]
) -> Iterator[Row]:
    questions = []
    for _, spelling, path, _ in fields:
        if path:
            questions += [f"offsetof({spelling}, {path})", f"sizeof((({spelling} *)0)->{path})"]
        else:
            questions += [f"sizeof({spelling})", f"_Alignof({spelling})"]
    answers = iter(evaluate(header, questions, cc, runner))
    for struct, _, path, text in fields:
        first, second = next(answers), next(answers)
        if path:
            yield "field", f"{struct}.{path}", text, f"offset {first} size {second}"
        else:
            yield "struct", struct, f"size {first}", f"align {second}"


if __name__ == "__main__":
    print("\n".join(sorted(facts(Path(sys.argv[1])))))
