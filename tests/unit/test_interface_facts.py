"""The facts of headers, including foreign ones, whose code must not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.interface.errors import CannotCompareError
from tools.interface.foreign import foreign_facts

START = "#pragma once\n#include <stdint.h>\n"


@pytest.mark.parametrize(
    ("header", "facts"),
    [
        pytest.param(
            "struct A { int32_t x; union { struct { int8_t y; }; int16_t z; }; };\n",
            {
                "struct\tA\tsize 8\talign 4",
                "shape\tA\tx union{struct{y} z}\t",
                "field\tA.x\tint32_t\toffset 0 size 4",
                "field\tA.y\tint8_t\toffset 4 size 1",
                "field\tA.z\tint16_t\toffset 4 size 2",
            },
            id="plain-struct",
        ),
        pytest.param(
            "struct A { int8_t x; };\ntypedef struct A A;\nvoid f(struct A *a);\n",
            {
                "struct\tA\tsize 1\talign 1",
                "field\tA.x\tint8_t\toffset 0 size 1",
                "function\tf\tvoid\tA*",
            },
            id="struct-before-its-typedef",
        ),
        pytest.param(
            "enum E { One = 0x1, Two, Less = -3 };\nenum { Three = 3u };\n",
            {
                "enum\tE\tOne\t1",
                "enum\tE\tTwo\t2",
                "enum\tE\tLess\t-3",
                "enum\t\tThree\t3",
            },
            id="plain-enum",
        ),
        pytest.param(
            "typedef struct A { enum { One } kind; } A;\n",
            {"struct\tA\tsize 4\talign 4"},
            id="enum-in-a-struct",
        ),
        pytest.param("typedef struct A A;\n", {"opaque\tA\t\t"}, id="opaque"),
    ],
)
def test_facts(header: str, facts: set[str]) -> None:
    found = foreign_facts(START + header, "theirs.h")
    # For an unnamed type, the text is its C code.
    assert {line for line in found if "kind" not in line} == facts


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        pytest.param("int f(;\n", "it cannot be parsed as C at: int f(;\n", id="no-c"),
        pytest.param('#include "absent.h"\n', "the C compiler does not accept it:\n", id="include"),
        pytest.param(
            "typedef struct A { struct Absent b; } A;\n",
            "the C compiler does not accept it:\nits messages are above",
            id="unknown-struct",
        ),
        pytest.param(
            "void f(unknown_t);\n",
            "a function has the parameter unknown_t, expected one with a type",
            id="unknown-type",
        ),
        pytest.param(
            "void f(int x, ...);\n", "the parameter ..., expected one with a type", id="variadic"
        ),
        pytest.param(
            "typedef enum E { One = 1 << 2 } E;\n",
            "the value of One is 1 << 2, expected a number",
            id="constant",
        ),
        pytest.param(
            "typedef struct A { int : 3; } A;\n", "A has int : 3, expected a field", id="member"
        ),
        pytest.param(
            "static int f(void) { return 0; }\n",
            "it has a FuncDef, expected declarations only",
            id="function-with-a-body",
        ),
        pytest.param("int x = 1;\n", "it has a Decl, expected declarations only", id="variable"),
        pytest.param("#pragma pack(1)\n", "it has a Pragma, expected declarations", id="pragma"),
    ],
)
def test_unreadable_header_is_reported(header: str, problem: str) -> None:
    with pytest.raises(CannotCompareError) as raised:
        foreign_facts(header, "theirs.h")
    assert str(raised.value).startswith("theirs.h cannot be read: ")
    assert problem in str(raised.value)
    assert "\n  fix: " in str(raised.value)


def test_code_that_only_the_compiler_sees_does_not_run(tmp_path: Path) -> None:
    """The program that prints the layout is compiled only from the parsed declarations."""
    traces = tmp_path / "traces"
    code = (
        "#ifdef __GNUC__\n#include <stdio.h>\n__attribute__((constructor)) static void run(void) "
        f'{{ fclose(fopen("{traces}", "w")); }}\n#endif\n'
    )
    assert foreign_facts(f"{START}{code}struct A {{ int8_t x; }};\n", "theirs.h")
    assert not traces.exists()
