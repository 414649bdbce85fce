"""pip's settings for finding and downloading packages on this machine, reported by pip."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from itertools import product
from typing import Final

from tools.interface.errors import CannotCompareError

#: Later sections override earlier ones, as for `pip download`.
_SECTIONS: Final = ("global", "download", ":env:")
#: Options for finding and downloading.
_OPTIONS: Final = (
    *("index-url", "extra-index-url", "no-index", "find-links"),
    *("trusted-host", "cert", "client-cert", "proxy", "timeout"),
)
#: Options with two names.
_ALIASES: Final = {"default-timeout": "timeout", "pypi-url": "index-url"}
#: A user's `quiet` would hide the output.
_AUDIBLE: Final = {"PIP_QUIET": "0", "PIP_VERBOSE": "0"}


def pip_settings() -> dict[str, str]:
    """Return this environment's nonempty pip settings for finding and downloading.

    pip itself refuses a timeout that is not a number.

    Raises:
        CannotCompareError: pip does not run.
    """
    listed: dict[str, list[str]] = {}
    for line in _pip("config", "list").splitlines():
        key, _, value = line.partition("=")
        listed.setdefault(key, []).append(str(ast.literal_eval(value)))
    settings = {}
    for section, (key, values) in product(_SECTIONS, listed.items()):
        place, _, name = key.partition(".")
        name = _ALIASES.get(name, name)
        if place == section and name in _OPTIONS:
            # An option in several files is listed once per file, in no meaningful order.
            several = len(set(values)) > 1
            if value := _pip("config", "get", key).removesuffix("\n") if several else values[0]:
                settings[name] = value
    return settings


def without_passwords(text: object) -> str:
    """Mask user names and passwords in URLs in a text."""
    return re.sub(r"://[^/\s'\"]*@", "://***@", str(text))


def _pip(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        env={**os.environ, **_AUDIBLE},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotCompareError(
            f"pip {' '.join(arguments)} failed:\n{without_passwords(done.stderr.strip())}\n"
            f"  fix: make this command succeed: {sys.executable} -m pip {' '.join(arguments)}"
        )
    return done.stdout
