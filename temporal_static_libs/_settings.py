"""The environment variables that say which archives are in force."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ._errors import SettingError


@dataclass(frozen=True)
class Settings:
    """What the environment asks for. An empty variable counts as one that is not set.

    Attributes:
        override: TEMPORAL_LIBS_DIR, made absolute.
        prebuilt: False if USE_PREBUILT_LIBS asks for archives compiled on this machine.
        fall_back: True if TEMPORAL_LIBS_FALLBACK asks to compile when the wheel's are broken.
    """

    override: Path | None
    prebuilt: bool
    fall_back: bool


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the variables.

    Args:
        environ: usually `os.environ`.

    Raises:
        SettingError: a variable holds a value it does not know.
    """
    return Settings(
        override=_directory(environ, "TEMPORAL_LIBS_DIR"),
        prebuilt=_one_of(environ, "USE_PREBUILT_LIBS", ("true", "false"), unset="true") == "true",
        fall_back=_one_of(environ, "TEMPORAL_LIBS_FALLBACK", ("compile",), unset="") == "compile",
    )


def _directory(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name, "")
    return Path(os.path.abspath(value)) if value else None


def _one_of(environ: Mapping[str, str], name: str, values: tuple[str, ...], *, unset: str) -> str:
    value = environ.get(name, "")
    if not value:
        return unset
    if value not in values:
        expected = " or ".join(values)
        raise SettingError(
            f"the environment variable {name} is {value!r}; it can be {expected}, or not set"
        )
    return value
