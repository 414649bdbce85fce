"""The C interface for ctypes, made from interface.json: types, functions, constants."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any


class Interface:
    """A shared library whose functions have types. A pointer is a number or None."""

    def __init__(self, library: str, description: str) -> None:
        described = json.loads(Path(description).read_text(encoding="utf-8"))
        kinds = ("aliases", "enums", "structs")
        self._named = {it["name"]: it for kind in kinds for it in described[kind]}
        self._structs: dict[str, Any] = {}
        enums = described["enums"]
        self.constants = {it["name"]: it["value"] for enum in enums for it in enum["constants"]}
        self.functions = ctypes.CDLL(library)
        for it in described["functions"]:
            function = getattr(self.functions, it["name"])
            function.argtypes = [self.type(parameter["type"]) for parameter in it["parameters"]]
            function.restype = self.type(it["returns"]["type"])
        found = ctypes.string_at(self.functions.temporal_static_libs_abi_id()).decode()
        if found != described["abi"]:
            raise ValueError(f"{library} has the ABI {found}, not that of {description}")

    def struct(self, name: str) -> Any:
        """Return the class for a struct that has no anonymous members."""
        if name not in self._structs:
            members = self._named[name]["members"]
            fields = [(it["name"], self.type(it["type"])) for it in members]
            self._structs[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
        return self._structs[name]

    def type(self, described: Any) -> Any:
        """Return the type of a parameter, result or field."""
        name = described.get("name")
        if described["kind"] == "alias":
            return self.type(self._named[name]["type"])
        if described["kind"] == "enum":
            name = self._named[name]["underlying"]
        elif described["kind"] == "struct":
            return self.struct(name)
        elif described["kind"] != "primitive":
            return ctypes.c_void_p
        # ctypes has shorter names for C's types, such as c_uint32 and c_size_t.
        other = {"void": None, "uintptr_t": ctypes.c_size_t, "intptr_t": ctypes.c_ssize_t}
        short = name if name == "size_t" else name.removesuffix("_t")
        return other[name] if name in other else getattr(ctypes, f"c_{short}")
