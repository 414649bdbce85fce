"""A binding made only from interface.json and a shared library, without header and C compiler."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Described = Mapping[str, Any]
"""A part of interface.json."""

_PRIMITIVES: Mapping[str, Any] = {
    "void": None,
    "bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "intptr_t": ctypes.c_ssize_t,
    "uintptr_t": ctypes.c_size_t,
    **{
        f"{sign}int{bits}_t": getattr(ctypes, f"c_{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
# ctypes has separate types for pointers to these.
_POINTERS: Mapping[str, Any] = {"void": ctypes.c_void_p, "char": ctypes.c_char_p}


class Binding:
    """The interface that an interface.json describes, for ctypes.

    Attributes:
        types: the types by name.
        constants: the constants of enums by name.
    """

    def __init__(self, interface: Described) -> None:
        self.types: dict[str, Any] = {}
        self.constants: dict[str, int] = {}
        self._functions = interface["functions"]
        for opaque in interface["opaque_types"]:
            self.types[opaque["name"]] = type(opaque["name"], (ctypes.Structure,), {})
        for enum in interface["enums"]:
            self.types[enum["name"]] = _PRIMITIVES[enum["underlying"]]
            self.constants |= {it["name"]: it["value"] for it in enum["constants"]}
        # Fields are set last, because they can be callbacks that take pointers to structs.
        for struct in interface["structs"]:
            self.types[struct["name"]] = type(struct["name"], (_base(struct),), {})
        for alias in interface["aliases"]:
            self.types[alias["name"]] = self.type(alias["type"])
        for callback in interface["callbacks"]:
            self.types[callback["name"]] = ctypes.CFUNCTYPE(
                self.type(callback["returns"]["type"]), *self._parameters(callback)
            )
        for struct in interface["structs"]:
            self._set_fields(self.types[struct["name"]], struct["members"])

    def type(self, described: Described) -> Any:
        """Return the ctypes equivalent of a type."""
        if described["kind"] == "primitive":
            return _PRIMITIVES[described["name"]]
        if described["kind"] == "pointer":
            target = described["to"]
            if target["kind"] == "primitive" and target["name"] in _POINTERS:
                return _POINTERS[target["name"]]
            return ctypes.POINTER(self.type(target))
        return self.types[described["name"]]

    def load(self, library: Path) -> ctypes.CDLL:
        """Load a shared library and declare the functions that it has."""
        loaded = ctypes.CDLL(str(library))
        for described in self._functions:
            function = getattr(loaded, described["name"], None)
            if function is not None:
                function.argtypes = self._parameters(described)
                function.restype = self.type(described["returns"]["type"])
        return loaded

    def _parameters(self, described: Described) -> list[Any]:
        return [self.type(parameter["type"]) for parameter in described["parameters"]]

    def _set_fields(self, struct: Any, members: Sequence[Described]) -> None:
        fields = []
        anonymous = []
        for number, member in enumerate(members):
            if member["name"] is not None:
                fields.append((member["name"], self.type(member["type"])))
                continue
            name = f"anonymous_{number}"
            inner = type(name, (_base(member),), {})
            self._set_fields(inner, member["members"])
            fields.append((name, inner))
            anonymous.append(name)
        struct._anonymous_ = anonymous
        struct._fields_ = fields


def _base(described: Described) -> Any:
    return ctypes.Union if described["kind"] == "union" else ctypes.Structure
