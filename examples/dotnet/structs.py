"""Print C# for the structs and enums that the example uses, and for the ABI id."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOTS = (
    "TemporalCoreByteArray",
    "TemporalCoreConnectionOptions",
    "TemporalCoreRpcCallOptions",
    "TemporalCoreRuntimeOptions",
    "TemporalCoreRuntimeOrFail",
    "TemporalStaticLibsEvent",
)
PRIMITIVES = {
    "bool": "byte",
    "int32_t": "int",
    "size_t": "ulong",
    "uint32_t": "uint",
    "uint64_t": "ulong",
    "uintptr_t": "ulong",
}

interface = json.loads(Path(sys.argv[1]).read_text())
structs = {it["name"]: it for it in interface["structs"]}
enums = {it["name"]: it for it in interface["enums"]}
aliases = {it["name"]: it["type"] for it in interface["aliases"]}
used_structs, used_enums = set(ROOTS), set()


def csharp(type_: dict[str, Any]) -> str:
    """Return the C# type of a member, and record the struct or enum that it needs."""
    kind, name = type_["kind"], type_.get("name")
    if kind == "alias":
        return csharp(aliases[name])
    if kind in ("pointer", "callback"):
        return "IntPtr"
    if kind == "primitive":
        return PRIMITIVES[name]
    (used_enums if kind == "enum" else used_structs).add(name)
    return str(name)


print("using System;\nusing System.Runtime.InteropServices;\n")
print(f'static class Interface\n{{\n    public const string Abi = "{interface["abi"]}";\n}}')
printed = set()
while printed < used_structs:
    for name in sorted(used_structs - printed):
        printed.add(name)
        print(f"\n[StructLayout(LayoutKind.Explicit, Size = {structs[name]['size']})]")
        print(f"struct {name}\n{{")
        for member in structs[name]["members"]:
            declared = f"public {csharp(member['type'])} {member['name']};"
            print(f"    [FieldOffset({member['offset']})] {declared}")
        print("}")
for name in sorted(used_enums):
    print(f"\nenum {name} : {PRIMITIVES[enums[name]['underlying']]}\n{{")
    for constant in enums[name]["constants"]:
        print(f"    {constant['name'].removeprefix(name + '_')} = {constant['value']},")
    print("}")
