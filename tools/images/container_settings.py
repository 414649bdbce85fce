"""Settings that let a container reach package registries: mirrors, proxies, certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

# Of pip, cargo and what they are made with; nothing that says where to install or to build.
_VARIABLES: Final = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT|RETRIES)"
    r"|PIP_(CERT|CLIENT_CERT)|SSL_CERT_FILE|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE"
    r"|CARGO_(HTTP|NET|REGISTRIES|REGISTRY)_\w+"
    r"|(HTTP|HTTPS|ALL|NO)_PROXY|(http|https|all|no)_proxy"
)
# Needed to publish, never to build.
_SECRET: Final = re.compile(r"_(TOKEN|CREDENTIAL_PROVIDER)$")


def container_settings(environ: Mapping[str, str], home: Path) -> list[str]:
    """Return the options of `docker create` that let a container's root do as this machine does.

    Args:
        environ: this machine's environment. Variables with a token stay out.
        home: the user's home directory.

    Returns:
        ``--env=…`` without values, which docker takes from its own environment, and ``--volume=…``
        of the files that variables name, at the same paths, and of pip's and cargo's configuration.
        All are read-only there.
    """
    names = sorted(
        name
        for name, value in environ.items()
        if value and _VARIABLES.fullmatch(name) and not _SECRET.search(name)
    )
    # PIP_FIND_LINKS holds several.
    words = [word for name in names for word in environ[name].split()]
    mounted = {word: word for word in words if word.startswith("/") and Path(word).exists()}
    mounted.update(_configuration(environ, home))
    return [
        *(f"--env={name}" for name in names),
        *(f"--volume={source}:{place}:ro" for place, source in sorted(mounted.items())),
    ]


def _configuration(environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, str]]:
    """Where a file is in the container, and where here."""
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
