"""Flags for rustc; paths of the building machine stay out of what it makes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._errors import CompileError
from .._targets import Target
from .toolchain import Toolchain

_SEPARATOR = "\x1f"  # of CARGO_ENCODED_RUSTFLAGS


def with_rust_flags(
    workspace: Path, toolchain: Toolchain, target: Target, environ: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Tell rustc what the target asks for, and to write neutral paths into panic messages.

    The workspace's own sources need nothing: cargo names them relative to it.

    Args:
        workspace: the directory of the Cargo workspace.
        toolchain: whose standard library is compiled in.
        target: what is compiled for.
        environ: the environment that cargo is to run in.

    Returns:
        Options for cargo, and the environment. Flags for rustc that the environment holds stay;
        those of a Cargo configuration file for a certain target take the place of these.

    Raises:
        CompileError: cargo cannot tell where the sources are; its messages are on stderr.
    """
    flags = [
        *target.rust_flags,
        *(
            f"--remap-path-prefix={prefix}={replacement}"
            for prefix, replacement in _replacements(workspace, toolchain, environ)
        ),
    ]
    encoded = environ.get("CARGO_ENCODED_RUSTFLAGS")
    given = encoded.split(_SEPARATOR) if encoded else environ.get("RUSTFLAGS", "").split()
    if given:
        return [], {**environ, "CARGO_ENCODED_RUSTFLAGS": _SEPARATOR.join([*given, *flags])}
    return ["--config", f"build.rustflags={json.dumps(flags)}"], dict(environ)


def _replacements(
    workspace: Path, toolchain: Toolchain, environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    metadata = _metadata(workspace, toolchain, environ)
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


def _metadata(workspace: Path, toolchain: Toolchain, environ: Mapping[str, str]) -> dict[str, Any]:
    command = [toolchain.cargo, "metadata", "--locked", "--format-version", "1"]
    done = subprocess.run(command, cwd=workspace, env=environ, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise CompileError(
            "cargo could not read the workspace or fetch its dependencies; its messages are above "
            f"(exit status {done.returncode})\n"
            f"  command: {' '.join(command)}\n"
            f"  in:      {workspace}"
        )
    metadata: dict[str, Any] = json.loads(done.stdout)
    return metadata
