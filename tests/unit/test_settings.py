"""The environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from temporal_static_libs import TemporalStaticLibsError
from temporal_static_libs._settings import Settings, read_settings


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        pytest.param({}, Settings(None, True, False), id="none"),
        pytest.param(
            {
                "TEMPORAL_LIBS_DIR": "",
                "USE_PREBUILT_LIBS": "",
                "TEMPORAL_LIBS_FALLBACK": "",
            },
            Settings(None, True, False),
            id="empty-is-not-set",
        ),
        pytest.param({"USE_PREBUILT_LIBS": "true"}, Settings(None, True, False), id="prebuilt"),
        pytest.param({"USE_PREBUILT_LIBS": "false"}, Settings(None, False, False), id="compiled"),
        pytest.param(
            {"TEMPORAL_LIBS_FALLBACK": "compile"}, Settings(None, True, True), id="fall-back"
        ),
        pytest.param(
            {"TEMPORAL_LIBS_DIR": "/a/../b"}, Settings(Path("/b"), True, False), id="override"
        ),
    ],
)
def test_value_is_understood(environ: dict[str, str], settings: Settings) -> None:
    assert read_settings(environ) == settings


def test_relative_directory_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({"TEMPORAL_LIBS_DIR": "libs"})
    assert settings.override == Path(os.getcwd(), "libs")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("USE_PREBUILT_LIBS", "no", "true or false"),
        ("USE_PREBUILT_LIBS", "TRUE", "true or false"),
        ("TEMPORAL_LIBS_FALLBACK", "1", "compile"),
    ],
)
def test_unknown_value_is_refused(name: str, value: str, allowed: str) -> None:
    with pytest.raises(TemporalStaticLibsError) as caught:
        read_settings({name: value})
    assert str(caught.value) == (
        f"the environment variable {name} is {value!r}; it can be {allowed}, or not set"
    )
