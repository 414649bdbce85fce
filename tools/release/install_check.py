"""Checking a release like its users, on a machine of one of its platforms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from temporal_static_libs._targets import TARGETS, Target
from tools import ROOT, ToolError
from tools.release.bundle import Bundle
from tools.release.matrix import build_identifier
from tools.release.names import stem_of
from tools.release.shared_library import KIND
from tools.wheel.builder import image_of

# The path of the Python for testing wheels in cibuildwheel's images.
_CONTAINER_PYTHON: Final = "/opt/python/cp311-cp311/bin/python"


def check_install(platform: str, bundle: Bundle, index: str | None) -> bool:
    """Run `install_command` for this machine's platform.

    Returns:
        False if the release has no wheel for the platform and does not need one.
    """
    if platform in bundle.facts().missing:
        return False
    (target,) = [target for target in TARGETS if target.platform == platform]
    if subprocess.run(install_command(target, bundle, index), check=False).returncode != 0:
        raise ToolError(f"the trial on {platform} failed; its messages are above")
    return True


def install_command(target: Target, bundle: Bundle, index: str | None) -> list[str]:
    """Return the command that installs a wheel by its hash, and links and runs programs.

    On Linux with musl, it runs in the image where the wheel was built, because GitHub's runners and
    their actions need glibc.

    Args:
        target: the platform.
        bundle: the release.
        index: the URL for pip's ``--index-url``; None for an unpublished release, for which the
            tarball is used for linking, because the wheel was tested where it was built, and
            the shared library is loaded.
    """
    command, project, place = [sys.executable], ROOT, bundle.root
    if target.floor_name == "musl":
        project, place = Path("/project"), Path("/release")
        command = ["docker", "run", "--rm"]
        command += ["--volume", f"{ROOT}:{project}:ro"]
        command += ["--volume", f"{bundle.root.resolve()}:{place}:ro"]
        if (image := image_of(build_identifier(target))) is None:
            raise ToolError(f"cibuildwheel has no image for {target.platform}")
        command += [image, _CONTAINER_PYTHON]
    command += [str(project / "tests" / "smoke" / "install.py")]
    command += ["--tools", str(project / "requirements" / "zig.txt")]
    command += ["--requirements", str(place / bundle.requirements.name)]
    if index is not None:
        return [*command, "--index-url", index]
    tarball = f"{stem_of(target.platform, bundle.facts().version)}.tar.gz"
    command += ["--find-links", str(place / bundle.dist.name)]
    assets = place / bundle.assets.name
    shared = f"{stem_of(f'{target.platform}{KIND}', bundle.facts().version)}.tar.gz"
    return [*command, "--tarball", str(assets / tarball), "--shared", str(assets / shared)]
