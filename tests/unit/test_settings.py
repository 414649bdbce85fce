"""The environment variables."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from temporal_static_libs import TemporalStaticLibsError
from temporal_static_libs._settings import BOOTSTRAP_RUST, Settings

#: The defaults.
DEFAULTS: dict[str, Any] = {
    "override": None,
    "prebuilt": True,
    "fall_back": False,
    "metrics": None,
    "verify_always": False,
    "cache_directory": None,
    "target": None,
    "cargo_profile": "release",
    "build_record": None,
    "line_tables": None,
}
#: Variable and value, and the settings that they change.
VALUES = [
    ("TEMPORAL_LIBS_DIR", "/a/../b", {"override": "/b"}),
    *(("USE_PREBUILT_LIBS", value, {}) for value in ("true", "True", "1", "yes")),
    *(
        ("USE_PREBUILT_LIBS", value, {"prebuilt": False})
        for value in ("false", "FALSE", "0", "no", "No")
    ),
    ("TEMPORAL_LIBS_FALLBACK", "compile", {"fall_back": True}),
    ("TEMPORAL_LIBS_METRICS", "metrics.jsonl", {"metrics": "metrics.jsonl"}),
    ("TEMPORAL_LIBS_VERIFY", "always", {"verify_always": True}),
    ("TEMPORAL_LIBS_CACHE_DIR", "/cache/.", {"cache_directory": "/cache"}),
    ("TEMPORAL_LIBS_TARGET", "riscv64", {"target": "riscv64"}),
    ("TEMPORAL_LIBS_CARGO_PROFILE", "quick", {"cargo_profile": "quick"}),
    ("TEMPORAL_LIBS_BUILD_RECORD", "/record.json", {"build_record": "/record.json"}),
    ("TEMPORAL_LIBS_LINE_TABLES", "/tables", {"line_tables": "/tables"}),
]


def read(environ: dict[str, str]) -> dict[str, Any]:
    """All settings but the environment itself."""
    settings = vars(Settings(environ))
    assert settings.pop("environ") is environ
    return settings


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("1", True), ("true", True), ("YES", True), ("0", False), ("No", False), ("", False)],
)
def test_bootstrap_is_a_boolean(value: str, wanted: bool) -> None:
    assert Settings({BOOTSTRAP_RUST: value}).bootstrap_rust is wanted


def test_invalid_value_for_bootstrap_is_an_error_when_read() -> None:
    settings = Settings({BOOTSTRAP_RUST: "2"})
    refusal = "is '2'; expected 1, true or yes, or 0, false or no, or leave it unset"
    with pytest.raises(TemporalStaticLibsError, match=refusal):
        _ = settings.bootstrap_rust


@pytest.mark.parametrize(("name", "value", "changes"), VALUES)
def test_valid_value_is_accepted(name: str, value: str, changes: dict[str, Any]) -> None:
    assert read({name: value}) == {**DEFAULTS, **changes}


def test_empty_variable_counts_as_unset() -> None:
    assert read({}) == DEFAULTS
    assert read({name: "" for name, _, _ in VALUES}) == DEFAULTS


@pytest.mark.parametrize(
    "name",
    [
        "TEMPORAL_LIBS_DIR",
        "TEMPORAL_LIBS_CACHE_DIR",
        "TEMPORAL_LIBS_BUILD_RECORD",
        "TEMPORAL_LIBS_LINE_TABLES",
    ],
)
def test_relative_path_is_made_absolute(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert os.path.join(os.getcwd(), "libs") in read({name: "libs"}).values()


def test_docs_list_every_variable(repo_root: Path) -> None:
    page = (repo_root / "docs" / "compiling.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted({BOOTSTRAP_RUST, *(name for name, _, _ in VALUES)})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("USE_PREBUILT_LIBS", "maybe", "1, true or yes, or 0, false or no"),
        ("USE_PREBUILT_LIBS", "true ", "1, true or yes, or 0, false or no"),
        ("TEMPORAL_LIBS_FALLBACK", "1", "compile"),
        ("TEMPORAL_LIBS_VERIFY", "once", "always"),
    ],
)
def test_unknown_value_is_refused(name: str, value: str, allowed: str) -> None:
    with pytest.raises(TemporalStaticLibsError) as caught:
        Settings({name: value})
    assert str(caught.value) == (
        f"the environment variable {name} is {value!r}; expected {allowed}, or leave it unset"
    )
