"""A C header in a form that generators of bindings read: interface.json.

``temporal_static_libs/share/interface.schema.json`` says what is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from pycparser import c_ast

from temporal_static_libs._build.header import read_header
from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._targets import TARGETS
from tools.generate.declarations import Declaration, HeaderError, declarations, member_texts, rules
from tools.interface.layout import evaluate
from tools.interface.parsing import (
    STANDARD_TYPES,
    constants,
    definition_text,
    functions,
    parameters,
    parse_header,
    type_text,
)

FORMAT: Final = 1
"""Rises when a generator that reads the file as it was would go wrong."""

_DATA_MODEL: Final = "LP64"
# What it means; the sizes and offsets are those of a machine that has it.
_OF_DATA_MODEL: Final = {"sizeof(int)": 4, "sizeof(long)": 8, "sizeof(void *)": 8}

_STANDARD: Final = frozenset(re.findall(r"(\w+);", STANDARD_TYPES))
_PRIMITIVES: Final = _STANDARD | {"void", "char", "float", "double"}

# A program in C refers to it, so that it does not link with another version's archive.
_TIE: Final = re.compile(r"temporal_static_libs_\d")

Entry = dict[str, Any]
Measure = Callable[[str], int]
"""Gives the value of an integer expression in C."""


def description(header: Path) -> Entry:
    """Describe a header.

    Args:
        header: the header, in the form that `reference.header.declarations` reads.

    Raises:
        HeaderError: something in it has no form in the description, or this machine's data model
            is another one.
        FactsError: something in it cannot be read.
        subprocess.CalledProcessError: the C compiler does not accept the header.
    """
    read = read_header(header)
    documented = {item.name: item for item in declarations(header)}
    unit = parse_header(header)
    # Twice: to learn what to ask the compiler, and with its answers.
    asked = dict.fromkeys(_OF_DATA_MODEL, 0)
    _Describer(unit, documented, lambda expression: asked.setdefault(expression, 0)).entries()
    answers = dict(zip(asked, evaluate(header, asked), strict=True))
    if not _OF_DATA_MODEL.items() <= answers.items():
        raise HeaderError(f"the C compiler is not one for {_DATA_MODEL}")
    return {
        "format": FORMAT,
        "version": read.version,
        "abi": read.abi,
        "header": {
            "file": header.name,
            "sha256": sha256_of(header),
        },
        "data_model": _DATA_MODEL,
        "platforms": [target.platform for target in TARGETS],
        "rules": [_unwrapped(rule) for rule in re.split(r"^- ", rules(header), flags=re.M)[1:]],
        **_Describer(unit, documented, answers.__getitem__).entries(),
    }


def render(header: Path) -> str:
    """Write the description of a header.

    Raises:
        HeaderError: see `description`.
        FactsError: see `description`.
    """
    return json.dumps(description(header), indent=2, ensure_ascii=False) + "\n"


class _Describer:
    def __init__(
        self, unit: c_ast.FileAST, documented: dict[str, Declaration], measure: Measure
    ) -> None:
        self._unit = unit
        self._documented = documented
        self._measure = measure
        self._kinds = dict(_kinds(unit))

    def entries(self) -> dict[str, list[Entry]]:
        """Describe all that the header declares, in its order."""
        found: dict[str, list[Entry]] = {
            "opaque_types": [],
            "aliases": [],
            "enums": [],
            "callbacks": [],
            "structs": [],
            "functions": [],
        }
        for name, kind in self._kinds.items():
            if kind == "opaque":
                found["opaque_types"].append({"name": name, "doc": self._text(name)})
        for node in self._unit.ext:
            if not isinstance(node, c_ast.Typedef) or node.name in _STANDARD:
                continue
            kind = self._kinds[node.name]
            if kind == "alias":
                found["aliases"].append(self._alias(node))
            elif kind == "enum":
                found["enums"].append(self._enum(node.name, node.type.type))
            elif kind in ("struct", "union") and node.type.type.decls:
                found["structs"].append(self._struct(node.name, kind, node.type.type))
        for kind, name, function in functions(self._unit):
            if not _TIE.match(name):
                found[f"{kind}s"].append(self._function(kind, name, function))
        return found

    def _alias(self, node: c_ast.Typedef) -> Entry:
        return {"name": node.name, **self._type(node.type), "doc": self._text(node.name)}

    def _enum(self, name: str, enum: c_ast.Enum) -> Entry:
        size = self._measure(f"sizeof({name})")
        sign = "" if self._measure(f"({name})-1 < 0") else "u"
        texts = member_texts(self._declaration(name))
        return {
            "name": name,
            "underlying": f"{sign}int{size * 8}_t",
            "size": size,
            "constants": [
                {"name": constant, "value": value, "doc": texts.get(constant)}
                for constant, value in constants(enum)
            ],
            "doc": self._text(name),
        }

    def _struct(self, name: str, kind: str, node: c_ast.Node) -> Entry:
        return {
            "name": name,
            "kind": kind,
            "size": self._measure(f"sizeof({name})"),
            "alignment": self._measure(f"_Alignof({name})"),
            "members": self._members(name, node, member_texts(self._declaration(name))),
            "doc": self._text(name),
        }

    def _members(self, struct: str, node: c_ast.Node, texts: dict[str, str]) -> list[Entry]:
        found = []
        for member in node.decls:
            if member.name is None:
                found.append(self._anonymous(struct, member.type, texts))
                continue
            place = {
                "offset": self._measure(f"offsetof({struct}, {member.name})"),
                "size": self._measure(f"sizeof((({struct} *)0)->{member.name})"),
            }
            text = texts.get(member.name)
            found.append({"name": member.name, **self._type(member.type), **place, "doc": text})
        return found

    def _anonymous(self, struct: str, node: c_ast.Node, texts: dict[str, str]) -> Entry:
        members = self._members(struct, node, texts)
        definition = definition_text(node)
        return {
            "name": None,
            "kind": "union" if isinstance(node, c_ast.Union) else "struct",
            # Its first member is where it begins itself.
            "offset": members[0]["offset"],
            "size": self._measure(f"sizeof({definition})"),
            "alignment": self._measure(f"_Alignof({definition})"),
            "members": members,
        }

    def _function(self, kind: str, name: str, function: c_ast.FuncDecl) -> Entry:
        declared = self._declaration(name)
        described: Entry = {
            "name": name,
            "parameters": [
                {
                    "name": parameter.name,
                    **self._type(parameter.type),
                    "doc": declared.parameters.get(parameter.name),
                }
                for parameter in parameters(function)
                if parameter.name
            ],
            "returns": {**self._type(function.type), "doc": declared.returns},
            "doc": self._text(name),
        }
        if kind == "function":
            described["components"] = [
                component.name for component in COMPONENTS if name in component.functions([name])
            ]
        return described

    def _type(self, node: c_ast.Node) -> Entry:
        """Describe a type, and spell it as C does."""
        return {"type": self._type_of(node), "c": type_text(node)}

    def _type_of(self, node: c_ast.Node) -> Entry:
        if isinstance(node, c_ast.PtrDecl) and not isinstance(node.type, c_ast.FuncDecl):
            is_const = "const" in node.type.quals
            return {"kind": "pointer", "const": is_const, "to": self._type_of(node.type)}
        if isinstance(node, c_ast.TypeDecl):
            inner = node.type
            is_identifier = isinstance(inner, c_ast.IdentifierType)
            name = " ".join(inner.names) if is_identifier else inner.name
            kind = "primitive" if name in _PRIMITIVES else self._kinds.get(name)
            # What has no name, or members in place, stands for more than its name says.
            if kind is not None and not getattr(inner, "decls", None):
                return {"kind": kind, "name": name}
        raise HeaderError(f"interface.json has no form of the type {type_text(node)}")

    def _declaration(self, name: str) -> Declaration:
        if name not in self._documented:
            raise HeaderError(f"{name} is not in a separate paragraph")
        return self._documented[name]

    def _text(self, name: str) -> str:
        return _unwrapped(self._declaration(name).text)


def _kinds(unit: c_ast.FileAST) -> Iterable[tuple[str, str]]:
    """Names of types and what they name; a definition comes after a declaration ahead of it."""
    for node in unit.ext:
        if not isinstance(node, c_ast.Typedef) or node.name in _STANDARD:
            continue
        inner = node.type.type
        if isinstance(node.type, c_ast.PtrDecl):
            yield node.name, "callback" if isinstance(inner, c_ast.FuncDecl) else "alias"
        elif isinstance(inner, c_ast.Enum):
            yield node.name, "enum"
        elif isinstance(inner, c_ast.IdentifierType) or inner.name != node.name:
            yield node.name, "alias"
        elif inner.decls:
            yield node.name, "union" if isinstance(inner, c_ast.Union) else "struct"
        else:
            yield node.name, "opaque"


def _unwrapped(text: str) -> str:
    """A text whose paragraphs are a line each."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
