"""A small, full file system that only one shell and its children can see."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.ci.skips import require_program


@dataclass(frozen=True)
class OnFullDisk:
    """The outcomes of a command that ran twice: on a full disk, then with space.

    Attributes:
        full: exit status, stdout and stderr of the first run.
        roomy: exit status, stdout and stderr of the second run.
        files: the files on the disk after the first run, without the filler.
    """

    full: tuple[int, str, str]
    roomy: tuple[int, str, str]
    files: tuple[str, ...]


def run_on_full_disk(
    command: Sequence[str],
    environ: Mapping[str, str],
    disk: Path,
    scratch: Path,
    before: str,
    after: str,
) -> OnFullDisk:
    """Run a command twice in a mount namespace.

    Args:
        command: the command.
        environ: its environment.
        disk: an empty directory, where the file system is mounted.
        scratch: a directory on another file system.
        before: shell commands to run before the disk is filled.
        after: shell commands to run after the second run.
    """
    unshare = [require_program("unshare"), "--mount"]
    if os.geteuid() != 0:
        unshare.append("--map-root-user")
    place, out = shlex.quote(str(disk)), shlex.quote(str(scratch))
    run = shlex.join(["env", "-i", *(f"{name}={value}" for name, value in environ.items())])
    script = f"""
        set -e
        mount -t tmpfs -o size=2m,mode=0700 tmpfs {place}
        {before}
        cat /dev/zero > {place}/filler 2>/dev/null || :
        set +e
        for n in full roomy; do
            {run} {shlex.join(command)} > {out}/$n.out 2> {out}/$n.err < /dev/null
            echo $? > {out}/$n.status
            [ $n = roomy ] || find {place} -mindepth 1 ! -name filler > {out}/files
            rm -f {place}/filler
        done
        {after}
    """
    subprocess.run([*unshare, "sh", "-c", script], cwd="/", check=True, timeout=60)
    runs = {
        name: (
            int((scratch / f"{name}.status").read_text()),
            (scratch / f"{name}.out").read_text(),
            (scratch / f"{name}.err").read_text(),
        )
        for name in ("full", "roomy")
    }
    files = (scratch / "files").read_text().splitlines()
    return OnFullDisk(runs["full"], runs["roomy"], tuple(files))
