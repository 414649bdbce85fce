"""A source tree like this project's that compiles in a second."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.interface.description import render

TINY_WORKSPACE = Path(__file__).resolve().parents[2] / "wheel" / "tiny_workspace"

HEADER = "temporal_static_libs/include/temporal-sdk-core-c-bridge.h"
INTERFACE = "temporal_static_libs/share/interface.json"

# The files of a source tree other than the workspace.
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
    """Copy this project's tree with the tiny workspace instead of its Rust.

    Args:
        root: a directory that does not exist.
        repo_root: the tree.

    Returns:
        The directory.
    """
    root.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "lib", "proto")
    for name in _SOURCES:
        source = repo_root / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=ignored)
        else:
            shutil.copyfile(source, root / name)
    shutil.copytree(TINY_WORKSPACE, root / "rust")
    declare(root, (TINY_WORKSPACE / "bridge.h").read_text(encoding="utf-8"))
    for name in ("PROTO-LICENSES.txt", "THIRD-PARTY-LICENSES.txt", "archives.cdx.json"):
        shutil.copyfile(repo_root / "rust" / name, root / "rust" / name)
    return root


def declare(root: Path, text: str) -> None:
    """Replace a tree's C header and its description.

    Args:
        root: the tree's directory.
        text: the text of the header, in cbindgen's format.
    """
    header = root / HEADER
    header.write_text(text, encoding="utf-8")
    (root / INTERFACE).write_text(render(header), encoding="utf-8")
