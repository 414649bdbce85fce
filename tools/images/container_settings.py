"""Settings that let a container reach package registries: mirrors, proxies, certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

# Variables of pip, cargo and related tools, without those about where to install or build.
_VARIABLES: Final = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT|RETRIES)"
    r"|PIP_(CERT|CLIENT_CERT)|SSL_CERT_FILE|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE"
    r"|CARGO_(HTTP|NET|REGISTRIES|REGISTRY)_\w+"
    r"|(HTTP|HTTPS|ALL|NO)_PROXY|(http|https|all|no)_proxy"
)
# Needed to publish, never to build.
_SECRET: Final = re.compile(r"_(TOKEN|CREDENTIAL_PROVIDER)$")


def container_settings(environ: Mapping[str, str], home: Path) -> list[str]:
    """Return options of `docker create` that give a container's root this machine's access.

    Args:
        environ: this machine's environment. Variables with a token are omitted.
        home: the user's home directory.

    Returns:
        ``--env=…`` without values, which docker takes from its own environment, and ``--volume=…``
        for files named in variables, at the same paths, and for pip's and cargo's configuration.
        All are read-only in the container.
    """
    names = sorted(
        name
        for name, value in environ.items()
        if value and _VARIABLES.fullmatch(name) and not _SECRET.search(name)
    )
    # PIP_FIND_LINKS can contain several.
    words = [word for name in names for word in environ[name].split()]
    mounted = {word: word for word in words if word.startswith("/") and Path(word).exists()}
    mounted.update(_configuration(environ, home))
    return [
        *(f"--env={name}" for name in names),
        *(f"--volume={source}:{place}:ro" for place, source in sorted(mounted.items())),
    ]


def _configuration(environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each file in the container and on this machine."""
    cargo_home = Path(environ.get("CARGO_HOME") or home / ".cargo")
    candidates = {
        "/etc/pip.conf": Path("/etc/pip.conf"),
        "/root/.config/pip/pip.conf": home / ".config" / "pip" / "pip.conf",
        "/root/.pip/pip.conf": home / ".pip" / "pip.conf",
        "/root/.cargo/config.toml": cargo_home / "config.toml",
    }
    for place, source in candidates.items():
        if source.is_file():
            yield place, str(source)
