"""The modules of the Rust crate behind the C interface."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

NOT_LAYERED = ("lib", "panic_tests")
"""These may use every module: the list of modules, and a test."""


def used_modules(source: str) -> set[str]:
    """Top-level modules that a module's code names."""
    code = re.sub(r"//.*", "", source)
    used = set(re.findall(r"\bcrate::([a-z_]+)", code))
    for group in re.findall(r"\bcrate::\{(.*?)\n\};", code, re.DOTALL):
        used |= set(re.findall(r"^    ([a-z_]+)::", group, re.MULTILINE))
    return used


def test_modules_have_no_circular_dependencies(repo_root: Path) -> None:
    sources = repo_root / "rust" / "c-api" / "src"
    graph: dict[str, set[str]] = {}
    for file in sources.rglob("*.rs"):
        module = file.relative_to(sources).parts[0].removesuffix(".rs")
        if module not in NOT_LAYERED:
            used = used_modules(file.read_text(encoding="utf-8"))
            graph.setdefault(module, set()).update(used - {module})
    assert {"ffi", "byte_array"} <= graph["worker"]
    # Raises CycleError, which names the modules.
    TopologicalSorter(graph).prepare()
