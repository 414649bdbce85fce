"""A source tree like this project's that compiles in a second."""

from __future__ import annotations

import shutil
from pathlib import Path

TINY_WORKSPACE = Path(__file__).resolve().parent.parent / "wheel" / "tiny_workspace"

# What a source tree has besides the workspace.
_SOURCES = (
    ".gitignore",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "hatch_build.py",
    "pyproject.toml",
    "temporal_static_libs",
    "tools",
)


def plant_tiny_tree(root: Path, repo_root: Path) -> Path:
    """Copy this project's tree with the tiny workspace in place of its Rust.

    Args:
        root: a directory that does not exist.
        repo_root: the tree.

    Returns:
        The directory.
    """
    root.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "lib")
    for name in _SOURCES:
        source = repo_root / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=ignored)
        else:
            shutil.copyfile(source, root / name)
    shutil.copytree(TINY_WORKSPACE, root / "rust")
    include = root / "temporal_static_libs" / "include"
    shutil.copyfile(TINY_WORKSPACE / "bridge.h", include / "temporal-sdk-core-c-bridge.h")
    for name in ("THIRD-PARTY-LICENSES.txt", "archives.cdx.json"):
        shutil.copyfile(repo_root / "rust" / name, root / "rust" / name)
    return root
