"""What to tell those who have no Rust toolchain, by how it came that one is needed."""

from __future__ import annotations

from collections.abc import Callable

from .._targets import supported_platforms

BOOTSTRAP_VARIABLE = "TEMPORAL_LIBS_BOOTSTRAP_RUST"

#: From the reason that there is no toolchain and the oldest Rust that will do, the message.
WaysOut = Callable[[str, str], str]


def when_no_wheel_was_chosen(reason: str, minimum: str) -> str:
    """The message for a build of a source distribution."""
    return (
        f"{_problem(reason)}\n"
        "\n"
        "It is being compiled because no wheel was chosen for this machine. Three ways out:\n"
        "  1. Install a wheel: on a supported platform, with a current pip, run\n"
        "       python -m pip install --upgrade pip\n"
        "       python -m pip install --only-binary temporal-static-libs temporal-static-libs\n"
        f"  2. Install Rust {minimum} or newer, with cargo and rustc on PATH, and try again.\n"
        f"  3. Set {BOOTSTRAP_VARIABLE}=1 and try again: a Rust toolchain is then fetched\n"
        "     for this build.\n"
        "\n"
        f"Supported platforms: {supported_platforms()}"
    )


def when_a_setting_asked(setting: str, instead: str) -> WaysOut:
    """The message for an installed package.

    Args:
        setting: what asks for compiling, as in ``USE_PREBUILT_LIBS=false``.
        instead: how to do without, a sentence.
    """

    def message(reason: str, minimum: str) -> str:
        return (
            f"{_problem(reason)}\n"
            "\n"
            f"It is being compiled because the environment has {setting}. Three ways out:\n"
            f"  1. {instead}\n"
            f"  2. Install Rust {minimum} or newer, with cargo and rustc on PATH, and try again.\n"
            f"  3. Install puccinialin (python -m pip install puccinialin), set\n"
            f"     {BOOTSTRAP_VARIABLE}=1 and try again: a Rust toolchain is then fetched."
        )

    return message


def _problem(reason: str) -> str:
    return f"temporal-static-libs cannot be compiled here: {reason}"
