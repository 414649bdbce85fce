"""The messages that the project's own code can print, read from its sources.

A message is its first line, with ``…`` for each value that is only known when it is printed:
``… is truncated: it has … bytes, … were recorded``. docs/troubleshooting.md has an entry for each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

VALUE = "…"

# Function to the position of the argument that is a message; of classes of errors it is the first.
_MESSAGE_AT = {
    "_broken": 1,
    "_refusal": 2,
    "_opening": 0,
    "error": 0,  # argparse's
    "failure_of_cargo": 0,
    "report": 0,  # Origin's
    "unexpected": 0,
    "when_unsupported": 0,
}
# What of a call or a name is a message that has been read elsewhere: it is only passed on.
_PASSED_ON = frozenset(
    {
        *("error", "line", "message", "not_usable", "problem", "reason", "str"),
        *("text", "ways_out", "wheels_problem"),
    }
)
# Functions whose answer is a message or the words of one.
_ANSWERS = frozenset({"_old_pip", "_shortage", "_what_is_other", "floor_finding", "not_usable"})


@dataclass(frozen=True)
class Message:
    """One of them.

    Attributes:
        text: the first line.
        where: file and line of the source, for a test's complaint.
    """

    text: str
    where: str


def normalised(text: str) -> str:
    """The first line that is not empty, with one mark for values that touch."""
    line = next((line for line in text.split("\n") if line.strip()), "")
    return re.sub(rf"{VALUE}+", VALUE, line.strip())


def has_words(text: str) -> bool:
    """Whether there is anything in it besides values."""
    return re.search(r"[^\W\d_]{2}", text) is not None


# Python


def python_messages(files: Iterable[Path]) -> Iterator[Message]:
    """Those that Python files raise, or hand to what prints them.

    Raises:
        ValueError: an error is raised with something that this cannot read; the message says where.
    """
    modules = {file: ast.parse(file.read_text(encoding="utf-8"), file.name) for file in files}
    errors = _error_classes(modules.values()) | {"ValueError", "OSError"}
    shared = {name: values for module in modules.values() for name, values in _texts_of(module)}
    for file, module in modules.items():
        names = {**shared, **_constants(module)}
        yield from _of_scope(module, names, file.name, errors)
        for function in _functions(module):
            yield from _of_scope(function, names, file.name, errors)


def _error_classes(modules: Iterable[ast.Module]) -> set[str]:
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    }
    found = {"Exception"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found - {"Exception"}


def _functions(module: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own_nodes(child)


def _constants(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """What the names of a scope are set to."""
    found: dict[str, list[ast.expr]] = {}
    for node in _own_nodes(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for name, value in _assigned(target, node.value):
                    found.setdefault(name, []).append(value)
    return found


def _texts_of(module: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """The constants of a module that another may import and put into a message."""
    for name, values in _constants(module).items():
        if name.isupper() and isinstance(values[0], (ast.Constant, ast.JoinedStr)):
            yield name, values


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, other)


def _of_scope(
    scope: ast.Module | ast.FunctionDef,
    constants: Mapping[str, list[ast.expr]],
    file: str,
    errors: set[str],
) -> Iterator[Message]:
    names = {**constants, **(_constants(scope) if isinstance(scope, ast.FunctionDef) else {})}
    for node in _own_nodes(scope):
        for expression in _messages_of(node, getattr(scope, "name", ""), errors):
            where = f"{file}:{expression.lineno}"
            texts = {normalised(text) for text in _texts(expression, names, frozenset())}
            worded = {text for text in texts if has_words(text)}
            if not worded and not _is_passed_on(expression):
                raise ValueError(f"{where}: no message can be read from {ast.unparse(expression)}")
            yield from (Message(text, where) for text in sorted(worded))


def _messages_of(node: ast.AST, function: str, errors: set[str]) -> list[ast.expr]:
    """The expressions in a node of a function that become messages."""
    if isinstance(node, ast.Return) and function in _ANSWERS:
        return _returned(node.value)
    if not isinstance(node, ast.Call):
        return []
    called = _name(node.func)
    if called == "Finding":
        return [] if _is(node.args[0], True) else [node.args[2]]
    place = 0 if called in errors else _MESSAGE_AT.get(called)
    return [] if place is None else node.args[place : place + 1]


def _returned(value: ast.expr | None) -> list[ast.expr]:
    if isinstance(value, ast.Tuple):  # whether all is well, and what to say
        return [] if _is(value.elts[0], True) else [value.elts[1]]
    return [] if value is None or _is(value, None) or _is(value, "") else [value]


def _is(expression: ast.expr, value: object) -> bool:
    return isinstance(expression, ast.Constant) and expression.value == value


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_passed_on(expression: ast.expr) -> bool:
    named = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    called = {_name(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
    return bool((named | called) & (_PASSED_ON | set(_MESSAGE_AT)))


def _texts(
    expression: ast.expr, names: Mapping[str, list[ast.expr]], seen: frozenset[str]
) -> list[str]:
    """What an expression can be, with a mark for what only running it would tell."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return [expression.value]
    if isinstance(expression, ast.JoinedStr):
        parts = [_texts(part, names, seen) for part in expression.values]
        return ["".join(choice) for choice in product(*parts)]
    if isinstance(expression, ast.FormattedValue):
        return _texts(expression.value, names, seen)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        both = (_texts(expression.left, names, seen), _texts(expression.right, names, seen))
        return ["".join(choice) for choice in product(*both)]
    if isinstance(expression, ast.IfExp):
        branches = (expression.body, expression.orelse)
        return [text for branch in branches for text in _texts(branch, names, seen)]
    if isinstance(expression, ast.Name) and expression.id in names and expression.id not in seen:
        values = names[expression.id]
        inner = seen | {expression.id}
        return [text for value in values for text in _texts(value, names, inner)]
    return [VALUE]


