"""What `make header` does with cbindgen's output."""

from __future__ import annotations

import pytest

from tools.generate.header import LAST_INCLUDE, allow_anonymous_structs, own_types


@pytest.mark.parametrize(
    ("generated", "header"),
    [
        pytest.param(
            "struct TemporalCoreStaticLibsQueue *queue",
            "struct TemporalStaticLibsQueue *queue",
            id="type",
        ),
        pytest.param(
            "TemporalCoreStaticLibsEvent_Tag_None",
            "TemporalStaticLibsEvent_Tag_None",
            id="constant",
        ),
        pytest.param("TemporalCoreWorker", "TemporalCoreWorker", id="of-the-interface"),
        pytest.param(
            "MyTemporalCoreStaticLibsQueue", "MyTemporalCoreStaticLibsQueue", id="inside-a-name"
        ),
    ],
)
def test_types_of_this_project_get_its_prefix(generated: str, header: str) -> None:
    assert own_types(generated) == header


def test_pragmas_enclose_the_declarations_and_nothing_else() -> None:
    header = f"#ifndef GUARD\n{LAST_INCLUDE}\nint x;\n\n\n#endif  /* GUARD */\n"
    lines = allow_anonymous_structs(header, LAST_INCLUDE).splitlines()
    push = lines.index("#pragma GCC diagnostic push")
    pop = lines.index("#pragma GCC diagnostic pop")
    assert lines.index(LAST_INCLUDE.strip()) < push < lines.index("int x;") < pop
    assert lines[-1] == "#endif  /* GUARD */"
    assert [lines[push - 1], lines[pop - 1]] == ["#if defined(__GNUC__)"] * 2
