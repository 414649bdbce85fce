"""The script `temporal-libs-config`: which copy of the package it belongs to, and its interpreter.

After an environment was copied or moved, or the package was installed with ``--target``, a script
can start a Python that imports another copy of the package than the one next to the script.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from pathlib import Path

from .._commands import program, quoted, with_python_path
from .._console import PROG
from .._errors import TemporalStaticLibsError
from .._library_set import PACKAGE_DIR
from .._messages import message
from .._origin import reinstall_command
from .._records import read_text

# If the path of the interpreter is too long or contains a space, a shell starts it.
_STARTED_BY_SHELL = re.compile(r"^'''exec' (?:\"([^\"$]+)\"|([^\s\"$']+)) ", re.MULTILINE)


def refuse_other_copy(script: str) -> None:
    """Check that Python has imported the package that a script belongs to.

    Args:
        script: ``sys.argv[0]``; other programs than `temporal-libs-config` are accepted.

    Raises:
        TemporalStaticLibsError: there is a copy next to the script, but Python has imported
            another one that PYTHONPATH does not name.
    """
    if os.path.basename(script) != PROG:
        return
    wanted = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if any(it and os.path.realpath(it) == os.path.realpath(PACKAGE_DIR.parent) for it in wanted):
        return
    root = Path(os.path.realpath(script)).parent.parent
    for site in _sites(root):
        own = site / PACKAGE_DIR.name
        if (own / "_about.py").is_file() and not os.path.samefile(own, PACKAGE_DIR):
            python = root / ("Scripts" if sys.platform == "win32" else "bin") / "python"
            if (root / "pyvenv.cfg").is_file():
                fix = f"{program(python)} -m temporal_static_libs"
            else:
                fix = with_python_path(site, quoted(script))
            values = {"own": own, "imported": PACKAGE_DIR, "python": sys.executable, "fix": fix}
            raise TemporalStaticLibsError(message("other-copy", **values))


def _sites(root: Path) -> tuple[Path, ...]:
    """Return the directories that can contain the package of a script.

    Args:
        root: the parent of the script's directory.
    """
    if sys.platform == "win32":
        return root, root / "Lib" / "site-packages", root / "site-packages"
    library = root / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return root, library / "site-packages", library / "dist-packages"


def script_finding() -> tuple[bool, str] | None:
    """Check the script in this Python's environment.

    Returns:
        Whether it works, and the text of the finding; None if there is no script, or it cannot be
        read.
    """
    script = Path(sysconfig.get_path("scripts")) / PROG
    if sys.platform == "win32":
        # An executable that contains the interpreter's path.
        launcher = script.with_name(f"{PROG}.exe")
        return (True, str(launcher)) if launcher.is_file() else None
    try:
        interpreter = _interpreter(read_text(script))
    except (OSError, ValueError):
        return None
    values = {"script": script, "interpreter": interpreter, "fix": reinstall_command()}
    if interpreter and not os.path.exists(interpreter):
        return False, message("script-of-gone-python", **values)
    is_environment = sys.prefix != sys.base_prefix
    if interpreter and is_environment and not _is_in(script.parent, interpreter):
        return False, message("script-of-other-python", **values)
    if not os.access(script, os.X_OK):
        values = {"script": script, "python": program(sys.executable)}
        return True, message("script-not-executable", **values)
    return True, str(script)


def _interpreter(text: str) -> str:
    """Return the absolute path of the interpreter that a script names, or an empty string."""
    first = text.partition("\n")[0]
    if first == "#!/bin/sh":
        found = _STARTED_BY_SHELL.search(text)
        return found[1] or found[2] if found else ""
    path = first.removeprefix("#!").strip()
    return path if first.startswith("#!/") and os.path.basename(path).startswith("py") else ""


def _is_in(directory: Path, file: str) -> bool:
    return os.path.realpath(os.path.dirname(file)) == os.path.realpath(directory)
