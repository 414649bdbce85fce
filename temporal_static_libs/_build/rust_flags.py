"""Flags for rustc; paths of the building machine stay out of what others get."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .toolchain import Toolchain

_SEPARATOR = "\x1f"  # of CARGO_ENCODED_RUSTFLAGS


def with_rust_flags(
    flags: Sequence[str], environ: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Have cargo pass flags to rustc.

    Args:
        flags: what to pass.
        environ: the environment that cargo is to run in.

    Returns:
        Options for cargo, and the environment. Flags for rustc that the environment holds stay;
        those of a Cargo configuration file for a certain target take the place of these.
    """
    if not flags:
        return [], dict(environ)
    encoded = environ.get("CARGO_ENCODED_RUSTFLAGS")
    given = encoded.split(_SEPARATOR) if encoded else environ.get("RUSTFLAGS", "").split()
    if given:
        return [], {**environ, "CARGO_ENCODED_RUSTFLAGS": _SEPARATOR.join([*given, *flags])}
    return ["--config", f"build.rustflags={json.dumps(list(flags))}"], dict(environ)


def neutral_path_flags(metadata: Mapping[str, Any], toolchain: Toolchain) -> list[str]:
    """Flags that have neutral paths written into panic messages.

    The workspace's own sources need nothing: cargo names them relative to it.

    Args:
        metadata: what ``cargo metadata`` says in the environment that cargo is to run in.
        toolchain: whose standard library is compiled in.
    """
    return [
        f"--remap-path-prefix={prefix}={replacement}"
        for prefix, replacement in _replacements(metadata, toolchain)
    ]


def _replacements(metadata: Mapping[str, Any], toolchain: Toolchain) -> Iterator[tuple[str, str]]:
    # A registry's cache, or a vendored copy of it.
    sources = {
        str(Path(package["manifest_path"]).parent.parent)
        for package in metadata["packages"]
        if package["source"] is not None
    }
    for directory in sorted(sources):
        yield directory, "/cargo/src"
    yield metadata["target_directory"], "/cargo/target"
    # rustc undoes its own neutral paths where it finds the standard library's sources.
    yield f"{toolchain.sysroot}/lib/rustlib/src/rust", f"/rustc/{toolchain.rustc_commit}"
