"""The image that the rehearsal runs in: made here, of Debian's packages; nothing is pulled."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

from tools.images.debian import SUITE, ImageError, ask_apt, import_debian, sources

REPOSITORY: Final = "local/temporal-static-libs-rehearsal"

_DOCKERFILE: Final = Path(__file__).with_name("rehearsal.Dockerfile")
# What of apt's settings is about how to reach the archive.
_ACQUIRE: Final = ("Acquire::Check-", "Acquire::ftp::", "Acquire::http::", "Acquire::https::")


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
    base = f"{image}-base"
    print(f"making {base}", flush=True)
    import_debian(base)
    try:
        command = ["docker", "build", "--quiet", "--network=host", "--tag", image]
        for name, lines in (("SOURCES", sources()), ("ACQUIRE", _acquire())):
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


def _acquire() -> list[str]:
    """How this machine's apt reaches the archive, as lines of apt.conf."""
    return [line for line in ask_apt("apt-config", "dump") if line.startswith(_ACQUIRE)]