# Zig, CMake

_ZIG_CALL = re.compile(r"(?:\bfmt\(|\baddFail\(|\bfail\(\w+, )\s*")
_ZIG_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"|\\\\([^\n]*)|\b(\w+)\b')
_ZIG_PLUS = re.compile(r"\s*\+\+\s*")


def zig_messages(file: Path) -> Iterator[Message]:
    """Those that a Zig file formats, or has a step fail with."""
    text = file.read_text(encoding="utf-8")
    for call in _ZIG_CALL.finditer(text):
        message = re.sub(r"\{[^}]*\}", VALUE, _zig_expression(text, call.end()))
        # A line that is set in goes below another.
        if has_words(message) and not message.startswith(" "):
            yield Message(normalised(message), _place(file, text, call.start()))


def _zig_expression(text: str, start: int) -> str:
    parts = []
    while literal := _ZIG_LITERAL.match(text, start):
        quoted, line, _name_of_value = literal.groups()
        parts.append(next((part for part in (quoted, line) if part is not None), VALUE))
        plus = _ZIG_PLUS.match(text, literal.end())
        if plus is None:
            break
        start = plus.end()
    return "".join(parts).replace('\\"', '"').replace("\\n", "\n")


_CMAKE_MESSAGE = re.compile(
    r"(?:set\(\s*(?:_temporal_problem|_temporal_lack|\w+_NOT_FOUND_MESSAGE)"
    r"|string\(\s*APPEND\s+PACKAGE_VERSION"
    r'|message\(\s*\w+)\s+"((?:[^"\\]|\\.)*)"'
)
# One may be in the name of another.
_CMAKE_VALUE = re.compile(r"\$(?:ENV)?\{(?:[^{}]|\$\{\w+\})*\}|@\w+@")


def cmake_messages(file: Path) -> Iterator[Message]:
    """Those that a template of the CMake package shows."""
    text = file.read_text(encoding="utf-8")
    for found in _CMAKE_MESSAGE.finditer(text):
        message = normalised(_CMAKE_VALUE.sub(VALUE, found[1]))
        if has_words(message):
            yield Message(message, _place(file, text, found.start()))


def _place(file: Path, text: str, index: int) -> str:
    number = text.count("\n", 0, index) + 1
    return f"{file.name}:{number}"
