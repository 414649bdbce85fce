"""The image for the rehearsal, made locally from Debian's packages; nothing is pulled."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

from tools import ToolError
from tools.images.debian import SUITE, acquire, import_debian, sources

REPOSITORY: Final = "local/temporal-static-libs-rehearsal"

_DOCKERFILE: Final = Path(__file__).with_name("rehearsal.Dockerfile")


def rehearsal_image() -> str:
    """Make the image, unless there is one for this recipe. Takes about three minutes.

    Images of other recipes are removed.

    Returns:
        Its name, tagged with a hash of the recipe.
    """
    recipe = f"{SUITE}\n".encode() + _DOCKERFILE.read_bytes()
    image = f"{REPOSITORY}:{hashlib.sha256(recipe).hexdigest()[:12]}"
    if image in _images():
        return image
    remove_images()
    base = f"{image}-base"
    print(f"making {base}", flush=True)
    import_debian(base)
    try:
        command = ["docker", "build", "--quiet", "--network=host", "--tag", image]
        for name, lines in (("BASE", [base]), ("SOURCES", sources()), ("ACQUIRE", acquire())):
            command += ["--build-arg", "{}={}".format(name, "\n".join(lines))]
        # From stdin, because the image contains no file of the project.
        subprocess.run([*command, "-"], input=_DOCKERFILE.read_bytes(), check=True)
    except BaseException:
        remove_images()
        raise
    return image


def remove_images() -> None:
    """Remove this image and those of other recipes."""
    if images := _images():
        subprocess.run(["docker", "rmi", "--force", *images], stdout=subprocess.DEVNULL, check=True)


def _images() -> list[str]:
    command = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY]
    try:
        return subprocess.check_output(command, text=True).split()
    except FileNotFoundError:
        raise ToolError("docker was not found on PATH: install it") from None
    except subprocess.CalledProcessError:
        raise ToolError("docker is not responding: start its daemon ('docker info')") from None
