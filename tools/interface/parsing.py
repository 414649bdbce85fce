"""Reading a C header with pycparser and the C compiler.

`ToolError`: something in the header cannot be read. `subprocess.CalledProcessError`: the C
compiler does not accept it.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pycparser import c_ast, c_generator, c_parser

from tools import ToolError

STANDARD_TYPES = """
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t;
typedef unsigned long uint64_t; typedef signed char int8_t; typedef short int16_t;
typedef int int32_t; typedef long int64_t; typedef unsigned long size_t;
typedef unsigned long uintptr_t; typedef long intptr_t; typedef _Bool bool;
"""
"""Types of the standard headers. Only their names matter for the facts."""

STANDARD_NAMES = frozenset(re.findall(r"(\w+);", STANDARD_TYPES))

STANDARD_HEADERS = ("stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h")
"""The standard headers that headers of Temporal's releases may include."""


_T = TypeVar("_T")


class Type(NamedTuple):
    """A type that a header declares.

    Attributes:
        name: its name; empty for an unnamed enum.
        kind: ``callback``, ``alias``, ``opaque``, ``enum``, ``struct`` or ``union``.
        node: the body of an enum, struct or union; otherwise the type that the name refers to.
        spelling: its C spelling.
    """

    name: str
    kind: str
    node: c_ast.Node
    spelling: str


def preprocess(header: Path, scratch: Path) -> str:
    """Preprocess a header with empty standard headers, which are written to ``scratch``."""
    for name in STANDARD_HEADERS:
        (scratch / name).touch()
    # Like a non-GNU compiler, for which the header has no pragmas.
    command = ["cc", "-E", "-P", "-nostdinc", "-U__GNUC__", "-I", str(scratch), "-xc", str(header)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def parse(text: str) -> c_ast.FileAST:
    """Parse a preprocessed header; `STANDARD_TYPES` are the first nodes."""
    return c_parser.CParser().parse(STANDARD_TYPES + text)


def parse_header(header: Path) -> c_ast.FileAST:
    """Preprocess and parse a header."""
    with tempfile.TemporaryDirectory() as scratch:
        return parse(preprocess(header, Path(scratch)))


def types(unit: c_ast.FileAST) -> Iterator[Type]:
    """List the types of a header; a forward declaration and its definition are both listed."""
    for node in unit.ext:
        inner = node.type
        if isinstance(node, c_ast.Typedef) and node.name not in STANDARD_NAMES:
            if isinstance(inner, c_ast.TypeDecl):
                body = has_body(inner.type)
                is_alias = not body and name_of(inner.type) != node.name
                kind = kind_of(inner.type) if body else "alias" if is_alias else "opaque"
                yield Type(node.name, kind, inner.type if body else inner, node.name)
            else:
                kind = "callback" if isinstance(inner.type, c_ast.FuncDecl) else "alias"
                yield Type(node.name, kind, inner, node.name)
        elif isinstance(node, c_ast.Decl) and has_body(inner):
            kind = kind_of(inner)
            yield Type(inner.name or "", kind, inner, f"{kind} {inner.name}")


def functions(unit: c_ast.FileAST) -> Iterator[tuple[str, str, c_ast.FuncDecl]]:
    """List functions and callbacks: kind, name, type."""
    for node in unit.ext:
        kind = node.type
        if isinstance(node, c_ast.Decl) and isinstance(kind, c_ast.FuncDecl):
            yield "function", node.name, kind
        elif isinstance(kind, c_ast.PtrDecl) and isinstance(kind.type, c_ast.FuncDecl):
            yield "callback", node.name, kind.type


def parameters(function: c_ast.FuncDecl) -> list[c_ast.Node]:
    """List the declared parameters; ``(void)`` is one without a name."""
    found: list[c_ast.Node] = function.args.params if function.args else []
    for parameter in found:
        if not isinstance(parameter, (c_ast.Decl, c_ast.Typename)):
            text = source_text(parameter)
            raise ToolError(f"a function has the parameter {text}, expected one with a type")
    return found


def constants(enum: c_ast.Enum) -> Iterator[tuple[str, int]]:
    """List the constants of an enum and their values."""
    value = -1
    for constant in enum.values.enumerators:
        text = str(value + 1) if constant.value is None else source_text(constant.value)
        try:
            value = int(text.rstrip("uUlL"), 0)
        except ValueError:
            raise ToolError(f"the value of {constant.name} is {text}, expected a number") from None
        yield constant.name, value


def has_body(node: c_ast.Node) -> bool:
    """Return whether a node is an enum, a struct or a union with a body."""
    if isinstance(node, c_ast.Enum):
        return node.values is not None
    return is_struct(node) and bool(node.decls)


def is_struct(node: c_ast.Node) -> bool:
    """Return whether a node is a struct or a union."""
    return isinstance(node, (c_ast.Struct, c_ast.Union))


def kind_of(node: c_ast.Node) -> str:
    """Return C's keyword for an enum, a struct or a union."""
    return type(node).__name__.lower()


def name_of(node: c_ast.Node) -> str | None:
    """Return the name of a declaration's innermost type."""
    name: str | None = " ".join(node.names) if isinstance(node, c_ast.IdentifierType) else node.name
    return name


def source_text(node: c_ast.Node) -> str:
    """Write a node as C."""
    return str(c_generator.CGenerator().visit(node))


def type_text(node: c_ast.Node) -> str:
    """Write a type without the name it declares."""
    text, declared = source_text(node), node
    while not isinstance(declared, c_ast.TypeDecl):
        declared = declared.type
    if declared.declname:
        text = re.sub(rf"\b{declared.declname}\b", "", text, count=1)
    text = re.sub(r"\b(struct|enum|union) ", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\s*\*\s*", "*", text)).strip()


def evaluate(
    header: Path,
    expressions: Iterable[str],
    cc: Sequence[str] = ("cc",),
    runner: Sequence[str] = (),
) -> list[int]:
    """Evaluate integer expressions with a header, in a program made by the C compiler.

    The runner is the command that runs compiled programs, if the machine cannot run them.
    """
    lines = ["#include <stdio.h>", "#include <stddef.h>", f'#include "{header.resolve()}"']
    lines.append("int main(void) {")
    lines += [f'printf("%zu\\n", (size_t)({expression}));' for expression in expressions]
    lines.append("}")
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch, "layout.c"), Path(scratch, "layout")
        source.write_text("\n".join(lines), encoding="utf-8")
        subprocess.run([*cc, "-std=c11", "-o", str(program), str(source)], check=True)
        command = [*runner, str(program)]
        answers = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(answer) for answer in answers.splitlines()]


def measured(
    describe: Callable[[Callable[[str], int]], _T],
    header: Path,
    cc: Sequence[str] = ("cc",),
    runner: Sequence[str] = (),
) -> _T:
    """Return the result of a function that is called with a function to evaluate C expressions.

    It is called twice: to collect the expressions for `evaluate`, and with their values.
    """
    asked: dict[str, int] = {}
    describe(lambda expression: asked.setdefault(expression, 0))
    answers = dict(zip(asked, evaluate(header, asked, cc, runner), strict=True))
    return describe(answers.__getitem__)
