"""A fresh Debian container in which a reader follows a guide."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.guides.pages import Steps
from tools.images.container_settings import container_settings
from tools.images.debian import acquire, import_debian, sources

_IMAGE: Final = "local/temporal-static-libs-guides"
#: Seconds that a guide may take. Zig compiles its own libraries first.
_DEADLINE: Final = 1800

# Configures apt's access to the archive, and answers all its questions with yes.
_FRESH: Final = """\
printf '%s\\n' "$1" > /etc/apt/sources.list
printf '%s\\n' "$2" 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/99guides
useradd --create-home --shell /bin/bash reader
chown -R reader: /home/reader
apt-get update -qq
bash -euxo pipefail -c "$3"
cd /home/reader/project
exec runuser -u reader -- bash -euxo pipefail -O expand_aliases -c "$4"
"""


class Debian:
    """An image of Debian's base system, and packages downloaded by its containers."""

    def __init__(self, scratch: Path, wheel: Path) -> None:
        # Each container downloads only what the others have not.
        archives = scratch / "archives"
        archives.mkdir()
        found = f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}".strip()
        # pip's index stays configured, because other packages come from it.
        self._environ: Mapping[str, str] = {**os.environ, "PIP_FIND_LINKS": found}
        self._options = [
            *("--rm", "--network=host", "--env=DEBIAN_FRONTEND=noninteractive"),
            f"--volume={archives}:/var/cache/apt/archives",
            *container_settings(self._environ, Path.home()),
        ]

    def follow(self, steps: Steps, project: Path, log: Path) -> bool:
        """Follow a guide in a new container.

        Args:
            steps: what to do, as root and then as an ordinary user.
            project: directory in which the user starts.
            log: the file for each command and all output.

        Returns:
            Whether every command succeeded in time.
        """
        command: list[str] = ["docker", "run", *self._options]
        command += [f"--volume={project}:/home/reader/project", _IMAGE]
        command += ["timeout", str(_DEADLINE), "bash", "-euc", _FRESH, "guide"]
        settings = ("\n".join(sources()), "\n".join(acquire()))
        with log.open("wb") as output:
            done = subprocess.run(
                [*command, *settings, steps.as_root, steps.commands],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        return done.returncode == 0


@contextmanager
def debian(scratch: Path, wheel: Path) -> Iterator[Debian]:
    """Make the image, and remove it at the end.

    Args:
        scratch: the directory for files that containers share.
        wheel: the wheel for pip in a container, which also finds others in the same directory.

    Raises:
        ToolError: a program for making the image is missing.
    """
    # It cannot be installed later if one of its files is mounted from this machine.
    import_debian(_IMAGE, ["ca-certificates"])
    try:
        yield Debian(scratch, wheel)
    finally:
        subprocess.run(["docker", "rmi", "--force", _IMAGE], stdout=subprocess.DEVNULL, check=True)
