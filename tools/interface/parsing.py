"""A C header as pycparser reads it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
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


class FactsError(Exception):
    """A header has something whose facts cannot be read. The message says what."""


_generator = c_generator.CGenerator()


def preprocess(header: Path, scratch: Path) -> str:
    """Preprocess a header with empty standard headers, which are written into ``scratch``."""
    for name in STANDARD_HEADERS:
        (scratch / name).touch()
    # As a compiler that is not GNU, for which the header has no pragmas.
    command = ["cc", "-E", "-P", "-nostdinc", "-U__GNUC__", "-I", str(scratch), "-xc", str(header)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def parse(text: str) -> c_ast.FileAST:
    """Parse a preprocessed header; `STANDARD_TYPES` are the first nodes."""
    return c_parser.CParser().parse(STANDARD_TYPES + text)


def parse_header(header: Path) -> c_ast.FileAST:
    """Preprocess and parse a header."""
    with tempfile.TemporaryDirectory() as scratch:
        return parse(preprocess(header, Path(scratch)))


def functions(unit: c_ast.FileAST) -> Iterator[tuple[str, str, c_ast.FuncDecl]]:
    """Functions and callbacks: kind, name, type."""
    for node in unit.ext:
        kind = node.type
        if isinstance(node, c_ast.Decl) and isinstance(kind, c_ast.FuncDecl):
            yield "function", node.name, kind
        elif isinstance(kind, c_ast.PtrDecl) and isinstance(kind.type, c_ast.FuncDecl):
            yield "callback", node.name, kind.type


def parameters(function: c_ast.FuncDecl) -> list[c_ast.Node]:
    """List parameters as they are declared; ``(void)`` is one without a name.

    Raises:
        FactsError: one has no type.
    """
    found: list[c_ast.Node] = function.args.params if function.args else []
    for parameter in found:
        if not isinstance(parameter, (c_ast.Decl, c_ast.Typename)):
            text = source_text(parameter)
            raise FactsError(f"a function has the parameter {text}, expected one with a type")
    return found


def constants(enum: c_ast.Enum) -> Iterator[tuple[str, int]]:
    """Constants of an enum and their values.

    Raises:
        FactsError: a value is no number.
    """
    value = -1
    for constant in enum.values.enumerators:
        value = value + 1 if constant.value is None else _value(constant)
        yield constant.name, value


def _value(constant: c_ast.Enumerator) -> int:
    text = source_text(constant.value)
    try:
        return int(text.rstrip("uUlL"), 0)
    except ValueError:
        raise FactsError(f"the value of {constant.name} is {text}, expected a number") from None


def source_text(node: c_ast.Node) -> str:
    """Write a node as C."""
    text: str = _generator.visit(node)
    return text


def type_text(node: c_ast.Node) -> str:
    """Write a type without the name it declares."""
    text = source_text(node)
    name = _declared_name(node)
    if name:
        text = re.sub(rf"\b{name}\b", "", text, count=1)
    text = re.sub(r"\b(struct|enum|union) ", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\s*\*\s*", "*", text)).strip()


def definition_text(node: c_ast.Node) -> str:
    """Write a struct or union with its members, on one line."""
    return " ".join(source_text(node).split())


def _declared_name(node: c_ast.Node) -> str | None:
    while not isinstance(node, c_ast.TypeDecl):
        node = node.type
    name: str | None = node.declname
    return name
