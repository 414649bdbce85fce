"""The directory that passes a release from one job of the workflow to the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from temporal_static_libs._checksums import format_checksums, parse_checksums, sha256_of
from temporal_static_libs._manifest import CHECKSUMS_NAME
from tools import ToolError
from tools.release.names import tag_of


class Facts(NamedTuple):
    """The package's version, the commit that everything is made from, platforms without a wheel."""

    version: str
    commit: str
    missing: list[str]

    @property
    def tag(self) -> str:
        """The release's git tag."""
        return tag_of(self.version)


class Bundle:
    """The directory of a release.

    Attributes:
        root: its path.
        dist: the files for the index: wheels and source distribution.
        assets: the files for the GitHub release.
        notes: the notes of the GitHub release.
        requirements: the wheels, with their hashes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dist = root / "dist"
        self.assets = root / "assets"
        self.notes = root / "notes.md"
        self.requirements = root / "requirements.txt"
        self._facts = root / "release.json"
        self._checksums = root / CHECKSUMS_NAME

    def facts(self) -> Facts:
        """Return the facts that `record` wrote."""
        return Facts(**json.loads(self._facts.read_text(encoding="utf-8")))

    def record(self, facts: Facts) -> str:
        """Write the facts, and the checksums of all files.

        Returns:
            The SHA-256 of ``checksums.sha256``, 64 lowercase hexadecimal digits. A job that gets it
            from elsewhere than the directory can use it to detect changed files.
        """
        content = json.dumps(facts._asdict(), indent=2) + "\n"
        self._facts.write_text(content, encoding="utf-8")
        self._checksums.write_text(format_checksums(self._hashes()), encoding="utf-8")
        return sha256_of(self._checksums)

    def check(self, digest: str) -> None:
        """Check that no file is missing, altered or added since `record` returned `digest`."""
        if not self._checksums.is_file() or sha256_of(self._checksums) != digest:
            raise ToolError(f"{self._checksums} is not the one made with the release: stop here")
        recorded = parse_checksums(self._checksums.read_text(encoding="utf-8"), may_be_below=True)
        found = self._hashes()
        if different := sorted(found.keys() ^ recorded.keys()):
            raise ToolError(f"{self.root}: missing, or added: {', '.join(different)}")
        for name, sha256 in recorded.items():
            if found[name] != sha256:
                raise ToolError(f"{self.root / name} was altered since the release was assembled")

    def _hashes(self) -> dict[str, str]:
        return {
            file.relative_to(self.root).as_posix(): sha256_of(file)
            for file in self.root.rglob("*")
            if file.is_file() and file != self._checksums
        }
