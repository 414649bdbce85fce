"""What a build of unchanged sources never comes to."""

from __future__ import annotations

from .._errors import CompileError
from .._links import PROJECT_URL


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
