"""Whether a build can end well on this platform: settled first, before Rust is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .._errors import UnsupportedPlatformError
from .._settings import TARGET, Settings
from .._targets import Target, target_of_triple
from .advice import when_unsupported
from .host import Host, this_host
from .toolchain import rustc_host

_ELSEWHERE = (
    "Install on a supported platform instead, in a virtual machine for instance or a container."
)


def check_platform(workspace: Path, settings: Settings) -> None:
    """Refuse what there is no row for in the table of targets, or what is older than its floor.

    Args:
        workspace: the directory of the Cargo workspace.
        settings: if they name a target, it does not matter what this machine is.

    Raises:
        UnsupportedPlatformError: the message holds the ways out.
    """
    if settings.target is not None:
        _check_triple(settings.target, TARGET, "Set it to a triple that is supported.")
        return
    host = this_host()
    target = host.target
    if target is None:
        raise UnsupportedPlatformError(
            when_unsupported(f"{host} is not a supported platform", _remedy(host))
        )
    if host.is_too_old:
        floor = f"{target.floor_name} {target.floor_version}"
        reason = f"{host} is older than {floor}, the oldest for {target.platform}"
        raise UnsupportedPlatformError(when_unsupported(reason, _ELSEWHERE))
    _check_rustc(workspace, settings, target)


def _check_rustc(workspace: Path, settings: Settings, target: Target) -> None:
    triple = rustc_host(workspace, settings.environ)
    if triple is None:
        return
    _check_triple(
        triple,
        "rustc's own platform",
        f"Use a Rust for {target.triple}, which this platform is; or set\n"
        f"     {TARGET}={target.triple}, with Rust's standard library for it.",
    )


def _check_triple(triple: str, source: str, remedy: str) -> None:
    try:
        target_of_triple(triple)
    except UnsupportedPlatformError:
        reason = f"{source}, {triple!r}, is not supported"
        raise UnsupportedPlatformError(when_unsupported(reason, remedy)) from None


def _remedy(host: Host) -> str:
    if host.system == "Windows":
        return "Install in WSL 2, or in a Linux container."
    if replace(host, bits=64).target is not None:
        return "Use a 64-bit Python, which this machine's system may be able to run."
    return _ELSEWHERE
