"""Where things are in a source tree: a checkout, or an unpacked source distribution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceTree:
    """The paths that a build reads from and writes to.

    Attributes:
        root: the directory of pyproject.toml, absolute.
    """

    root: Path

    @property
    def workspace(self) -> Path:
        """The Cargo workspace."""
        return self.root / "rust"

    @property
    def cargo_lock(self) -> Path:
        """The file that names every dependency's version and hash."""
        return self.workspace / "Cargo.lock"

    @property
    def header(self) -> Path:
        """The committed C header."""
        return self.root / "temporal_static_libs" / "include" / "temporal-sdk-core-c-bridge.h"

    @property
    def staging(self) -> Path:
        """The directory of the package that receives the archives."""
        return self.root / "temporal_static_libs" / "lib"

    @property
    def scratch(self) -> Path:
        """A directory for what is half done, on the file system of `staging`."""
        return self.root / ".staging"

    @property
    def recorded_commit(self) -> Path:
        """Where a source distribution says which commit it was made from."""
        return self.root / "SOURCE_COMMIT"
