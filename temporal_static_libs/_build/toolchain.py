"""Rust's toolchain: found and checked before any work, or fetched where that was asked for."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._errors import CompileError
from .._settings import BOOTSTRAP_RUST, Settings
from .advice import WaysOut, unexpected, when_no_wheel_was_chosen
from .tool import program_on_path, release_of

BOOTSTRAP_REQUIREMENT = "puccinialin>=0.1.14"

_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Toolchain:
    """A cargo and a rustc that are new enough.

    Attributes:
        cargo: the executable's absolute path.
        rustc_version: first line of ``rustc --version``.
        rustc_commit: hash of the commit that rustc was built from, or ``unknown``.
        host: target triple of the machine they run on.
        sysroot: directory of rustc's libraries and of the programs that come with it.
        environ: the environment to run cargo in.
    """

    cargo: str
    rustc_version: str
    rustc_commit: str
    host: str
    sysroot: Path
    environ: Mapping[str, str] = field(repr=False)

    def with_workspace_id(self, workspace_id: str) -> Toolchain:
        """The same, whose cargo takes that for what rust/.cargo/config.toml has it take."""
        return replace(
            self, environ={**self.environ, "TEMPORAL_STATIC_LIBS_WORKSPACE": workspace_id}
        )


class _UnusableError(Exception):
    """No toolchain here. The message says why, in a few words."""


def find_toolchain(
    workspace: Path,
    settings: Settings,
    ways_out: WaysOut = when_no_wheel_was_chosen,
) -> Toolchain:
    """Find a toolchain that the workspace can be compiled with.

    Args:
        workspace: the directory of the Cargo workspace.
        settings: what says where to look, and whether a toolchain is fetched if there is none.
        ways_out: makes the message for want of one.

    Raises:
        CompileError: there is none; the message holds the ways out.
        SettingError: TEMPORAL_LIBS_BOOTSTRAP_RUST holds a value it does not know.
    """
    minimum = _minimum_version(workspace)
    environ, bootstrap = settings.environ, settings.bootstrap_rust
    try:
        return _usable(environ, workspace, minimum)
    except _UnusableError as reason:
        if not bootstrap:
            raise CompileError(ways_out(str(reason), minimum)) from None
    try:
        return _usable(_fetch(environ), workspace, minimum)
    except _UnusableError as reason:
        raise CompileError(ways_out(str(reason), minimum)) from None


def rustc_host(workspace: Path, environ: Mapping[str, str]) -> str | None:
    """The target triple of the rustc at hand, however old it is.

    Args:
        workspace: the directory of the Cargo workspace.
        environ: usually `os.environ`.

    Returns:
        What ``rustc -vV`` prints after ``host:``. None if there is no rustc that answers.
    """
    try:
        rustc = _executable(environ.get("RUSTC") or "rustc", environ)
        return _facts(_ask([rustc, "-vV"], environ, workspace)).get("host")
    except _UnusableError:
        return None


def _minimum_version(workspace: Path) -> str:
    # Not with a TOML parser: Python 3.10 has none. A test compares this with what cargo reads.
    text = (workspace / "Cargo.toml").read_text(encoding="utf-8")
    match = re.search(r'^rust-version\s*=\s*"([0-9.]+)"', text, re.MULTILINE)
    if match is None:
        raise unexpected(f"{workspace / 'Cargo.toml'} states no rust-version")
    return match[1]


def _usable(environ: Mapping[str, str], workspace: Path, minimum: str) -> Toolchain:
    cargo = _executable("cargo", environ)
    # The one cargo itself would use.
    rustc = _executable(environ.get("RUSTC") or "rustc", environ)
    _check_version("cargo", _ask([cargo, "--version"], environ, workspace), minimum)
    verbose = _ask([rustc, "-vV"], environ, workspace)
    _check_version("rustc", verbose, minimum)
    facts = _facts(verbose)
    if "host" not in facts:
        raise _UnusableError(f"{rustc} -vV names no host")
    return Toolchain(
        cargo=cargo,
        rustc_version=verbose.splitlines()[0],
        rustc_commit=facts.get("commit-hash", "unknown"),
        host=facts["host"],
        sysroot=Path(_ask([rustc, "--print", "sysroot"], environ, workspace).strip()),
        environ=dict(environ),
    )


def _executable(name: str, environ: Mapping[str, str]) -> str:
    found = program_on_path(name, environ)
    if found is None:
        raise _UnusableError(f"{name} was not found on PATH")
    return found


def _ask(command: list[str], environ: Mapping[str, str], workspace: Path) -> str:
    # In the workspace, because rustup chooses a toolchain by directory.
    try:
        done = subprocess.run(
            command, env=environ, cwd=workspace, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise _UnusableError(f"{command[0]} does not run: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise _UnusableError(f"{' '.join(command)} fails: {said}")
    return done.stdout


def _facts(verbose: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+): (.+)$", verbose, re.MULTILINE))


def _check_version(tool: str, answer: str, minimum: str) -> None:
    found = _VERSION.search(answer)
    if found is None:
        raise _UnusableError(f"{tool} --version says {answer.strip()!r}, which names no version")
    if release_of(found[0]) < release_of(minimum):
        raise _UnusableError(f"{tool} is {found[0]}, older than {minimum}")


def _fetch(environ: Mapping[str, str]) -> dict[str, str]:
    try:
        from puccinialin import setup_rust
    except ImportError:
        raise _UnusableError(
            f"{BOOTSTRAP_RUST}=1 needs {BOOTSTRAP_REQUIREMENT.partition('>')[0]}, which is not "
            "installed; only a build with isolation installs it itself"
        ) from None
    try:
        # It downloads, runs an installer and asks the result for its version; each fails its way.
        with _stdout_on_stderr():
            return {**environ, **setup_rust(program="temporal-static-libs")}
    except Exception as error:
        raise _UnusableError(f"a Rust toolchain could not be fetched: {error}") from error


@contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    # A program that is run to see whether it works prints its version, among somebody's answers.
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
