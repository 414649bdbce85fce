"""Tries a release as its users would, on a machine of one of its platforms."""

from __future__ import annotations

import configparser
import importlib.resources
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import tomli

from temporal_static_libs._targets import TARGETS, Target
from tools import ROOT
from tools.release import ReleaseError
from tools.release.bundle import Bundle
from tools.release.names import stem_of

# Where cibuildwheel's images have the Python that wheels are tested with.
_CONTAINER_PYTHON: Final = "/opt/python/cp311-cp311/bin/python"


def trial_command(target: Target, bundle: Bundle, index: str | None) -> list[str]:
    """The command that installs a platform's wheel by its hash, and links and runs programs.

    On Linux with musl it runs in the image that the wheel was built in, because GitHub's runners,
    and the actions on them, want glibc.

    Args:
        target: the platform.
        bundle: the release.
        index: the address that pip takes as ``--index-url``; None for what is not published yet,
            of which the tarball is linked with: the wheel was, where it was built.

    Raises:
        ReleaseError: cibuildwheel names no image for the platform.
    """
    if target.floor_name != "musl":
        return [sys.executable, *_arguments(ROOT, bundle, target, bundle.root, index)]
    place = Path("/release")
    command = ["docker", "run", "--rm"]
    for source, mounted in ((ROOT, Path("/project")), (bundle.root.resolve(), place)):
        command += ["--volume", f"{source}:{mounted}:ro"]
    command += [_image(target), _CONTAINER_PYTHON]
    return [*command, *_arguments(Path("/project"), bundle, target, place, index)]


def try_release(platform: str, bundle: Bundle, index: str | None) -> bool:
    """Run it.

    Args:
        platform: this machine's.
        bundle: the release.
        index: as `trial_command` takes it.

    Returns:
        False where the release has no wheel for the platform, and need not.

    Raises:
        ReleaseError: it failed; what it printed is above.
    """
    facts = bundle.facts()
    if platform in facts.missing:
        return False
    (target,) = [target for target in TARGETS if target.platform == platform]
    done = subprocess.run(trial_command(target, bundle, index), check=False)
    if done.returncode != 0:
        raise ReleaseError(f"the trial on {platform} failed; its messages are above")
    return True


def _arguments(
    project: Path, bundle: Bundle, target: Target, place: Path, index: str | None
) -> Sequence[str]:
    """Of the Python that runs the trial.

    Args:
        project: where the source tree is, for that Python.
        bundle: the release.
        target: the platform.
        place: where the release is, for that Python.
        index: the address of the index; None for the release's own directory.
    """
    arguments = [str(project / "tests" / "smoke" / "install.py"), "--requirements"]
    arguments += [str(place / bundle.requirements.name), "--tool", _zig()]
    if index is not None:
        return [*arguments, "--index-url", index]
    tarball = f"{stem_of(target.platform, bundle.facts().version)}.tar.gz"
    return [
        *(*arguments, "--find-links", str(place / bundle.dist.name)),
        *("--tarball", str(place / bundle.assets.name / tarball)),
    ]


def _zig() -> str:
    groups = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    (requirement,) = groups["zig"]
    return str(requirement)


def _image(target: Target) -> str:
    resources = importlib.resources.files("cibuildwheel") / "resources"
    pinned = configparser.ConfigParser(inline_comment_prefixes="#")
    pinned.read_string((resources / "pinned_docker_images.cfg").read_text(encoding="utf-8"))
    name = f"musllinux_{target.floor_version.replace('.', '_')}"
    image = pinned.get(target.machine, name, fallback=None)
    if image is None:
        raise ReleaseError(f"cibuildwheel names no image {name} for {target.machine}")
    return image
