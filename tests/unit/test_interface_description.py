"""How interface.json describes a header: each C construct that is allowed, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools import ToolError
from tools.interface.description import description

START = """\
/*
 * Rules:
 *  - One,
 *    and more of it.
 *  - Two.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define TEMPORAL_STATIC_LIBS_VERSION "1.2.3"

#define TEMPORAL_STATIC_LIBS_ABI_ID "0123456789abcdef"

"""


def describe(tmp_path: Path, text: str) -> dict[str, Any]:
    header = tmp_path / "header.h"
    header.write_text(START + text, encoding="utf-8")
    return description(header)


def test_each_rule_becomes_one_line(tmp_path: Path) -> None:
    assert describe(tmp_path, "")["rules"] == ["One, and more of it.", "Two."]


def test_function(tmp_path: Path) -> None:
    (function,) = describe(
        tmp_path,
        "/** It. */\ntypedef struct It It;\n\n"
        "/**\n * Reads\n * it.\n *\n * @param it What a call\n *           gave.\n"
        " * @param names NULL or not.\n * @return Its text.\n *\n * Any\n * thread.\n */\n"
        "const char *temporal_core_worker_read(const struct It *it,\n"
        "                                      const uint8_t *const *names);\n",
    )["functions"]
    it = {"kind": "opaque", "name": "It"}
    byte = {"kind": "primitive", "name": "uint8_t"}
    assert function == {
        "name": "temporal_core_worker_read",
        "parameters": [
            {
                "name": "it",
                "type": {"kind": "pointer", "const": True, "to": it},
                "c": "const It*",
                "doc": "What a call gave.",
            },
            {
                "name": "names",
                "type": {
                    "kind": "pointer",
                    "const": True,
                    "to": {"kind": "pointer", "const": True, "to": byte},
                },
                "c": "const uint8_t*const*",
                "doc": "NULL or not.",
            },
        ],
        "returns": {
            "type": {
                "kind": "pointer",
                "const": True,
                "to": {"kind": "primitive", "name": "char"},
            },
            "c": "const char*",
            "doc": "Its text.",
        },
        "doc": "Reads it.\n\nAny thread.",
        "components": ["sdk-core"],
    }


def test_function_without_parameters_and_result(tmp_path: Path) -> None:
    (function,) = describe(tmp_path, "/** Does. */\nvoid temporal_core_do(void);\n")["functions"]
    assert function["parameters"] == []
    assert function["returns"]["type"] == {"kind": "primitive", "name": "void"}
    assert function["components"] == ["sdk-core", "client"]


def test_symbol_that_contains_the_version_is_omitted(tmp_path: Path) -> None:
    described = describe(
        tmp_path,
        "/** Ties. */\nvoid temporal_static_libs_1_2_3_abi_0123456789abcdef(void);\n\n"
        "/** Tells. */\nconst char *temporal_static_libs_version(void);\n",
    )
    assert [it["name"] for it in described["functions"]] == ["temporal_static_libs_version"]


def test_enum(tmp_path: Path) -> None:
    (enum,) = describe(
        tmp_path,
        "/** It. */\ntypedef enum E {\n  /** First. */\n  E_A = 3,\n"
        "  /**\n   * Second,\n   * of two lines.\n   */\n  E_B,\n  E_C = -0x10,\n} E;\n",
    )["enums"]
    assert enum == {
        "name": "E",
        "underlying": "int32_t",
        "size": 4,
        "constants": [
            {"name": "E_A", "value": 3, "doc": "First."},
            {"name": "E_B", "value": 4, "doc": "Second, of two lines."},
            {"name": "E_C", "value": -16, "doc": None},
        ],
        "doc": "It.",
    }


def test_struct_keeps_its_anonymous_members(tmp_path: Path) -> None:
    (struct,) = describe(
        tmp_path,
        "/** S. */\ntypedef struct S {\n  /** T. */\n  bool tag;\n"
        "  union {\n    struct {\n      uint32_t a;\n      /** B. */\n      uint8_t b;\n    };\n"
        "    uint16_t c;\n  };\n} S;\n",
    )["structs"]
    (tag, union) = struct["members"]
    assert (struct["kind"], struct["size"], struct["alignment"]) == ("struct", 12, 4)
    assert (tag["name"], tag["offset"], tag["size"], tag["doc"]) == ("tag", 0, 1, "T.")
    (inner, c) = union.pop("members")
    assert union == {"name": None, "kind": "union", "offset": 4, "size": 8, "alignment": 4}
    (a, b) = inner.pop("members")
    assert inner == {"name": None, "kind": "struct", "offset": 4, "size": 8, "alignment": 4}
    assert [(it["name"], it["offset"], it["doc"]) for it in (a, b, c)] == [
        ("a", 4, None),
        ("b", 8, "B."),
        ("c", 4, None),
    ]


def test_forward_declaration_is_resolved_to_the_type(tmp_path: Path) -> None:
    described = describe(
        tmp_path,
        "typedef struct S S;\n\n"
        "/** Frees it. */\ntypedef void (*Free)(const struct S *it);\n\n"
        "/** It. */\ntypedef struct S {\n  Free free;\n} S;\n\n"
        "/** The same. */\ntypedef struct S Same;\n",
    )
    assert described["opaque_types"] == []
    (callback,) = described["callbacks"]
    assert callback["parameters"][0]["type"]["to"] == {"kind": "struct", "name": "S"}
    assert "components" not in callback
    (struct,) = described["structs"]
    assert struct["members"][0]["type"] == {"kind": "callback", "name": "Free"}
    assert described["aliases"] == [
        {"name": "Same", "type": {"kind": "struct", "name": "S"}, "c": "S", "doc": "The same."}
    ]


@pytest.mark.parametrize(
    ("member", "spelled"),
    [
        pytest.param("int x", "int", id="type-of-no-fixed-width"),
        pytest.param("uint8_t x[4]", r"uint8_t \[4\]", id="array"),
        pytest.param("struct { uint8_t y; } x", r"\{ uint8_t y; \}", id="struct-in-place"),
    ],
)
def test_unsupported_type_is_named_in_the_error(tmp_path: Path, member: str, spelled: str) -> None:
    with pytest.raises(ToolError, match=rf"^interface\.json cannot describe the type .*{spelled}"):
        describe(tmp_path, f"/** S. */\ntypedef struct S {{\n  {member};\n}} S;\n")
