"""A Python that refuses packages of other installers than its system's, as Debian's does."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path


def make_managed_python(root: Path) -> Path:
    """Make a copy of the tests' Python, with its library in links, pip, and the marker of PEP 668.

    Args:
        root: a directory that does not exist.

    Returns:
        The interpreter.
    """
    stdlib = Path(sysconfig.get_path("stdlib"))
    library = root / stdlib.parent.name / stdlib.name
    site = library / "site-packages"
    site.mkdir(parents=True)
    for entry in stdlib.iterdir():
        if entry.name not in {"site-packages", "dist-packages", "EXTERNALLY-MANAGED"}:
            (library / entry.name).symlink_to(entry)
    (library / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=It is the tests'.\n")
    for entry in Path(sysconfig.get_path("purelib")).glob("pip*"):
        (site / entry.name).symlink_to(entry)
    # A copy: of a link, Python would take the directory that it leads to for its own.
    python = root / "bin" / "python"
    python.parent.mkdir()
    shutil.copy(Path(sys.executable).resolve(), python)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*"):
        (root / "lib" / shared.name).symlink_to(shared)
    return python
