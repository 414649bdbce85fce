"""The environment variables of this package.

Paths are strings and imports few, because `temporal-libs-config` starts with this module.
"""

from __future__ import annotations

import os

from ._errors import SettingError

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OVERRIDE = "TEMPORAL_LIBS_DIR"
PREBUILT = "USE_PREBUILT_LIBS"
FALLBACK = "TEMPORAL_LIBS_FALLBACK"
METRICS = "TEMPORAL_LIBS_METRICS"
VERIFY = "TEMPORAL_LIBS_VERIFY"
CACHE_DIRECTORY = "TEMPORAL_LIBS_CACHE_DIR"
TARGET = "TEMPORAL_LIBS_TARGET"
CARGO_PROFILE = "TEMPORAL_LIBS_CARGO_PROFILE"
BOOTSTRAP_RUST = "TEMPORAL_LIBS_BOOTSTRAP_RUST"
BUILD_RECORD = "TEMPORAL_LIBS_BUILD_RECORD"
LINE_TABLES = "TEMPORAL_LIBS_LINE_TABLES"


class Settings:
    """The settings from the environment. An empty variable counts as unset.

    Attributes:
        environ: the environment, for child processes and for variables of other programs.
        override: TEMPORAL_LIBS_DIR, absolute; None if it is not set.
        prebuilt: False if USE_PREBUILT_LIBS requests archives compiled on this machine.
        fall_back: True if TEMPORAL_LIBS_FALLBACK requests to compile if the wheel's are broken.
        metrics: TEMPORAL_LIBS_METRICS, unchanged; None if it is not set.
        verify_always: True if TEMPORAL_LIBS_VERIFY requests a hash before each answer.
        cache_directory: TEMPORAL_LIBS_CACHE_DIR, absolute; None if it is not set.
        target: TEMPORAL_LIBS_TARGET, unchanged; None if it is not set.
        cargo_profile: TEMPORAL_LIBS_CARGO_PROFILE, or ``release``.
        build_record: TEMPORAL_LIBS_BUILD_RECORD, absolute; None if it is not set.
        line_tables: TEMPORAL_LIBS_LINE_TABLES, absolute; None if it is not set.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the variables.

        Args:
            environ: usually `os.environ`.

        Raises:
            SettingError: a variable has an invalid value.
        """
        self.environ = environ
        self.override = _path(environ, OVERRIDE)
        self.prebuilt = _is_on(environ, PREBUILT, default=True)
        self.fall_back = _one_of(environ, FALLBACK, ("compile",)) == "compile"
        self.metrics = environ.get(METRICS) or None
        self.verify_always = _one_of(environ, VERIFY, ("always",)) == "always"
        self.cache_directory = _path(environ, CACHE_DIRECTORY)
        self.target = environ.get(TARGET) or None
        self.cargo_profile = environ.get(CARGO_PROFILE) or "release"
        self.build_record = _path(environ, BUILD_RECORD)
        self.line_tables = _path(environ, LINE_TABLES)

    @classmethod
    def from_environ(cls) -> Settings:
        """Read the environment of this process."""
        return cls(os.environ)

    @property
    def bootstrap_rust(self) -> bool:
        """Whether TEMPORAL_LIBS_BOOTSTRAP_RUST allows to download a missing toolchain.

        Raises:
            SettingError: it has an invalid value, which matters only for compiling.
        """
        return _is_on(self.environ, BOOTSTRAP_RUST, default=False)

    @property
    def wheel_only(self) -> bool:
        """Whether the wheel's archives are active, broken or not, and no metrics are recorded."""
        return self.prebuilt and not (self.override or self.fall_back or self.metrics)


def _path(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    try:
        return os.path.abspath(value) if value else None
    except OSError as error:
        from ._messages import message

        values = {"name": name, "value": value, "reason": error.strerror}
        raise SettingError(message("setting-relative-to-nothing", **values)) from None


def _is_on(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = environ.get(name, "")
    if not value:
        return default
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if value.lower() not in known:
        raise _unknown(name, value, "1, true or yes, or 0, false or no")
    return known[value.lower()]


def _one_of(environ: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    value = environ.get(name, "")
    if value and value not in values:
        raise _unknown(name, value, " or ".join(values))
    return value


def _unknown(name: str, value: str, expected: str) -> SettingError:
    from ._messages import message

    return SettingError(message("unknown-setting", name=name, value=value, expected=expected))
