"""Installations that the group can write to: accepted, and reported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.ci.skips import require_program

if TYPE_CHECKING:
    from tests.wheel.conftest import Command


def expected(site: Path) -> str:
    """The beginning of the note."""
    libraries = site / "temporal_static_libs" / "lib"
    records = f"{libraries} (drwxrwxr-x), {libraries / 'manifest.json'} (-rw-rw-r--), "
    return f"ok      permissions: the group can write to {records}"


def report(script: Command, site: Path) -> list[str]:
    """Run all options of a package, and return the findings of `--doctor` about modes."""
    environ = {"PYTHONPATH": str(site)}
    libraries = site / "temporal_static_libs" / "lib"
    assert script.lines("--libdir", environ=environ) == [str(libraries)]
    findings = script.lines("--doctor", environ=environ)
    return [line for line in findings if "permissions: " in line]


def test_install_under_umask_002_is_accepted_and_reported(
    script: Command, wheel: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--disable-pip-version-check", "--target", str(tmp_path / "site"), str(wheel)]
    subprocess.run(command, check=True, umask=0o002)
    (note,) = report(script, tmp_path / "site")
    assert note.startswith(expected(tmp_path / "site"))


def test_image_whose_group_has_the_owners_permissions_is_accepted(
    script: Command, pristine_site: Path, tmp_path: Path
) -> None:
    """Like images that run under any user ID."""
    site = tmp_path / "site"
    subprocess.run([require_program("cp"), "-r", pristine_site, site], check=True)
    subprocess.run([require_program("chmod"), "-R", "g=u", site], check=True)
    (note,) = report(script, site)
    assert note.startswith(expected(site))
