"""Reading the C header."""

from __future__ import annotations

from pathlib import Path

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.header import read_header

HEADER = """\
#define TEMPORAL_STATIC_LIBS_VERSION "0.10.1"
# define  TEMPORAL_STATIC_LIBS_ABI_ID   "0123456789abcdef"
/* Freed with temporal_core_in_a_comment(x). */
// temporal_core_in_a_line_comment(x)
typedef void (*TemporalCoreWorkerCallback)(void *user_data);
struct TemporalCoreRandom *temporal_core_random_new(uint64_t seed);
void temporal_core_client_connect(struct TemporalCoreRuntime *runtime,
                                  TemporalCoreWorkerCallback callback);
"""


@pytest.fixture
def header(tmp_path: Path) -> Path:
    """A small header."""
    file = tmp_path / "bridge.h"
    file.write_text(HEADER)
    return file


def test_macros_and_declared_functions_are_read(header: Path) -> None:
    read = read_header(header)
    assert read.version == "0.10.1"
    assert read.abi == "0123456789abcdef"
    assert read.functions == {"temporal_core_random_new", "temporal_core_client_connect"}


@pytest.mark.parametrize("macro", ["TEMPORAL_STATIC_LIBS_VERSION", "TEMPORAL_STATIC_LIBS_ABI_ID"])
def test_missing_macro_is_named_in_the_error(header: Path, macro: str) -> None:
    header.write_text(HEADER.replace(macro, "OTHER"))
    with pytest.raises(CompileError, match=f"has no line '#define {macro} "):
        read_header(header)


def test_missing_header_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"none\.h cannot be read: No such file"):
        read_header(tmp_path / "none.h")
