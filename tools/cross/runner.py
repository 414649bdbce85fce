"""How this machine runs programs of another platform."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from temporal_static_libs._targets import Target
from tools.cross.build import CrossError

_DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Runner:
    """What to put before a program.

    Attributes:
        described: how it runs, in a few words.
        prefix: the command that runs a program.
        chroot: a directory with a musl system in it, for programs that are not static; None where
            `prefix` is enough.
    """

    described: str
    prefix: tuple[str, ...]
    chroot: Path | None = None

    def command(self, *program: Path | str) -> list[str]:
        """The command that runs a program which is static, or finds its libraries."""
        return [*self.prefix, *map(str, program)]

    def installed(self, tree: Path, program: str) -> list[str]:
        """The command that runs a program of an installed tree.

        Args:
            tree: the directory of ``bin`` and ``lib``.
            program: path in it.
        """
        if self.chroot is None:
            return self.command(tree / program)
        shutil.copytree(tree, self.chroot / "app")
        inside = [f"/{Path(word).name}" for word in self.prefix]
        # musl finds $ORIGIN through /proc, which is not there.
        environ = ["env", "LD_LIBRARY_PATH=/app/lib"]
        return [*environ, "chroot", str(self.chroot), *inside, f"/app/{program}"]


def runner_for(target: Target, scratch: Path) -> Runner | None:
    """How to run a target's programs.

    Args:
        target: the platform.
        scratch: an empty directory, for what is needed besides.

    Returns:
        None where nothing here can: the programs of macOS.

    Raises:
        CrossError: a program is missing; the message says how to get it.
    """
    if target.os == "macos":
        return None
    prefix: tuple[str, ...] = ()
    described = "natively"
    if target.processor != platform.machine():
        prefix = (_require(f"qemu-{target.processor}-static", "qemu-user-static"),)
        described = "under qemu"
    if target.floor_name == "musl":
        root = _musl_system(target, scratch / "root")
        for program in prefix:
            shutil.copy(program, root)
        return Runner(f"{described} (musl, chroot)", prefix, root)
    if prefix and not Path("/lib", target.gnu_triple, "libc.so.6").exists():
        # Not where the C library of that processor is installed for good: its parts would be found
        # in both places, and those of two builds do not go together.
        libraries = Path("/usr") / target.gnu_triple
        if not (libraries / "lib").is_dir():
            raise CrossError(f"there is no {libraries}: apt-get install libc6-dev-arm64-cross")
        prefix = (*prefix, "-L", str(libraries))
    return Runner(described, prefix)


def _require(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise CrossError(f"there is no {program}: apt-get install {package}")
    return path


def _musl_system(target: Target, root: Path) -> Path:
    """A directory with musl's loader, which is all of its C library, and nothing else."""
    root.mkdir()
    architecture = _DEBIAN_ARCHITECTURES[target.processor]
    done = subprocess.run(
        ["apt-get", "download", f"musl:{architecture}"], cwd=root, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise CrossError(
            f"Debian's package musl:{architecture} cannot be had: "
            f"dpkg --add-architecture {architecture} && apt-get update"
        )
    for package in root.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True)
        package.unlink()
    return root
