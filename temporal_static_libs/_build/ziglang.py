"""Find PyPI's ziglang, which contains Zig."""

from __future__ import annotations

import importlib.util
import os


def ziglang_program() -> str | None:
    """Return the file that ``python -m ziglang`` runs; None if ziglang is not installed.

    With -m, Python would search the working directory first.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        return None
    program = os.path.join(os.path.dirname(spec.origin), "__main__.py")
    return program if os.path.isfile(program) else None
