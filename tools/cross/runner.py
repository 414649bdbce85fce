"""Running programs of another platform on this machine."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from temporal_static_libs._targets import Target
from tools import ToolError
from tools.cross.wine import make_wine

_DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Runner:
    """A command that runs programs.

    Attributes:
        described: a short description, such as ``under qemu``.
        prefix: the command before a program.
        chroot: a directory with a musl system, for programs that are not static; None if `prefix`
            is enough.
        end: the command that ends processes that outlive the programs; empty if there are none.
    """

    described: str
    prefix: tuple[str, ...]
    chroot: Path | None = None
    end: tuple[str, ...] = ()

    def command(self, *program: Path | str) -> list[str]:
        """Return the command for a program that is static or finds its libraries."""
        return [*self.prefix, *map(str, program)]

    def installed(self, tree: Path, program: str) -> list[str]:
        """Return the command for a program by its path in a tree with ``bin`` and ``lib``."""
        if self.chroot is None:
            return self.command(tree / program)
        shutil.copytree(tree, self.chroot / "app")
        inside = [f"/{Path(word).name}" for word in self.prefix]
        # musl resolves $ORIGIN through /proc, which does not exist in the chroot.
        environ = ["env", "LD_LIBRARY_PATH=/app/lib"]
        return [*environ, "chroot", str(self.chroot), *inside, f"/app/{program}"]


def runner_for(target: Target, scratch: Path) -> Runner | None:
    """Return the runner of a target's programs; None for macOS, whose programs cannot run here.

    Its files are written to `scratch`, an empty directory.
    """
    if target.os == "macos":
        return None
    if target.os == "windows":
        wine = make_wine(scratch / "wine")
        return Runner("under wine", wine.prefix, end=wine.end)
    prefix: tuple[str, ...] = ()
    described = "natively"
    if target.processor != platform.machine():
        program = f"qemu-{target.processor}-static"
        if (path := shutil.which(program)) is None:
            raise ToolError(f"{program} was not found: apt-get install qemu-user-static")
        prefix, described = (path,), "under qemu"
    if target.floor_name == "musl":
        root = _musl_system(target, scratch / "root")
        for emulator in prefix:
            shutil.copy(emulator, root)
        return Runner(f"{described} (musl, chroot)", prefix, root)
    if prefix and not Path("/lib", target.gnu_triple, "libc.so.6").exists():
        # Not where that processor's C library is permanently installed, because its parts would be
        # found in both places, and parts of two builds are incompatible.
        libraries = Path("/usr") / target.gnu_triple
        if not (libraries / "lib").is_dir():
            raise ToolError(f"{libraries} does not exist: apt-get install libc6-dev-arm64-cross")
        prefix = (*prefix, "-L", str(libraries))
    return Runner(described, prefix)


def _musl_system(target: Target, root: Path) -> Path:
    """Make a directory with only musl's loader, which contains its whole C library."""
    root.mkdir()
    architecture = _DEBIAN_ARCHITECTURES[target.processor]
    package = f"musl:{architecture}"
    command = ["apt-get", "download", package]
    if subprocess.run(command, cwd=root, capture_output=True, check=False).returncode != 0:
        raise ToolError(
            f"Debian's package {package} is unavailable: "
            f"dpkg --add-architecture {architecture} && apt-get update"
        )
    for file in root.glob("*.deb"):
        subprocess.run(["dpkg", "-x", file, root], check=True)
        file.unlink()
    return root
