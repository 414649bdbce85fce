"""One platform's wheel: built with the first suitable toolchain, and repaired."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from temporal_static_libs._build.cross import cargo_for_target
from temporal_static_libs._build.source_tree import sources_of_tree
from temporal_static_libs._build.toolchain import find_toolchain
from temporal_static_libs._errors import CompileError
from temporal_static_libs._settings import BUILD_RECORD, Settings
from temporal_static_libs._targets import Target
from tools import ROOT, ToolError


def build_wheel(target: Target, dist: Path) -> tuple[Path, str]:
    """Build a platform's wheel in a directory, which is emptied first.

    Returns:
        The wheel, and what the repair step has proven about it, in a few words.
    """
    environ = {**_environ(target), BUILD_RECORD: str(dist / "build-record.json")}
    shutil.rmtree(dist, ignore_errors=True)
    unproven = dist / "unproven"
    _run(environ, "build", "--wheel", "--no-isolation", "--outdir", str(unproven), ".")
    (built,) = unproven.glob("*.whl")
    *proofs, wheel = _run(environ, "tools.wheel.repair", str(built), str(dist)).splitlines()
    # Each line is "FILE: CLAIM", and the claim is the same for both files.
    (proof,) = {line.partition(": ")[2] for line in proofs}
    return Path(wheel), proof


def host_triple() -> str:
    """Return the machine's triple, from the first toolchain on PATH."""
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
            continue
        print(f"with {toolchain.cargo}: {toolchain.rustc_version}", flush=True)
        directory = environ.get("CARGO_TARGET_DIR") or str(workspace / "target")
        if cargo.options:
            # These need RUSTC_BOOTSTRAP, which makes cargo recompile the host's crates whenever it
            # is added or removed.
            directory += "-build-std"
        return {**environ, "TEMPORAL_LIBS_TARGET": target.triple, "CARGO_TARGET_DIR": directory}
    lines = [f"no toolchain on PATH can compile for {target.platform}", *reasons]
    raise ToolError("\n".join(lines))


def _toolchains(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment with each cargo on PATH first, one after another."""
    # The build's programs, including cargo-zigbuild, are still found.
    path = [str(Path(sys.executable).parent), *environ.get("PATH", os.defpath).split(os.pathsep)]
    for directory in dict.fromkeys(path):
        if os.access(os.path.join(directory, "cargo"), os.X_OK):
            new_path = os.pathsep.join([directory, *path])
            # By default, cargo-zigbuild looks for Zig in the first python3 on PATH.
            yield {**environ, "PATH": new_path, "CARGO_ZIGBUILD_PYTHON_PATH": sys.executable}


def _run(environ: Mapping[str, str], *module: str) -> str:
    command = [sys.executable, "-m", *module]
    stdout = None if module[0] == "build" else subprocess.PIPE
    done = subprocess.run(command, cwd=ROOT, env=environ, stdout=stdout, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)} failed; its messages are above")
    return done.stdout or ""
