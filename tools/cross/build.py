"""One platform's wheel: built with the first toolchain that can, and repaired."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from temporal_static_libs._build.cross import cargo_for_target
from temporal_static_libs._build.source_tree import sources_of_tree
from temporal_static_libs._build.toolchain import find_toolchain
from temporal_static_libs._errors import CompileError
from temporal_static_libs._settings import BUILD_RECORD, Settings
from temporal_static_libs._targets import Target
from tools import ROOT


class CrossError(Exception):
    """A wheel could not be made, or does not work. The message says why."""


@dataclass(frozen=True)
class Made:
    """A wheel.

    Attributes:
        wheel: the file.
        proof: what the repair step has proven of it, in a few words.
    """

    wheel: Path
    proof: str


def build_wheel(target: Target, dist: Path) -> Made:
    """Build a platform's wheel.

    Args:
        target: the platform.
        dist: directory for the wheel, which is made anew.

    Raises:
        CrossError: no toolchain on PATH can compile for the platform, or the build failed.
    """
    environ = {**_environ(target), BUILD_RECORD: str(dist / "build-record.json")}
    shutil.rmtree(dist, ignore_errors=True)
    unproven = dist / "unproven"
    options = ["--wheel", "--no-isolation", "--outdir", str(unproven), str(ROOT)]
    _run([sys.executable, "-m", "build", *options], environ)
    (built,) = unproven.glob("*.whl")
    repair = [sys.executable, str(ROOT / "tools" / "repair_wheel.py"), str(built), str(dist)]
    *proofs, _ = _run(repair, environ, stdout=subprocess.PIPE).splitlines()
    (wheel,) = dist.glob("*.whl")
    # Each line is "FILE: CLAIM", and the claim is the same for both files.
    (proof,) = {line.partition(": ")[2] for line in proofs}
    return Made(wheel, proof)


def host_triple() -> str:
    """The triple of the machine, as the first toolchain on PATH has it."""
    return find_toolchain(sources_of_tree(ROOT).workspace, Settings.from_environ()).host


def _environ(target: Target) -> dict[str, str]:
    workspace = sources_of_tree(ROOT).workspace
    reasons = []
    for environ in _toolchains(os.environ):
        try:
            toolchain = find_toolchain(workspace, Settings(environ))
            cargo = cargo_for_target(toolchain, target, target.floor_version)
        except CompileError as error:
            reasons.append(str(error))
        else:
            print(f"with {toolchain.cargo}: {toolchain.rustc_version}", flush=True)
            return {
                **environ,
                "TEMPORAL_LIBS_TARGET": target.triple,
                "CARGO_TARGET_DIR": _target_directory(workspace, bool(cargo.options)),
            }
    raise CrossError("no toolchain on PATH can compile for it\n" + "\n".join(reasons))


def _target_directory(workspace: Path, compiles_std: bool) -> str:
    given = os.environ.get("CARGO_TARGET_DIR") or str(workspace / "target")
    # RUSTC_BOOTSTRAP, which that needs, has the host's crates compiled anew when it comes or goes.
    return f"{given}-build-std" if compiles_std else given


def _toolchains(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment with each cargo of PATH first in turn."""
    # The build's own programs, cargo-zigbuild among them, stay where they are found.
    path = [str(Path(sys.executable).parent), *environ.get("PATH", os.defpath).split(os.pathsep)]
    for directory in dict.fromkeys(path):
        if os.access(os.path.join(directory, "cargo"), os.X_OK):
            new_path = os.pathsep.join([directory, *path])
            # By itself cargo-zigbuild looks for Zig in the first python3 of PATH.
            yield {**environ, "PATH": new_path, "CARGO_ZIGBUILD_PYTHON_PATH": sys.executable}


def _run(command: list[str], environ: Mapping[str, str], stdout: int | None = None) -> str:
    done = subprocess.run(command, env=environ, stdout=stdout, text=True, check=False)
    if done.returncode != 0:
        raise CrossError(f"{' '.join(command)} failed; its messages are above")
    return done.stdout or ""
