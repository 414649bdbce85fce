"""A crate registry in a directory, which cargo uses without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path


class LocalRegistry:
    """The registry.

    Attributes:
        cargo_home: the value for CARGO_HOME, whose configuration names the directory.
    """

    def __init__(self, directory: Path) -> None:
        self._crates = directory / "crates"
        self._crates.mkdir(parents=True)
        self.cargo_home = directory / "cargo-home"
        self.cargo_home.mkdir()
        (self.cargo_home / "config.toml").write_text(
            '[source.crates-io]\nreplace-with = "local"\n'
            f"[source.local]\ndirectory = {json.dumps(str(self._crates))}\n"
        )

    def publish(
        self,
        name: str,
        version: str,
        dependencies: Mapping[str, str] | None = None,
        rust_version: str = "1.70",
    ) -> None:
        """Publish an empty crate.

        Args:
            name: its name.
            version: its version.
            dependencies: version requirements by crate.
            rust_version: its minimum Rust version.
        """
        crate = self._crates / f"{name}-{version}"
        (crate / "src").mkdir(parents=True)
        (crate / "src" / "lib.rs").touch()
        lines = [f"{other} = {json.dumps(asked)}" for other, asked in (dependencies or {}).items()]
        (crate / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n'
            f'rust-version = "{rust_version}"\n[dependencies]\n' + "\n".join(lines) + "\n"
        )
        (crate / ".cargo-checksum.json").write_text('{"files": {}}')

    def withdraw(self, name: str, *versions: str) -> None:
        """Remove versions of a crate."""
        for version in versions:
            shutil.rmtree(self._crates / f"{name}-{version}")
