"""Checking the artifact bundle like its users, on a machine with Swift 6.2 or newer."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import sha256_of
from tools import ROOT, ToolError
from tools.release.bundle import Bundle
from tools.release.names import bundle_stem_of

PROJECT: Final = ROOT / "tests" / "smoke" / "swift"
# The bundle's name in the project's Package.swift.
_NAME: Final = "temporal.artifactbundle.zip"


def check_with_swift(bundle: Bundle) -> None:
    """Build and run a Swift program with a release's artifact bundle.

    Raises:
        ToolError: Swift is missing or computes another checksum for the bundle, or the program does
            not build or run.
    """
    version = bundle.facts().version
    file = bundle.assets / f"{bundle_stem_of(version)}.zip"
    with tempfile.TemporaryDirectory(prefix="temporal-swift-") as scratch:
        project = Path(scratch, "bridge")
        shutil.copytree(PROJECT, project)
        shutil.copyfile(file, project / _NAME)
        computed = _swift(project, "package", "compute-checksum", _NAME)
        if computed != (sha256 := sha256_of(file)):
            raise ToolError(f"{file.name}: Swift's checksum is {computed}, its SHA-256 {sha256}")
        printed = _swift(project, "run", "bridge").splitlines()[-1:]
    if printed != [version]:
        raise ToolError(f"the Swift program printed {printed}, not {version}")


def _swift(project: Path, *arguments: str) -> str:
    """Run Swift in a project, with messages on standard error; return its output."""
    command = ["swift", *arguments]
    try:
        done = subprocess.run(command, cwd=project, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise ToolError(f"swift does not run: {error.strerror}") from None
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)} failed; its messages are above\n{done.stdout}")
    return done.stdout.strip()
