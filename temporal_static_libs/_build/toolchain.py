"""Check the platform and Rust's toolchain before any work; download Rust if requested."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .._errors import CompileError
from .._messages import message
from .._settings import TARGET, Settings
from .._targets import ALL_TARGETS
from .advice import unexpected, unsupported_platform
from .host import this_host
from .tool import ENCODING, program_on_path, release_of

BOOTSTRAP_REQUIREMENT = "puccinialin>=0.1.14"

_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


class NoToolchainError(CompileError):
    """There is no usable Rust; `minimum` is the oldest usable version."""

    def __init__(self, reason: str, minimum: str) -> None:
        super().__init__(message("cannot-compile", reason=reason))
        self.minimum = minimum


@dataclass(frozen=True)
class Toolchain:
    """A cargo and a rustc that are new enough.

    Attributes:
        cargo: absolute path of the executable.
        rustc_version: first line of ``rustc --version``.
        rustc_commit: hash of the commit that rustc was built from, or ``unknown``.
        host: target triple of the machine they run on.
        sysroot: directory of rustc's libraries and of the programs that come with it.
        environ: the environment to run cargo in.
        lock: the descriptor of the build's lock, which programs inherit; None without one.
    """

    cargo: str
    rustc_version: str
    rustc_commit: str
    host: str
    sysroot: Path
    environ: Mapping[str, str] = field(repr=False)
    lock: int | None = None


class _UnusableError(Exception):
    """There is no usable toolchain. The message gives the reason in a few words."""


def check_platform(workspace: Path, settings: Settings) -> None:
    """Refuse a platform that is not in the table of targets, or is older than its floor.

    If the settings name a target, only the target is checked, not this machine.

    Raises:
        UnsupportedPlatformError: with the user's options for a source distribution.
    """
    if settings.target is not None:
        if not _is_supported(settings.target):
            reason = message("triple-unsupported", source=TARGET, triple=settings.target)
            raise unsupported_platform(reason, target_was_set=True)
        return
    host = this_host()
    target = host.target
    if target is None:
        raise unsupported_platform(message("platform-unsupported", host=host))
    if host.is_too_old:
        floor = f"{target.floor_name} {target.floor_version}"
        reason = message("platform-too-old", host=host, floor=floor, platform=target.platform)
        raise unsupported_platform(reason)
    triple = _rustc_host(workspace, settings.environ)
    if triple is not None and not _is_supported(triple):
        reason = message("triple-unsupported", source="rustc's own platform", triple=triple)
        raise unsupported_platform(reason, rustc_for=target)


def find_toolchain(workspace: Path, settings: Settings) -> Toolchain:
    """Find a toolchain that can compile the workspace, or download one if that is allowed.

    Raises:
        NoToolchainError: there is none.
        SettingError: TEMPORAL_LIBS_BOOTSTRAP_RUST has an unknown value.
    """
    minimum = _minimum_version(workspace)
    bootstrap = settings.bootstrap_rust
    try:
        try:
            return _usable(settings.environ, workspace, minimum)
        except _UnusableError:
            if not bootstrap:
                raise
        return _usable(_fetch(settings.environ), workspace, minimum)
    except _UnusableError as reason:
        raise NoToolchainError(str(reason), minimum) from None


def _is_supported(triple: str) -> bool:
    return any(target.triple == triple for target in ALL_TARGETS)


def _rustc_host(workspace: Path, environ: Mapping[str, str]) -> str | None:
    """Return the triple of the installed rustc, however old; None if no rustc works."""
    try:
        rustc = _executable(environ.get("RUSTC") or "rustc", environ)
        return _facts(_ask([rustc, "-vV"], environ, workspace)).get("host")
    except _UnusableError:
        return None


def _minimum_version(workspace: Path) -> str:
    # Without a TOML parser, because Python 3.10 has none. A test compares this with cargo.
    file = workspace / "Cargo.toml"
    match = re.search(r'^rust-version\s*=\s*"([0-9.]+)"', file.read_text("utf-8"), re.MULTILINE)
    if match is None:
        raise unexpected(message("rust-version-missing", file=file))
    return match[1]


def _usable(environ: Mapping[str, str], workspace: Path, minimum: str) -> Toolchain:
    cargo = _executable("cargo", environ)
    # The rustc that cargo would use.
    rustc = _executable(environ.get("RUSTC") or "rustc", environ)
    _check_version("cargo", _ask([cargo, "--version"], environ, workspace), minimum)
    verbose = _ask([rustc, "-vV"], environ, workspace)
    _check_version("rustc", verbose, minimum)
    facts = _facts(verbose)
    if "host" not in facts:
        raise _UnusableError(message("rustc-without-host", rustc=rustc))
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
        raise _UnusableError(message("program-not-found", name=name))
    return found


def _ask(command: list[str], environ: Mapping[str, str], workspace: Path) -> str:
    # In the workspace, because rustup selects a toolchain by directory.
    try:
        done = subprocess.run(
            command,
            env=environ,
            cwd=workspace,
            capture_output=True,
            text=True,
            encoding=ENCODING,
            check=False,
        )
    except OSError as error:
        reason = message("program-does-not-run", program=command[0], reason=error.strerror)
        raise _UnusableError(reason) from None
    if done.returncode != 0:
        output = done.stderr.strip() or f"exit status {done.returncode}"
        raise _UnusableError(message("program-fails", command=" ".join(command), output=output))
    return done.stdout


def _facts(verbose: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+): (.+)$", verbose, re.MULTILINE))


def _check_version(name: str, answer: str, minimum: str) -> None:
    found = _VERSION.search(answer)
    if found is None:
        reason = message("program-without-version", name=name, answer=answer.strip())
        raise _UnusableError(reason)
    if release_of(found[0]) < release_of(minimum):
        reason = message("program-too-old", name=name, version=found[0], minimum=minimum)
        raise _UnusableError(reason)


def _fetch(environ: Mapping[str, str]) -> dict[str, str]:
    try:
        from puccinialin import setup_rust
    except ImportError:
        raise _UnusableError(message("bootstrap-unavailable")) from None
    try:
        # It downloads and runs an installer, then runs rustc. Each step has its own exceptions.
        with _stdout_on_stderr():
            return {**environ, **setup_rust(program="temporal-static-libs")}
    except Exception as error:
        raise _UnusableError(message("bootstrap-failed", reason=error)) from error


@contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    # The new rustc prints its version, which must not get into the command's output.
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
