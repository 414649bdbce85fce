"""Where pip looks for packages on this machine, and how it connects, as pip itself reports it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tools.interface.errors import CannotCompareError, without_passwords

#: Later ones override earlier ones, as they do for the command `pip download`.
_SECTIONS: Final = ("global", "download", ":env:")
#: Options with two names.
_ALIASES: Final = {"default-timeout": "timeout", "pypi-url": "index-url"}
#: What pip reads as a boolean.
_TRUE: Final = ("y", "yes", "t", "true", "on", "1")
_FALSE: Final = ("n", "no", "f", "false", "off", "0")
#: A user's `quiet` would hide the answer.
_AUDIBLE: Final = {"PIP_QUIET": "0", "PIP_VERBOSE": "0"}


@dataclass(frozen=True)
class PipSettings:
    """The settings for finding and downloading, by the names of pip's options.

    Attributes:
        index_url: the index; None for pip's default.
        extra_index_urls: other indexes.
        no_index: whether to ask no index.
        find_links: directories, files and pages with links to distributions.
        trusted_hosts: hosts that need no valid certificate.
        cert: the file or directory of certificate authorities; None for the system's.
        client_cert: the file with the client's certificate and key.
        proxy: the URL of the proxy.
        timeout: seconds to wait for an answer; None for the default.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    timeout: float | None = None


def pip_settings() -> PipSettings:
    """Ask the pip of this environment for its settings.

    Raises:
        CannotCompareError: pip does not run, or a setting has no valid value.
    """
    options = _options(_listed())
    return PipSettings(
        index_url=options.get("index-url"),
        extra_index_urls=tuple(options.get("extra-index-url", "").split()),
        no_index=_boolean("no-index", options.get("no-index", "false")),
        find_links=tuple(options.get("find-links", "").split()),
        trusted_hosts=tuple(options.get("trusted-host", "").split()),
        cert=_path(options.get("cert")),
        client_cert=_path(options.get("client-cert")),
        proxy=options.get("proxy"),
        # pip does not print one that is no number.
        timeout=float(options["timeout"]) if "timeout" in options else None,
    )


def _listed() -> dict[str, str]:
    """What `pip config list` prints, section and option to value."""
    values: dict[str, list[str]] = {}
    for line in _pip("config", "list").splitlines():
        key, _, value = line.partition("=")
        values.setdefault(key, []).append(str(ast.literal_eval(value)))
    # An option that several files set is printed once for each, in no order that says which counts.
    return {
        key: found[0] if len(set(found)) == 1 else _pip("config", "get", key).removesuffix("\n")
        for key, found in values.items()
    }


def _options(listed: Mapping[str, str]) -> dict[str, str]:
    """The options that count, by name; empty ones are none."""
    options = {}
    for section in _SECTIONS:
        for key, value in listed.items():
            place, _, name = key.partition(".")
            if place == section and value:
                options[_ALIASES.get(name, name)] = value
    return options


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


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in _TRUE + _FALSE:
        raise CannotCompareError(
            f"pip's setting {name} is {value!r}, expected yes or no\n"
            "  fix: change it; `pip config debug` prints where it is set"
        )
    return value.lower() in _TRUE


def _path(value: str | None) -> str | None:
    return os.path.expanduser(value) if value else None
