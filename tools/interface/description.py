"""A C header in a format for generators of bindings: interface.json.

``temporal_static_libs/share/interface.schema.json`` describes its content. `ToolError`: a part of
the header cannot be read or described, or this machine has a different data model.
`subprocess.CalledProcessError`: the C compiler does not accept the header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pycparser import c_ast

from temporal_static_libs._build.header import read_header
from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._targets import TARGETS
from tools import ToolError
from tools.generate.declarations import Declaration, declarations, member_texts, rules
from tools.interface.parsing import (
    STANDARD_NAMES,
    Type,
    constants,
    functions,
    kind_of,
    measured,
    name_of,
    parameters,
    parse_header,
    source_text,
    type_text,
    types,
)

FORMAT: Final = 1
"""Increased for changes that would break a generator that reads the file."""

_DATA_MODEL: Final = "LP64"
# The sizes and offsets are those of a machine with this data model.
_OF_DATA_MODEL: Final = {"sizeof(int)": 4, "sizeof(long)": 8, "sizeof(void *)": 8}

_PRIMITIVES: Final = STANDARD_NAMES | {"void", "char", "float", "double"}

Entry = dict[str, Any]


def description(header: Path) -> Entry:
    """Describe a header in the format that `generate.declarations` reads."""
    read = read_header(header)
    documented = {item.name: item for item in declarations(header)}
    unit = parse_header(header)
    data_model = measured(lambda measure: {it: measure(it) for it in _OF_DATA_MODEL}, header)
    if data_model != _OF_DATA_MODEL:
        raise ToolError(f"the C compiler does not have the data model {_DATA_MODEL}")
    return {
        "format": FORMAT,
        "version": read.version,
        "abi": read.abi,
        "header": {"file": header.name, "sha256": sha256_of(header)},
        "data_model": _DATA_MODEL,
        "platforms": [target.platform for target in TARGETS],
        "rules": [_unwrapped(rule) for rule in re.split(r"^- ", rules(header), flags=re.M)[1:]],
        **measured(lambda measure: _Describer(unit, documented, measure).entries(), header),
    }


def render(header: Path) -> str:
    """Write the description of a header."""
    return json.dumps(description(header), indent=2, ensure_ascii=False) + "\n"


class _Describer:
    """Describes a whole header; `measure` returns the value of a C expression."""

    def __init__(
        self,
        unit: c_ast.FileAST,
        documented: dict[str, Declaration],
        measure: Callable[[str], int],
    ) -> None:
        self._unit = unit
        self._documented = documented
        self._measure = measure
        self._types: dict[str, Type] = {}
        for one in types(unit):
            # A definition replaces a forward declaration.
            self._types.pop(one.name, None)
            self._types[one.name] = one

    def entries(self) -> dict[str, list[Entry]]:
        kinds = ("opaque_types", "aliases", "enums", "callbacks", "structs", "functions")
        found: dict[str, list[Entry]] = {kind: [] for kind in kinds}
        for name, kind, node, _ in self._types.values():
            if kind == "callback":
                continue
            group, described = "opaque_types", Entry()
            if kind == "alias":
                group, described = "aliases", self._type(node)
            elif kind == "enum":
                group, described = "enums", self._enum(name, node)
            elif kind != "opaque":
                group, described = "structs", self._struct(name, kind, node)
            found[group].append({"name": name, **described, "doc": self._text(name)})
        for kind, name, function in functions(self._unit):
            # C programs refer to it, so that they do not link with another version's archive.
            if not re.match(r"temporal_static_libs_\d", name):
                found[f"{kind}s"].append(self._function(kind, name, function))
        return found

    def _enum(self, name: str, enum: c_ast.Enum) -> Entry:
        size = self._measure(f"sizeof({name})")
        sign = "" if self._measure(f"({name})-1 < 0") else "u"
        texts = member_texts(self._declaration(name))
        described = [
            {"name": constant, "value": value, "doc": texts.get(constant)}
            for constant, value in constants(enum)
        ]
        return {"underlying": f"{sign}int{size * 8}_t", "size": size, "constants": described}

    def _struct(self, name: str, kind: str, node: c_ast.Node) -> Entry:
        members = self._members(name, node, member_texts(self._declaration(name)))
        return {"kind": kind, **self._extent(name), "members": members}

    def _extent(self, spelling: str) -> Entry:
        return {
            "size": self._measure(f"sizeof({spelling})"),
            "alignment": self._measure(f"_Alignof({spelling})"),
        }

    def _members(self, struct: str, node: c_ast.Node, texts: dict[str, str]) -> list[Entry]:
        found: list[Entry] = []
        for name, kind in ((member.name, member.type) for member in node.decls):
            if name is None:
                members = self._members(struct, kind, texts)
                described = {
                    "name": None,
                    "kind": kind_of(kind),
                    # It has the same offset as its first member.
                    "offset": members[0]["offset"],
                    **self._extent(" ".join(source_text(kind).split())),
                    "members": members,
                }
            else:
                described = {
                    "name": name,
                    **self._type(kind),
                    "offset": self._measure(f"offsetof({struct}, {name})"),
                    "size": self._measure(f"sizeof((({struct} *)0)->{name})"),
                    "doc": texts.get(name),
                }
            found.append(described)
        return found

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
        """Describe a type, and include its C spelling."""
        return {"type": self._type_of(node), "c": type_text(node)}

    def _type_of(self, node: c_ast.Node) -> Entry:
        if isinstance(node, c_ast.PtrDecl) and not isinstance(node.type, c_ast.FuncDecl):
            is_const = "const" in node.type.quals
            return {"kind": "pointer", "const": is_const, "to": self._type_of(node.type)}
        if isinstance(node, c_ast.TypeDecl):
            name = name_of(node.type) or ""
            # A type without a name, or with inline members, is more than its name.
            if not getattr(node.type, "decls", None):
                if name in _PRIMITIVES:
                    return {"kind": "primitive", "name": name}
                if name in self._types:
                    return {"kind": self._types[name].kind, "name": name}
        raise ToolError(f"interface.json cannot describe the type {type_text(node)}")

    def _declaration(self, name: str) -> Declaration:
        if name not in self._documented:
            raise ToolError(f"{name} is not in a separate paragraph")
        return self._documented[name]

    def _text(self, name: str) -> str:
        return _unwrapped(self._declaration(name).text)


def _unwrapped(text: str) -> str:
    """Return a text with one line per paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
