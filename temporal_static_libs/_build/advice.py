"""What to tell those for whom nothing can be compiled: why not, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable

from .._about import MANUAL_SETUP_URL, PROJECT_URL
from .._errors import CompileError
from .._settings import BOOTSTRAP_RUST
from .._targets import TARGETS, supported_platforms
from .host import Host, this_host
from .pip_version import is_older, version_of_pip

#: From the reason that there is no toolchain and the oldest Rust that will do, the message.
WaysOut = Callable[[str, str], str]

_NAME = "temporal-static-libs"
_INSTALL = "python -m pip install"


def when_no_wheel_was_chosen(reason: str, minimum: str) -> str:
    """The message for a source distribution on a machine without a usable Rust.

    Args:
        reason: what is wrong with the machine's Rust, in a few words.
        minimum: the oldest Rust that will do.
    """
    host = this_host()
    return (
        f"{_opening(reason)}"
        "\n"
        f"It is being compiled because no wheel was chosen for this machine,\n"
        f"{host}.\n"
        f"{_old_pip(host)}"
        "Three ways out:\n"
        "  1. Install a wheel: on a supported platform, with a current pip, run\n"
        f"       {_INSTALL} --upgrade pip\n"
        f"       {_INSTALL} --only-binary {_NAME} {_NAME}\n"
        f"  2. Install Rust {minimum} or newer, with cargo and rustc on PATH, and try again.\n"
        f"  3. Set {BOOTSTRAP_RUST}=1 and try again: a Rust toolchain is then fetched\n"
        "     for this build.\n"
        "\n"
        f"{_closing()}"
    )


def when_unsupported(reason: str, remedy: str) -> str:
    """The message for a platform that there are neither wheels for nor a way to compile.

    Args:
        reason: what is not supported, in a few words.
        remedy: what would be, as a sentence.
    """
    tag = TARGETS[0].wheel_tags[-1]
    return (
        f"{_opening(reason)}"
        "\n"
        "There is no wheel for it either. Three ways out:\n"
        f"  1. {remedy}\n"
        "  2. To link for a supported platform from here, take its wheel, for instance\n"
        f"       {_INSTALL} --platform {tag} --only-binary :all: --target libs {_NAME}\n"
        "     or make it: TEMPORAL_LIBS_TARGET names the triple to compile for.\n"
        "  3. Compile the archives yourself, and name their directory in TEMPORAL_LIBS_DIR.\n"
        "\n"
        f"{_closing()}"
    )


def when_a_setting_asked(setting: str, instead: str) -> WaysOut:
    """The message for an installed package.

    Args:
        setting: what asks for compiling, as in ``USE_PREBUILT_LIBS=false``.
        instead: how to do without, a sentence.
    """

    def message(reason: str, minimum: str) -> str:
        return (
            f"{_opening(reason)}"
            "\n"
            f"It is being compiled because the environment has {setting}. Three ways out:\n"
            f"  1. {instead}\n"
            f"  2. Install Rust {minimum} or newer, with cargo and rustc on PATH, and try again.\n"
            f"  3. Install puccinialin (python -m pip install puccinialin), set\n"
            f"     {BOOTSTRAP_RUST}=1 and try again: a Rust toolchain is then fetched."
        )

    return message


def _opening(reason: str) -> str:
    return f"{_NAME} cannot be compiled here: {reason}\n"


def _closing() -> str:
    return (
        f"Supported platforms: {supported_platforms()}\n"
        "\n"
        "Each way step by step:\n"
        f"{MANUAL_SETUP_URL}"
    )


def _old_pip(host: Host) -> str:
    pip = version_of_pip()
    if host.target is None or pip is None or not is_older(pip, host.target.oldest_pip):
        return ""
    return (
        f"This Python's pip is {pip}, which cannot choose it: the tag of the wheel for\n"
        f"{host.target.platform} is known to pip {host.target.oldest_pip} and newer.\n"
    )


def unexpected(problem: str) -> CompileError:
    """The error for it, with what there is to do: nothing that the message of a tool would tell.

    Args:
        problem: what is wrong, and with which file.
    """
    return CompileError(
        f"{problem}\n"
        "  mend:   undo what was changed of the Rust sources, the header or cargo's settings; if\n"
        f"          nothing was, report it: {PROJECT_URL}"
    )
