"""Runs of the release workflow: jobs in order, and a stand-in for the actions that publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.support.ci.github_stand_in import GitHub
from tests.support.ci.workflow_run import WorkflowRun
from tests.support.pip.uploading_index import UploadingIndex

JOBS = ("plan", "assemble", "try", "attest", "github-release", "pypi")
PLATFORM = "linux-x64"


class Publisher:
    """Stands in for the actions that publish, and records their inputs.

    Attributes:
        index: the index for uploads.
        attested: the names of the files in each attestation, in order.
    """

    def __init__(self, index: UploadingIndex) -> None:
        self.index = index
        self.attested: list[set[str]] = []

    def upload(self, inputs: dict[str, str], tree: Path) -> None:
        """Upload the files of the directory with twine, like PyPI's action."""
        done = self.index.upload(sorted((tree / inputs["packages-dir"]).iterdir()))
        assert done.returncode == 0, done.stdout

    def attest(self, inputs: dict[str, str], tree: Path) -> None:
        """Find the named files; each pattern must match at least one."""
        found = [list(tree.glob(pattern)) for pattern in inputs["subject-path"].split()]
        assert all(found), inputs["subject-path"]
        if "predicate-path" in inputs:
            assert json.loads((tree / inputs["predicate-path"]).read_text())["components"]
        self.attested.append({file.name for files in found for file in files})


StartRun = Callable[[Path], tuple[WorkflowRun, Publisher]]


def assert_nothing_is_published(index: UploadingIndex, github: GitHub) -> None:
    assert index.names() == set()
    assert github.changes() == []


def jobs_without(run: WorkflowRun, *skipped: str) -> None:
    """Run the jobs of a release in order, without some that the test does not need."""
    for job in JOBS:
        if job not in skipped:
            run.job(job)
