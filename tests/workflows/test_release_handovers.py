"""Tampering with each artifact that a job of the release workflow gets from another."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.ci.artifacts import Artifact
from tests.support.ci.build_records import build_record
from tests.support.ci.github_stand_in import GitHub
from tests.support.ci.release_run import JOBS, PLATFORM, Publisher, StartRun
from tests.support.ci.workflow_run import StepError, WorkflowRun, read_workflow, steps_using
from tests.support.pip.uploading_index import UploadingIndex

WORKFLOW = Path(__file__).parents[2] / ".github/workflows/temporal-static-libraries.yml"
ID = re.compile(r"\$\{\{ needs\.([\w-]+)\.outputs\.([\w-]+) \}\}")
ALTERED = "was altered since the release was assembled"


class HandOver(NamedTuple):
    """An artifact that a job gets from another job.

    Attributes:
        job: the one that downloads it.
        artifact: its name, or a pattern.
        file: the file to tamper with, as a pattern.
        check: what the job itself reports about the file. None if no code in it checks the file, or
            if any content is good.
    """

    job: str
    artifact: str
    file: str
    check: str | None


HANDOVERS = (
    # The job on Windows tests the wheel and passes it on.
    HandOver("windows-test", "untested-windows-*", "*.whl", None),
    # test_gather_records checks what the script reports about a record.
    HandOver("records", "record-*", "build-record.json", None),
    HandOver("assemble", "wheel-*", "*aarch64.whl", "aarch64.whl"),
    HandOver(
        "assemble",
        "line-tables-*",
        "libtemporal_client.a",
        "libtemporal_client.a, size and SHA-256",
    ),
    HandOver("assemble", "shared-*", "*temporalio_sdk_core_c_bridge.*", "its description"),
    HandOver("assemble", "sdist", "*.tar.gz", "it cannot be read"),
    # Charts and numbers differ with each build.
    HandOver("assemble", "history", "build-history.json", None),
    HandOver("try", "release", "assets/*linux-arm64-v*.tar.gz", ALTERED),
    HandOver("swift", "release", "assets/*.artifactbundle.zip", ALTERED),
    # These two jobs run only pinned actions.
    HandOver("attest", "release", "dist/*aarch64.whl", None),
    HandOver("pypi", "pypi", "*aarch64.whl", None),
    HandOver("github-release", "release", "assets/*linux-arm64-v*.tar.gz", ALTERED),
    HandOver("published", "release", "requirements.txt", ALTERED),
)


def downloads(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each job that downloads an artifact, with the inputs of the action."""
    for job, content in workflow["jobs"].items():
        for step in steps_using(content, "actions/download-artifact"):
            yield job, step["with"]


def uploaded_as(workflow: dict[str, Any], expression: str) -> str:
    """The name of the artifact whose ID an expression refers to."""
    match = ID.fullmatch(expression)
    assert match, expression
    job = workflow["jobs"][match[1]]
    output = job["outputs"][match[2]]
    (step,) = [
        step
        for step in steps_using(job, "actions/upload-artifact")
        if output == f"${{{{ steps.{step.get('id')}.outputs.artifact-id }}}}"
    ]
    # An upload without files has no ID, and a download without an ID gets everything.
    assert step["with"]["if-no-files-found"] == "error"
    name: str = step["with"]["name"]
    return name


def test_tampering_is_tested_for_each_hand_over() -> None:
    workflow = read_workflow(WORKFLOW)
    found = []
    for job, inputs in downloads(workflow):
        assert inputs["digest-mismatch"] == "error"
        # The jobs of a matrix share their outputs, so only the names are known.
        if "pattern" in inputs:
            artifact = inputs["pattern"]
        else:
            assert inputs.keys() == {"artifact-ids", "path", "digest-mismatch"}
            artifact = uploaded_as(workflow, inputs["artifact-ids"])
        needed = workflow["jobs"][job]["needs"]
        expression = ID.fullmatch(inputs.get("artifact-ids", ""))
        assert expression is None or expression[1] in needed
        found.append((job, artifact))
    assert sorted(found) == sorted((one.job, one.artifact) for one in HANDOVERS)


@pytest.fixture
def started(start: StartRun, small: Path) -> tuple[WorkflowRun, Publisher]:
    """A run whose builds have also written their records."""
    run, publisher = start(small)
    record = run.tree.with_name("build-record.json")
    record.write_text(json.dumps(build_record("1.0.0")))
    run.artifacts.upload(f"record-{PLATFORM}", record)
    (wheel,) = small.glob("*manylinux*x86_64.whl")
    run.artifacts.upload("untested-windows-x64-gnu", wheel)
    for job in ("records", "published"):
        # Conditions on failed jobs, which WorkflowRun does not evaluate.
        run.workflow["jobs"][job].pop("if")
    return run, publisher


def fail(run: WorkflowRun, job: str, message: str) -> None:
    """Run a job in a fresh checkout, and check that it fails."""
    for step in steps_using(run.workflow["jobs"][job], "actions/download-artifact"):
        shutil.rmtree(run.tree / step["with"]["path"].split("/")[0], ignore_errors=True)
    with pytest.raises(StepError, match=message):
        run.job(job)


def tamper(artifact: Artifact, pattern: str) -> None:
    """Cut a file of an artifact in half."""
    (file,) = artifact.content.glob(pattern)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("handover", HANDOVERS, ids=lambda one: f"{one.job}-{one.artifact}")
def test_tampered_hand_over_stops_the_job(
    started: tuple[WorkflowRun, Publisher],
    handover: HandOver,
    loopback_index: UploadingIndex,
    github: GitHub,
) -> None:
    run, publisher = started
    job, pattern, file, check = handover
    if job not in ("records", "windows-test"):
        order = (*JOBS, "published")
        # The same artifact, at the same point.
        for before in order[: order.index("try" if job == "swift" else job)]:
            if before != "try":
                run.job(before)
    good = [one for one in run.artifacts.latest(pattern) if list(one.content.glob(file))][-1]

    def state() -> object:
        return loopback_index.names(), github.changes(), list(publisher.attested)

    before_tampering = state()

    # The stored bytes.
    tamper(good, file)
    fail(run, job, f"digest mismatch of the artifact {good.name}")

    # Another artifact of the same name with a valid digest. An ID belongs to one upload.
    by_id = not pattern.endswith("*")
    again = run.artifacts.upload(good.name, good.content)
    if by_id:
        fail(run, job, "there is no artifact with the id")
        run.artifacts.withdraw(again)
    # An ID whose upload and digest were replaced, which GitHub's comparison does not notice.
    if check is not None:
        run.artifacts.replace(good.name)
        fail(run, job, check)
    assert state() == before_tampering
