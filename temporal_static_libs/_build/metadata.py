"""What cargo says about a workspace: its packages, and where it would put what it makes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._console import stderr_of_programs
from .._errors import CompileError
from .toolchain import Toolchain


def cargo_metadata(
    workspace: Path, toolchain: Toolchain, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Run ``cargo metadata``, which fetches what is not there. Its progress goes to stderr.

    Args:
        workspace: the directory of the Cargo workspace.
        toolchain: whose cargo.
        environ: the environment to run it in.

    Raises:
        CompileError: it failed; its messages are on stderr.
    """
    command = [toolchain.cargo, "metadata", "--locked", "--format-version", "1"]
    done = subprocess.run(
        command,
        cwd=workspace,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=stderr_of_programs(),
        check=False,
    )
    if done.returncode != 0:
        problem = "could not read the workspace or fetch its dependencies"
        raise failure_of_cargo(problem, command, workspace, done.returncode)
    metadata: dict[str, Any] = json.loads(done.stdout)
    return metadata


def failure_of_cargo(
    problem: str, command: Sequence[str], workspace: Path, status: int
) -> CompileError:
    """The error for a run of cargo that failed.

    Args:
        problem: what cargo could not do.
        command: what was run.
        workspace: where.
        status: its exit status.
    """
    return CompileError(
        f"cargo {problem}; its messages are above (exit status {status})\n"
        f"  command: {' '.join(command)}\n"
        f"  in:      {workspace}"
    )


def with_target_directory(
    metadata: dict[str, Any], environ: Mapping[str, str], directory: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """Have cargo use a directory, unless its settings, variables or files, name another.

    Args:
        metadata: what it says without.
        environ: the environment that it says that in.
        directory: instead of ``target`` in the workspace, which may be read-only.

    Returns:
        What it would say with the directory, and the environment to run it in.
    """
    if metadata["target_directory"] != os.path.join(metadata["workspace_root"], "target"):
        return metadata, dict(environ)
    return (
        {**metadata, "target_directory": str(directory)},
        {**environ, "CARGO_TARGET_DIR": str(directory)},
    )
