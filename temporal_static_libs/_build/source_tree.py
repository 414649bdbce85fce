"""Where a build reads from and where it puts the result.

The sources are in a source tree (a checkout, or an unpacked source distribution), or in an
installed package, which carries them for the compile fallback.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from .._errors import CompileError

# In the package.
INCLUDE = PurePath("include")
PROTOS = PurePath("share", "proto")

# What a wheel carries of the workspace; pyproject.toml leaves the rest out.
_CARRIED = (".cargo", "Cargo.lock", "Cargo.toml", "c-api", "parking_lot_core", "sdk-core")


@dataclass(frozen=True)
class Sources:
    """What a build reads.

    Attributes:
        workspace: the Cargo workspace, absolute.
        header: the committed C header.
        interface: the committed description of it.
        checkout: the directory that git knows if this is a checkout; None where it cannot be one.
        recorded_commit: the file that says which commit the sources are of where git cannot.
    """

    workspace: Path
    header: Path
    interface: Path
    checkout: Path | None
    recorded_commit: Path

    @property
    def cargo_lock(self) -> Path:
        """The file that names every dependency's version and hash."""
        return self.workspace / "Cargo.lock"

    @property
    def proto_licenses(self) -> Path:
        """The licenses of the protobuf files; only a source tree has it."""
        return self.workspace / "PROTO-LICENSES.txt"

    def rust_files(self) -> list[Path]:
        """Every file that says what is compiled, in an order that depends on nothing but names.

        Raises:
            OSError: a directory cannot be read.
        """
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
    """

    directory: Path
    scratch: Path
    target_directory: Path | None = None
    private: bool = False
    package: Path | None = None
    workspace_id: str | None = None

    @property
    def protos_scratch(self) -> Path:
        """A directory like `scratch`, for the protobuf files."""
        return self.scratch.with_name(f"{self.scratch.name}-protos")


def sources_of_tree(root: Path) -> Sources:
    """The sources in a source tree.

    Args:
        root: the directory of pyproject.toml, absolute.
    """
    return Sources(
        workspace=root / "rust",
        header=_header(root / "temporal_static_libs"),
        interface=_interface(root / "temporal_static_libs"),
        checkout=root,
        recorded_commit=root / "SOURCE_COMMIT",
    )


def output_of_tree(root: Path) -> Output:
    """The package's place for archives and protobuf files in a source tree.

    Args:
        root: the directory of pyproject.toml, absolute.
    """
    package = root / "temporal_static_libs"
    return Output(directory=package / "lib", scratch=root / ".staging", package=package)


def sources_of_package(package: Path) -> Sources:
    """The sources that belong to an importable package.

    Args:
        package: its directory, absolute: an installed one carries them; one that is imported from
            a source tree, as after an editable install, has them beside it.

    Raises:
        CompileError: there are none.
    """
    if (package / "rust").is_dir():
        return Sources(
            workspace=package / "rust",
            header=_header(package),
            interface=_interface(package),
            checkout=None,
            recorded_commit=package / "SOURCE_COMMIT",
        )
    tree = sources_of_tree(package.parent)
    if tree.cargo_lock.is_file():
        return tree
    raise CompileError(f"the package has no Rust sources to compile: {package / 'rust'} is missing")


def _header(package: Path) -> Path:
    return package / INCLUDE / "temporal-sdk-core-c-bridge.h"


def _interface(package: Path) -> Path:
    return package / "share" / "interface.json"
