"""A Python that refuses packages from installers other than the system's, like Debian's."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path


def make_managed_python(root: Path) -> Path:
    """Make a copy of the tests' Python with links to its library, pip, and the marker of PEP 668.

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
    # A copy, because with a link, Python would use the directory of the link's target.
    python = root / "bin" / "python"
    python.parent.mkdir()
    shutil.copy(Path(sys.executable).resolve(), python)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*"):
        (root / "lib" / shared.name).symlink_to(shared)
    return python
