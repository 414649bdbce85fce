"""Advice about a failed build, which is added to the error when it is shown to a user."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from .._about import MANUAL_SETUP_URL, PROJECT_URL
from .._errors import CompileError, UnsupportedPlatformError
from .._messages import message
from .._origin import Reason
from .._settings import TARGET
from .._targets import TARGETS, Target, supported_platforms
from .host import Host, this_host
from .tool import release_of

# The first entry of sys.path is the current directory, which may contain anything.
_PRINT_VERSION_OF_PIP = "import sys; del sys.path[0]; import pip; print(pip.__version__)"

_CLOSING = {"platforms": supported_platforms(), "url": MANUAL_SETUP_URL}


def no_wheel_selected(minimum: str) -> str:
    """Return the user's options if a source distribution finds no Rust of the minimum version."""
    host = this_host()
    old_pip = _old_pip(host)
    return message("no-wheel-selected", host=host, old_pip=old_pip, minimum=minimum, **_CLOSING)


def unsupported_platform(
    reason: str, *, target_was_set: bool = False, rustc_for: Target | None = None
) -> UnsupportedPlatformError:
    """Return the error, with the user's options, if there is no wheel and no way to compile.

    Args:
        reason: why the archives cannot be compiled.
        target_was_set: whether the unsupported target comes from TEMPORAL_LIBS_TARGET.
        rustc_for: this machine's target, if it is supported but its rustc is for another platform.
    """
    remedy, tag = _remedy(target_was_set, rustc_for), TARGETS[0].wheel_tags[-1]
    advice = message("no-wheel-and-no-build", remedy=remedy, tag=tag, **_CLOSING)
    problem = message("cannot-compile", reason=reason)
    return UnsupportedPlatformError(f"{problem}\n\n{advice}")


def compile_requested(minimum: str, reason: Reason) -> str:
    """Return the user's options if an installed package finds no Rust of the minimum version."""
    asked = {"setting": reason.setting, "instead": reason.instead}
    return message("compile-requested", **asked, minimum=minimum)


def unexpected(problem: str) -> CompileError:
    """Return the error for a problem that a build of unchanged sources never has."""
    return CompileError(
        f"{problem}\n"
        "  fix:    Revert local changes to the Rust sources, the header and cargo's settings. If\n"
        f"          you made none, please report this as a bug: {PROJECT_URL}"
    )


def _remedy(target_was_set: bool, rustc_for: Target | None) -> str:
    if target_was_set:
        return "Set it to a supported triple."
    if rustc_for is not None:
        return (
            f"Use a Rust toolchain for {rustc_for.triple}, this machine's platform; or set\n"
            f"     {TARGET}={rustc_for.triple} and install Rust's standard library for it."
        )
    host = this_host()
    if host.system == "Windows":
        return "Install in WSL 2 or in a Linux container."
    if host.bits == 32 and replace(host, bits=64).target is not None:
        return "Use a 64-bit Python, if this machine's system can run one."
    return "Install on a supported platform, for example in a virtual machine or a container."


def _old_pip(host: Host) -> str:
    target, pip = host.target, _version_of_pip()
    if target is None or pip is None or release_of(pip) >= release_of(target.oldest_pip):
        return ""
    return message("old-pip", pip=pip, platform=target.platform, oldest=target.oldest_pip)


def _version_of_pip() -> str | None:
    # Ask another process: an isolated build does not see the pip that runs it, because these
    # variables hide it.
    hidden = ("PYTHONPATH", "PYTHONNOUSERSITE")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, "-c", _PRINT_VERSION_OF_PIP]
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
