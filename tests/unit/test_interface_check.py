"""The build's check that interface.json matches the header: what it refuses, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.header import check_interface
from tools.interface.description import render

TEXT = """\
/*
 * Rules:
 *  - One.
 */
#include <stdint.h>
#include <stdlib.h>

#define TEMPORAL_STATIC_LIBS_VERSION "1.2.3"

#define TEMPORAL_STATIC_LIBS_ABI_ID "0123456789abcdef"

/** Ties. */
void temporal_static_libs_1_2_3_abi_0123456789abcdef(void);

/** Tells. */
const char *temporal_static_libs_version(void);

/** Draws. */
int32_t temporal_core_random_draw(int32_t last);
"""


@pytest.fixture
def header(tmp_path: Path) -> Path:
    file = tmp_path / "bridge.h"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def interface(header: Path) -> Path:
    """The description of the header."""
    file = header.with_name("interface.json")
    file.write_text(render(header), encoding="utf-8")
    return file


def test_description_of_the_header_is_accepted(interface: Path, header: Path) -> None:
    check_interface(interface, header)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            *("core_random_draw", "core_random_pick"),
            "only one of them has temporal_core_random_draw, temporal_core_random_pick",
            id="function",
        ),
        pytest.param(
            *("static_libs_version", "static_libs_abi"),
            "only one of them has temporal_static_libs_abi, temporal_static_libs_version",
            id="own-function",
        ),
        pytest.param("int32_t last", "int64_t last", "its SHA-256 of the header is ", id="type"),
        pytest.param(
            "0123456789abcdef",
            "fedcba9876543210",
            "its ABI id is 0123456789abcdef, expected fedcba9876543210",
            id="abi-id",
        ),
        pytest.param('"1.2.3"', '"1.2.4"', "its version is 1.2.3, expected 1.2.4", id="version"),
    ],
)
def test_description_of_another_header_is_refused(
    interface: Path, header: Path, old: str, new: str, problem: str
) -> None:
    assert old in TEXT
    header.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        check_interface(interface, header)
    first, fix = str(caught.value).splitlines()
    assert first.startswith(f"{interface} does not match bridge.h: {problem}")
    assert "run `make header`" in fix


def test_description_that_lacks_a_function_is_refused(interface: Path, header: Path) -> None:
    """It is refused even if the hash is right, for example after a bad merge."""
    described = json.loads(interface.read_text(encoding="utf-8"))
    del described["functions"][-1]
    interface.write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(CompileError, match="only one of them has temporal_core_random_draw\n"):
        check_interface(interface, header)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<<<<<<< HEAD\n{}", id="conflict"),
        pytest.param("{}", id="nothing"),
        pytest.param("[]", id="list"),
        pytest.param('{"version": "", "abi": "", "header": [], "functions": []}', id="header"),
    ],
)
def test_invalid_description_is_refused(interface: Path, header: Path, text: str) -> None:
    interface.write_text(text, encoding="utf-8")
    with pytest.raises(CompileError, match=r"does not have the form of interface\.schema\.json\n"):
        check_interface(interface, header)


def test_missing_description_is_named_in_the_error(interface: Path, header: Path) -> None:
    interface.unlink()
    with pytest.raises(CompileError, match=r"interface\.json cannot be read: No such file"):
        check_interface(interface, header)
