"""Artifacts of a workflow run, stored in directories, with the behavior of GitHub's two actions."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import shutil
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path


class ArtifactError(Exception):
    """The action failed, with this message."""


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An upload. The same name may be uploaded again.

    Attributes:
        number: the unique ID of the upload.
        name: the name in the workflow.
        content: the directory of its files.
        digest: the digest of the content when it was uploaded.
    """

    number: str
    name: str
    content: Path
    digest: str


class ArtifactStore:
    """The uploads of a run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count(4001)
        self._uploads: list[Artifact] = []

    def upload(self, name: str, source: Path) -> Artifact:
        """Store a file, or the content of a directory, under a name and a new ID."""
        number = str(next(self._numbers))
        content = self._root / number
        if source.is_dir():
            shutil.copytree(source, content)
        else:
            content.mkdir(parents=True)
            shutil.copyfile(source, content / source.name)
        made = Artifact(number, name, content, _digest(content))
        self._uploads.append(made)
        return made

    def replace(self, name: str) -> None:
        """Update the digest of a name's last upload to that of the stored files."""
        (found,) = self.latest(name)
        changed = dataclasses.replace(found, digest=_digest(found.content))
        self._uploads = [changed if one == found else one for one in self._uploads]

    def withdraw(self, artifact: Artifact) -> None:
        """Undo an upload."""
        self._uploads.remove(artifact)

    def latest(self, pattern: str = "*") -> list[Artifact]:
        """Return the last upload of each name that matches a pattern, sorted by name."""
        last = {found.name: found for found in self._uploads}
        return [last[name] for name in sorted(last) if fnmatchcase(name, pattern)]

    def content(self, name: str) -> Path:
        """Return the directory of the last upload of a name."""
        (found,) = self.latest(name)
        return found.content

    def download(self, inputs: Mapping[str, str], destination: Path) -> None:
        """Download like actions/download-artifact v8 with these inputs.

        Raises:
            ArtifactError: there is no such artifact, or it was altered since it was uploaded.
        """
        selected = self._selected(inputs)
        single = "name" in inputs or len(selected) == 1
        for found in selected:
            mismatch = _digest(found.content) != found.digest
            if mismatch and inputs.get("digest-mismatch", "error") == "error":
                raise ArtifactError(f"digest mismatch of the artifact {found.name}")
            merged = single or inputs.get("merge-multiple") == "true"
            place = destination if merged else destination / found.name
            shutil.copytree(found.content, place, dirs_exist_ok=True)

    def _selected(self, inputs: Mapping[str, str]) -> list[Artifact]:
        assert len({"name", "pattern", "artifact-ids"} & inputs.keys()) <= 1, inputs
        if name := inputs.get("name"):
            selected = [found for found in self.latest() if found.name == name]
            if not selected:
                raise ArtifactError(f"there is no artifact {name}")
            return selected
        if numbers := inputs.get("artifact-ids"):
            # Searches the last upload of each name, like the action.
            selected = [found for found in self.latest() if found.number in numbers.split(",")]
            if not selected:
                raise ArtifactError(f"there is no artifact with the id {numbers}")
            return selected
        # An empty ID counts as none, and then the action downloads everything.
        return self.latest(inputs.get("pattern") or "*")


def _digest(directory: Path) -> str:
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    whole = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        whole.update(f"{content}  {file.relative_to(directory).as_posix()}\n".encode())
    return whole.hexdigest()
