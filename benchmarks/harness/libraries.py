"""The archives under test: those of the installed wheel, and others to compare with them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.errors import BenchmarkError, command_failed

WHEEL_LABEL = "wheel"
_HARNESS = Path(__file__).parent
#: C files of a program with a worker, for `Libraries.link`.
WORKER_SOURCES = (_HARNESS / "workflow_worker.c", _HARNESS / "activation.c")


@dataclass(frozen=True)
class Archive:
    """One archive.

    Attributes:
        component: its component, such as ``sdk-core``.
        file: its file name.
        size: in bytes.
    """

    component: str
    file: str
    size: int


@dataclass(frozen=True)
class Libraries:
    """A directory of archives that a program can be linked with.

    Attributes:
        label: its name in the report.
        directory: the directory.
        archives: the archives in it.
        replaced: the path of an archive of the wheel to the path of the one to link instead.
    """

    label: str
    directory: Path
    archives: tuple[Archive, ...]
    replaced: Mapping[str, str]

    @property
    def contender(self) -> str:
        """What the report calls a program that is linked with them."""
        return "C ABI" if self.label == WHEEL_LABEL else f"C ABI, {self.label}"

    def flags(self, *options: str) -> list[str]:
        """The flags that temporal-libs-config prints, changed to link these archives.

        Args:
            options: of temporal-libs-config, such as ``--cflags``.

        Raises:
            BenchmarkError: the wheel is not installed, or broken.
        """
        return [self.replaced.get(flag, flag) for flag in shlex.split(_config(*options))]

    def link(self, sources: Sequence[Path], program: Path) -> None:
        """Compile a C program with the installed header and link it with the archives.

        Args:
            sources: its C files; bench.c is added.
            program: the file to write.

        Raises:
            BenchmarkError: there is no compiler, or it failed; the message has its output.
        """
        command: list[str | Path] = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
        command += ["-pthread", f"-I{_HARNESS}", *sources, _HARNESS / "bench.c"]
        command += [*self.flags("--cflags", "--ldflags", "--libs"), "-o", program]
        _output(command, "install a C compiler as the command `cc`")


def installed() -> tuple[Mapping[str, object], Libraries]:
    """Facts about the installed wheel, and its archives.

    Raises:
        BenchmarkError: it is not installed, or broken.
    """
    manifest = json.loads(_config("--json"))
    archives = tuple(
        Archive(library["component"], library["file"], library["size"])
        for library in manifest["libraries"]
    )
    facts = {
        "version": manifest["version"],
        "platform": manifest["platform"],
        "rustc": manifest["rustc"],
        "cargo_profile": manifest["cargo"]["profile"],
        "source_commit": manifest["source_commit"],
    }
    return facts, Libraries(WHEEL_LABEL, Path(manifest["libdir"]), archives, {})


def compared(label: str, directory: Path, wheel: Libraries) -> Libraries:
    """Archives of the same names in another directory.

    Args:
        label: what the report calls them.
        directory: where they are. It must have an archive of sdk-core; others are optional.
        wheel: the archives of the wheel.

    Raises:
        BenchmarkError: the directory has no archive of sdk-core.
    """
    archives = tuple(
        Archive(archive.component, archive.file, (directory / archive.file).stat().st_size)
        for archive in wheel.archives
        if (directory / archive.file).is_file()
    )
    if not any(archive.component == "sdk-core" for archive in archives):
        names = ", ".join(archive.file for archive in wheel.archives)
        raise BenchmarkError(
            f"{label}: {directory} has no archive of sdk-core\n"
            f"  name a directory with {names}, such as cargo's target/release"
        )
    replaced = {
        str(wheel.directory / archive.file): str(directory.resolve() / archive.file)
        for archive in archives
    }
    return Libraries(label, directory, archives, replaced)


def _config(*options: str) -> str:
    config = Path(sysconfig.get_path("scripts")) / "temporal-libs-config"
    return _output([config, *options], "install the wheel in this environment, as make bench does")


def _output(command: Sequence[str | Path], advice: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        shown = " ".join(map(str, command))
        raise BenchmarkError(f"{shown}\n  could not start: {error}\n  {advice}") from None
    if done.returncode != 0:
        raise command_failed(command, done.returncode, done.stderr)
    return done.stdout
