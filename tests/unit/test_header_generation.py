"""What `make header` does with cbindgen's output."""

from __future__ import annotations

import pytest

from tools.generate.declarations import LAST_INCLUDE
from tools.generate.header import assembled

GENERATED = f"#ifndef GUARD\n{LAST_INCLUDE}\n{{}}\n\n\n#endif  /* GUARD */\n"


def header_with(declaration: str) -> str:
    """Make the header from cbindgen's output for a declaration."""
    return assembled(GENERATED.format(declaration), "1.2.3", "0123", {"Old": "New"})


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
    assert header_with(generated).count(header) == 1


def test_pragmas_enclose_only_the_declarations() -> None:
    lines = header_with("int x;").splitlines()
    push = lines.index("#pragma GCC diagnostic push")
    pop = lines.index("#pragma GCC diagnostic pop")
    assert lines.index(LAST_INCLUDE.strip()) < push < lines.index("int x;") < pop
    assert lines[-1] == "#endif  /* GUARD */"
    assert [lines[push - 1], lines[pop - 1]] == ["#if defined(__GNUC__)"] * 2
