"""The directory in which a release goes from one job of the workflow to the next.

dist/               what the index gets: wheels and source distribution
assets/             what the GitHub release gets
notes.md            its notes
requirements.txt    the wheels, with their hashes
release.json        the facts of the release
checksums.sha256    of all the others
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from temporal_static_libs._checksums import format_checksums, parse_checksums, sha256_of
from temporal_static_libs._manifest import CHECKSUMS_NAME
from tools.release import ReleaseError
from tools.release.names import tag_of, title_of

_FACTS = "release.json"


@dataclass(frozen=True)
class Facts:
    """The facts of a release.

    Attributes:
        version: of the package.
        commit: that everything is made from.
        platforms: that there is a wheel for.
        missing: those that there is none for.
    """

    version: str
    commit: str
    platforms: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def tag(self) -> str:
        """The git tag."""
        return tag_of(self.version)

    @property
    def title(self) -> str:
        """The title of the GitHub release."""
        return title_of(self.version)


@dataclass(frozen=True)
class Bundle:
    """The directory.

    Attributes:
        root: its path.
    """

    root: Path

    @property
    def dist(self) -> Path:
        """What the index gets."""
        return self.root / "dist"

    @property
    def assets(self) -> Path:
        """What the GitHub release gets."""
        return self.root / "assets"

    @property
    def notes(self) -> Path:
        """The notes of the GitHub release."""
        return self.root / "notes.md"

    @property
    def requirements(self) -> Path:
        """The wheels, with their hashes."""
        return self.root / "requirements.txt"

    def facts(self) -> Facts:
        """The facts of the release."""
        values = json.loads((self.root / _FACTS).read_text(encoding="utf-8"))
        return Facts(
            version=values["version"],
            commit=values["commit"],
            platforms=tuple(values["platforms"]),
            missing=tuple(values["missing"]),
        )

    def seal(self, facts: Facts) -> str:
        """Write down the facts, and what each file is.

        Returns:
            The SHA-256 of ``checksums.sha256``, 64 lower-case hexadecimal digits: who has it from
            another source than the directory can tell that every file is the one that was sealed.
        """
        content = json.dumps(dataclasses.asdict(facts), indent=2) + "\n"
        (self.root / _FACTS).write_text(content, encoding="utf-8")
        checksums = {name: sha256_of(self.root / name) for name in self._files()}
        sealed = self.root / CHECKSUMS_NAME
        sealed.write_text(format_checksums(checksums), encoding="utf-8")
        return sha256_of(sealed)

    def check(self, seal: str) -> None:
        """Hold every file to what was sealed.

        Args:
            seal: what `seal` returned.

        Raises:
            ReleaseError: a file is missing, altered, or was added.
        """
        sealed = self.root / CHECKSUMS_NAME
        if not sealed.is_file() or sha256_of(sealed) != seal:
            raise ReleaseError(f"{sealed} is not the one that was made with the release: stop here")
        checksums = parse_checksums(sealed.read_text(encoding="utf-8"))
        found = self._files()
        if different := sorted(found.symmetric_difference(checksums)):
            raise ReleaseError(f"{self.root}: missing, or added: {', '.join(different)}")
        for name, sha256 in checksums.items():
            if sha256_of(self.root / name) != sha256:
                raise ReleaseError(
                    f"{self.root / name} was altered since the release was assembled"
                )

    def _files(self) -> set[str]:
        files = {
            file.relative_to(self.root).as_posix()
            for file in self.root.rglob("*")
            if file.is_file()
        }
        return files - {CHECKSUMS_NAME}
