"""Images of Debian's base system, made locally by debootstrap; nothing is pulled."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools import ToolError

SUITE: Final = "bookworm"

# apt's settings about access to the archive.
_ACQUIRE: Final = ("Acquire::Check-", "Acquire::ftp::", "Acquire::http::", "Acquire::https::")

# Files that are useless in an image.
_LEFT_OUT: Final = (
    "./var/cache/apt/*.bin",
    "./var/cache/apt/archives/*.deb",
    "./var/lib/apt/lists/*",
)


def import_debian(image: str, packages: Sequence[str] = ()) -> None:
    """Make an image of Debian's base system, debootstrap's minbase, with additional packages.

    The first time takes a minute or two. A compressed archive of the system is kept in the user's
    cache directory. To get current packages, remove it.
    """
    archive = _cached(packages)
    if not archive.exists():
        print(f"making {archive}: Debian {SUITE} {' '.join(packages)}".rstrip(), flush=True)
        _make(archive, packages)
    subprocess.run(["docker", "import", archive, image], stdout=subprocess.DEVNULL, check=True)


def sources() -> list[str]:
    """Return apt's sources of the suite and its updates, as lines of sources.list."""
    parts = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    found = {
        line
        for line in ask_apt("apt-get", "indextargets", "--format", parts, "Created-By: Packages")
        if line.split()[2].split("-")[0] == SUITE and line.split()[3] == "main"
    }
    lines = sorted(found, key=lambda line: (line.split()[2] != SUITE, line))
    if not lines or lines[0].split()[2] != SUITE:
        raise ToolError(f"this machine's apt has no Debian {SUITE}: use a machine that has it")
    return lines


def acquire() -> list[str]:
    """Return this machine's apt settings for access to the archive, as lines of apt.conf."""
    return [line for line in ask_apt("apt-config", "dump") if line.startswith(_ACQUIRE)]


def ask_apt(*command: str) -> list[str]:
    """Return the output lines of one of apt's programs."""
    try:
        return subprocess.check_output(command, text=True).splitlines()
    except FileNotFoundError:
        raise ToolError(f"{command[0]} was not found on PATH: use a machine with Debian") from None


def _cached(packages: Sequence[str]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    recipe = "\n".join((SUITE, *packages, *_LEFT_OUT))
    name = f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar.gz"
    return cache / "temporal-static-libs" / "debian" / name


def _make(archive: Path, packages: Sequence[str]) -> None:
    if shutil.which("debootstrap") is None:
        raise ToolError("debootstrap was not found on PATH: apt-get install debootstrap")
    if os.geteuid() != 0:
        raise ToolError("debootstrap needs root to create files of other users: run this as root")
    mirror = sources()[0].split()[1]
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="debian-image-") as scratch:
        log, root = Path(scratch, "debootstrap.log"), Path(scratch, "root")
        command: list[str | Path] = ["debootstrap", "--variant=minbase"]
        if packages:
            command.append(f"--include={','.join(packages)}")
        with open(log, "wb") as output:
            command += [SUITE, root, mirror]
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise ToolError(f"debootstrap failed:\n{log.read_text(errors='replace')}")
        excluded = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
        # Next to its final place, to be moved there atomically.
        with tempfile.TemporaryDirectory(prefix=".", dir=archive.parent) as place:
            packed = Path(place, archive.name)
            subprocess.run(["tar", "--directory", root, *excluded, "-czf", packed, "."], check=True)
            packed.replace(archive)
