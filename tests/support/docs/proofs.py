"""The tests that pages of docs/ name as proof of their statements."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_PROOF = re.compile(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`")


def proofs(text: str) -> list[tuple[str, str]]:
    """File and function of each test named in a text, such as ``test_a.py::test_b``."""
    return _PROOF.findall(text)


def is_test(file: Path, function: str) -> bool:
    """Whether a file has a test, inside or outside a class."""
    if not file.is_file():
        return False
    module = ast.parse(file.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.FunctionDef) and node.name == function for node in ast.walk(module)
    )
