"""The facts of a C header that a consumer compiled against it relies on, one per line.

usage: python -m tools.interface.facts HEADER

Prints tab-separated lines in the format of ``c_abi.tsv``: functions and callbacks with their types,
opaque types, aliases, enum constants, the anonymous structs and unions of structs (which decide the
paths in a translated header), and the layout of structs as the C compiler sees it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pycparser import c_ast

from tools import ToolError
from tools.interface.parsing import (
    Type,
    constants,
    functions,
    has_body,
    is_struct,
    kind_of,
    measured,
    name_of,
    parameters,
    parse_header,
    source_text,
    type_text,
    types,
)
from tools.interface.rows import Row


def facts(header: Path, cc: Sequence[str] = ("cc",), runner: Sequence[str] = ()) -> set[str]:
    """Return the facts of a header as lines, with the layout of structs from `cc`.

    Args:
        header: the header.
        cc: the C compiler.
        runner: the command that runs the compiled programs, if the machine cannot run them.

    Raises:
        ToolError: the header has a constant, a member or a parameter that cannot be read.
        pycparser.c_parser.ParseError: it is not C.
        subprocess.CalledProcessError: ``cc`` does not accept it.
    """
    unit = parse_header(header)
    declared = list(types(unit))
    layout = measured(lambda measure: list(_layout(declared, measure)), header, cc, runner)
    return {"\t".join(row) for row in (*_functions(unit), *_types(declared), *layout)}


def _functions(unit: c_ast.FileAST) -> Iterator[Row]:
    for kind, name, function in functions(unit):
        texts = [type_text(parameter.type) for parameter in parameters(function)]
        text = ", ".join(text for text in texts if text != "void")
        yield kind, name, type_text(function.type), text


def _types(declared: list[Type]) -> Iterator[Row]:
    """Yield aliases, enums, shapes, and opaque types."""
    defined = {one.name for one in declared if has_body(one.node)}
    for name, kind, node, _ in declared:
        if kind == "enum":
            yield from (("enum", name, constant, str(value)) for constant, value in constants(node))
        elif kind in ("struct", "union"):
            nesting = _nesting(node)
            if "{" in nesting:
                yield "shape", name, nesting, ""
        elif kind == "opaque" and name not in defined:
            yield "opaque", name, "", ""
        elif kind == "alias" and isinstance(node, c_ast.TypeDecl):
            target = name_of(node.type) or ""
            if target.startswith("TemporalCore") or not isinstance(node.type, c_ast.IdentifierType):
                yield "alias", name, target, ""


def _decls(struct: c_ast.Node) -> Iterator[c_ast.Decl]:
    for member in struct.decls:
        if not isinstance(member, c_ast.Decl) or (
            member.name is None and not is_struct(member.type)
        ):
            text = source_text(member)
            raise ToolError(f"{struct.name or 'a struct'} has {text}, expected a field")
        yield member


def _nesting(struct: c_ast.Node) -> str:
    """Return the names of members, with those of anonymous structs and unions in braces."""
    return " ".join(
        member.name or f"{kind_of(member.type)}{{{_nesting(member.type)}}}"
        for member in _decls(struct)
    )


def _members(node: c_ast.Node, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield paths and types of fields, including those of anonymous unions and structs."""
    for member in _decls(node):
        inner = member.type
        if member.name is None:
            yield from _members(inner, prefix)
        elif isinstance(inner, c_ast.TypeDecl) and is_struct(inner.type) and has_body(inner.type):
            yield from _members(inner.type, f"{prefix}{member.name}.")
        else:
            yield prefix + member.name, type_text(inner)


def _layout(declared: list[Type], measure: Callable[[str], int]) -> Iterator[Row]:
    for name, kind, node, c in declared:
        if kind in ("struct", "union"):
            size, alignment = measure(f"sizeof({c})"), measure(f"_Alignof({c})")
            yield "struct", name, f"size {size}", f"align {alignment}"
            for path, text in _members(node):
                offset = measure(f"offsetof({c}, {path})")
                size = measure(f"sizeof((({c} *)0)->{path})")
                yield "field", f"{name}.{path}", text, f"offset {offset} size {size}"


if __name__ == "__main__":
    print("\n".join(sorted(facts(Path(sys.argv[1])))))
