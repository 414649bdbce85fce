"""Where a build reads from and where it puts the result.

The sources are in a source tree (a checkout, or an unpacked source distribution), or in an
installed package, which carries them for the compile fallback.
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

# In the package.
INCLUDE = PurePath("include")
PROTOS = PurePath("share", "proto")

# What a wheel carries of the workspace; pyproject.toml leaves the rest out.
_CARRIED = (".cargo", "Cargo.lock", "Cargo.toml", "c-api", "parking_lot_core", "sdk-core")


@dataclass(frozen=True)
class Sources:
    """The files that a build reads.

    Attributes:
        workspace: the Cargo workspace, absolute.
        package: the importable package, which has the committed C header and its description.
        checkout: the directory that git knows if this is a checkout; None where it cannot be one.
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
        """The committed description of it."""
        return self.package / "share" / "interface.json"

    @property
    def cargo_lock(self) -> Path:
        """The file that names every dependency's version and hash."""
        return self.workspace / "Cargo.lock"

    @property
    def proto_licenses(self) -> Path:
        """The licenses of the protobuf files; only a source tree has it."""
        return self.workspace / "PROTO-LICENSES.txt"

    @property
    def recorded_commit(self) -> Path:
        """The file that says which commit the sources are of where git cannot."""
        return self.workspace.parent / "SOURCE_COMMIT"

    def rust_files(self) -> list[Path]:
        """Find every file that says what is compiled, in an order of nothing but names."""
        found: list[Path] = []
        for name in _CARRIED:
            entry = self.workspace / name
            found += [entry] if entry.is_file() else entry.rglob("*")
        return sorted(file for file in found if file.is_file())


@dataclass(frozen=True)
class Output:
    """Where a build puts what it makes.

    Attributes:
        directory: receives archives, checksums and manifest; it is replaced whole.
        scratch: a directory of the build's own, for what is half done, on the same file system.
        target_directory: cargo's, where the settings of cargo name none; None is cargo's default,
            in the workspace.
        private: whether it is for the user alone: nobody else may enter `directory`, and paths of
            this machine may be in the archives.
        package: the importable package, if `directory` is its ``lib``: the protobuf files go into
            the package then, and the files for build systems beside the archives.
        workspace_id: what cargo takes in place of that in rust/.cargo/config.toml.
    """

    directory: Path
    scratch: Path
    target_directory: Path | None = None
    private: bool = False
    package: Path | None = None
    workspace_id: str | None = None


def sources_of_tree(root: Path) -> Sources:
    """Return the sources in a source tree, whose absolute path is `root`."""
    return Sources(root / "rust", root / "temporal_static_libs", checkout=root)


def output_of_tree(root: Path) -> Output:
    """Return the package's place for archives and protobuf files in a source tree."""
    package = root / "temporal_static_libs"
    return Output(directory=package / "lib", scratch=root / ".staging", package=package)


def sources_of_package(package: Path) -> Sources:
    """Return the sources that belong to an importable package, whose directory is absolute.

    An installed one carries them; one that is imported from a source tree, as after an editable
    install, has them beside it.

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

    It is the same for a checkout and for the package made of it. The C header has a separate hash.

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
    """Ask git in a checkout, or the record that a source distribution or a wheel carries.

    Returns:
        The commit's full name. None if there is neither, or if a file that git tracks has been
        changed since the commit: the archives are then not made from it.
    """
    if sources.checkout is not None and _is_checkout(sources.checkout):
        if _git(sources.checkout, "status", "--porcelain", "--untracked-files=no") != "":
            return None
        return _git(sources.checkout, "rev-parse", "--verify", "HEAD")
    if sources.recorded_commit.is_file():
        return sources.recorded_commit.read_text(encoding="ascii").strip()
    return None


def _is_checkout(root: Path) -> bool:
    # Not enough to be inside one: a source distribution may be unpacked in another repository.
    top = _git(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(top).resolve() == root.resolve()


def _git(root: Path, *arguments: str) -> str | None:
    # safe.directory: in a container the checkout often belongs to another user.
    git = program_on_path("git", os.environ)
    if git is None:
        return None
    command = [git, "-c", f"safe.directory={root.resolve()}", "-C", str(root), *arguments]
    # In a git hook, variables name the repository that the hook is of.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, encoding=ENCODING, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
