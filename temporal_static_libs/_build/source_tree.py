"""The directories that a build reads from and writes to.

The sources are in a source tree (a checkout or an unpacked source distribution), or in an installed
package, which contains them for the compile fallback.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePath

from .._checksums import sha256_of
from .._errors import CompileError
from .._messages import message
from .tool import ENCODING, program_on_path

# Paths in the package.
INCLUDE = PurePath("include")
PROTOS = PurePath("share", "proto")

# The parts of the workspace in a wheel; pyproject.toml excludes the rest.
_CARRIED = (".cargo", "Cargo.lock", "Cargo.toml", "c-api", "flate2", "parking_lot_core", "sdk-core")


@dataclass(frozen=True)
class Sources:
    """The files that a build reads.

    Attributes:
        workspace: absolute path of the Cargo workspace.
        package: the importable package, which has the committed C header and its description.
        checkout: git's top-level directory if this is a checkout; None if it cannot be one.
    """

    workspace: Path
    package: Path
    checkout: Path | None

    @property
    def header(self) -> Path:
        """The committed C header."""
        return self.package / INCLUDE / "temporal-sdk-core-c-bridge.h"

    @property
    def interface(self) -> Path:
        """The committed description of the header."""
        return self.package / "share" / "interface.json"

    @property
    def cargo_lock(self) -> Path:
        """The file that names every dependency's version and hash."""
        return self.workspace / "Cargo.lock"

    @property
    def proto_licenses(self) -> Path:
        """The licenses of the protobuf files; only in a source tree."""
        return self.workspace / "PROTO-LICENSES.txt"

    @property
    def recorded_commit(self) -> Path:
        """The file that names the sources' commit if git cannot."""
        return self.workspace.parent / "SOURCE_COMMIT"

    def rust_files(self) -> list[Path]:
        """Return every file that affects what is compiled, sorted by name."""
        found: list[Path] = []
        for name in _CARRIED:
            entry = self.workspace / name
            found += [entry] if entry.is_file() else entry.rglob("*")
        return sorted(file for file in found if file.is_file())


@dataclass(frozen=True)
class Output:
    """The directories that a build writes to.

    Attributes:
        directory: receives archives, checksums and manifest; it is replaced completely.
        scratch: a private directory for intermediate files, on the same file system.
        target_directory: cargo's target directory if cargo's settings name none; None for cargo's
            default, in the workspace.
        private: whether only the user may enter `directory`; its archives may then contain paths of
            this machine.
        package: the importable package, if `directory` is its ``lib``: the protobuf files then go
            into the package, and the files for build systems next to the archives.
        workspace_id: replaces the value in rust/.cargo/config.toml for cargo.
    """

    directory: Path
    scratch: Path
    target_directory: Path | None = None
    private: bool = False
    package: Path | None = None
    workspace_id: str | None = None


def sources_of_tree(root: Path) -> Sources:
    """Return the sources in the source tree with the absolute path `root`."""
    return Sources(root / "rust", root / "temporal_static_libs", checkout=root)


def output_of_tree(root: Path) -> Output:
    """Return the directories for archives and protobuf files in a source tree."""
    package = root / "temporal_static_libs"
    return Output(directory=package / "lib", scratch=root / ".staging", package=package)


def sources_of_package(package: Path) -> Sources:
    """Return the sources of an importable package, whose directory is absolute.

    An installed package contains them. If it is imported from a source tree, as after an editable
    install, they are next to it.

    Raises:
        CompileError: there are none.
    """
    if (package / "rust").is_dir():
        return Sources(package / "rust", package, checkout=None)
    tree = sources_of_tree(package.parent)
    if tree.cargo_lock.is_file():
        return tree
    raise CompileError(message("sources-missing", directory=package / "rust"))


def rust_sources_sha256(sources: Sources) -> str:
    """Hash the names and contents of the Rust sources, of Cargo's files and of Cargo.lock.

    The hash is the same for a checkout and the package made from it. The C header has a separate
    hash.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        OSError: a file or a directory cannot be read.
    """
    digest = hashlib.sha256()
    for file in sources.rust_files():
        name = file.relative_to(sources.workspace).as_posix()
        digest.update(f"{sha256_of(file)}  {name}\n".encode())
    return digest.hexdigest()


def source_commit(sources: Sources) -> str | None:
    """Return the commit: in a checkout from git, otherwise from the file SOURCE_COMMIT.

    Returns:
        The full hash of the commit. None if it is unknown, or if a file that git tracks has changed
        since the commit, because the archives are then not made from it.
    """
    if sources.checkout is not None and _is_checkout(sources.checkout):
        if _git(sources.checkout, "status", "--porcelain", "--untracked-files=no") != "":
            return None
        return _git(sources.checkout, "rev-parse", "--verify", "HEAD")
    if sources.recorded_commit.is_file():
        return sources.recorded_commit.read_text(encoding="ascii").strip()
    return None


def _is_checkout(root: Path) -> bool:
    # Compare the top level: a source distribution may be unpacked inside another repository.
    top = _git(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(top).resolve() == root.resolve()


def _git(root: Path, *arguments: str) -> str | None:
    # safe.directory: in a container the checkout often belongs to another user.
    git = program_on_path("git", os.environ)
    if git is None:
        return None
    command = [git, "-c", f"safe.directory={root.resolve()}", "-C", str(root), *arguments]
    # In a git hook, these variables name the hook's repository.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, encoding=ENCODING, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
