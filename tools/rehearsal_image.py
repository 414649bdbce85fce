"""The image that the rehearsal runs in: made here, of Debian's packages; nothing is pulled."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

SUITE: Final = "bookworm"
REPOSITORY: Final = "local/temporal-static-libs-rehearsal"

_DOCKERFILE: Final = Path(__file__).with_name("rehearsal.Dockerfile")
# What of apt's settings is about how to reach the archive.
_ACQUIRE: Final = ("Acquire::Check-", "Acquire::ftp::", "Acquire::http::", "Acquire::https::")


class ImageError(Exception):
    """The image cannot be made. The message says why, and what to do."""


def rehearsal_image() -> str:
    """Make the image, unless the one of this very recipe is there. Takes about three minutes.

    Images of other recipes go.

    Returns:
        Its name, with a hash of the recipe for a tag.

    Raises:
        ImageError: something that it is made with is missing.
        CalledProcessError: a program that makes it failed; its messages are above.
    """
    image = f"{REPOSITORY}:{_recipe_hash()}"
    if image in _images():
        return image
    remove_images()
    sources = _sources()
    base = f"{image}-base"
    _import_base(base, mirror=sources[0].split()[1])
    try:
        command = ["docker", "build", "--quiet", "--network=host", "--tag", image]
        for name, lines in (("SOURCES", sources), ("ACQUIRE", _acquire())):
            command += ["--build-arg", "{}={}".format(name, "\n".join(lines))]
        # From stdin: no file of the project is a part of it.
        with open(_DOCKERFILE, "rb") as dockerfile:
            subprocess.run(
                [*command, "--build-arg", f"BASE={base}", "-"], stdin=dockerfile, check=True
            )
    except BaseException:
        remove_images()
        raise
    return image


def remove_images() -> None:
    """Remove this image and those of other recipes."""
    images = _images()
    if images:
        subprocess.run(["docker", "rmi", "--force", *images], stdout=subprocess.DEVNULL, check=True)


def _recipe_hash() -> str:
    recipe = f"{SUITE}\n".encode() + _DOCKERFILE.read_bytes()
    return hashlib.sha256(recipe).hexdigest()[:12]


def _images() -> list[str]:
    command = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        raise ImageError("docker was not found on PATH: install it") from None
    except subprocess.CalledProcessError:
        raise ImageError("docker does not answer: start its daemon ('docker info')") from None
    return done.stdout.split()


def _import_base(image: str, mirror: str) -> None:
    if shutil.which("debootstrap") is None:
        raise ImageError("debootstrap was not found on PATH: apt-get install debootstrap")
    if os.geteuid() != 0:
        raise ImageError("debootstrap needs root, to make files of other owners: run this as root")
    print(f"making {image} of Debian {SUITE}", flush=True)
    with tempfile.TemporaryDirectory(prefix="rehearsal-image-") as scratch:
        log = Path(scratch, "debootstrap.log")
        root = Path(scratch, "root")
        with open(log, "wb") as output:
            done = subprocess.run(
                ["debootstrap", "--variant=minbase", SUITE, root, mirror],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise ImageError(f"debootstrap failed:\n{log.read_text(errors='replace')}")
        with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(
                ["docker", "import", "-", image],
                stdin=tar.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
            )


def _sources() -> list[str]:
    """Where this machine's apt has the suite from, its updates too, as lines of sources.list."""
    parts = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    found = {
        line
        for line in _apt("apt-get", "indextargets", "--format", parts, "Created-By: Packages")
        if line.split()[2].split("-")[0] == SUITE and line.split()[3] == "main"
    }
    lines = sorted(found, key=lambda line: (line.split()[2] != SUITE, line))
    if not lines or lines[0].split()[2] != SUITE:
        raise ImageError(f"apt of this machine has no Debian {SUITE}: rehearse on one that has")
    return lines


def _acquire() -> list[str]:
    """How this machine's apt reaches the archive, as lines of apt.conf."""
    return [line for line in _apt("apt-config", "dump") if line.startswith(_ACQUIRE)]


def _apt(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        raise ImageError(f"{command[0]} was not found on PATH: rehearse on Debian") from None
    return done.stdout.splitlines()
