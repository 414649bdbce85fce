"""What the workflows promise: pins, permissions, platforms, and the order of a release."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from release.names import REQUIRED
from workflow_run import read_workflow, steps_using

from temporal_static_libs._targets import TARGETS

ROOT = Path(__file__).parents[2]
WORKFLOWS = {file.stem: file for file in (ROOT / ".github" / "workflows").glob("*.yml")}

BUILDING = ("plan", "wheel", "sdist", "assemble", "try")
READING = ("records",)
PUBLISHING = ("attest", "github-release", "pypi", "published")


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """The one that releases."""
    return read_workflow(WORKFLOWS["temporal-static-libraries"])


@pytest.fixture(scope="module")
def jobs(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its jobs."""
    found: dict[str, dict[str, Any]] = workflow["jobs"]
    return found


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_with_their_version_beside(name: str) -> None:
    uses = re.findall(r"uses: (.+)", WORKFLOWS[name].read_text(encoding="utf-8"))
    assert uses
    for action in uses:
        assert re.match(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+( |$)", action), action


@pytest.mark.parametrize("name", WORKFLOWS)
def test_permissions_concurrency_and_timeouts(name: str) -> None:
    content = read_workflow(WORKFLOWS[name])
    assert content["permissions"] == {}
    assert content["concurrency"]["group"]
    for job in content["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90
        for checkout in steps_using(job, "actions/checkout"):
            assert checkout["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_workflow_has_secrets(name: str) -> None:
    assert "secrets" not in WORKFLOWS[name].read_text(encoding="utf-8")


def test_only_jobs_that_publish_may_write(jobs: dict[str, dict[str, Any]]) -> None:
    assert set(jobs) == {*BUILDING, *READING, *PUBLISHING}
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        **{name: {"contents": "read"} for name in (*BUILDING, *READING, "published")},
        "attest": {"attestations": "write", "id-token": "write"},
        "github-release": {"contents": "write"},
        "pypi": {"id-token": "write"},
    }
    # Where a token can be had, nothing runs but pinned actions.
    for name in ("attest", "pypi"):
        assert all("uses" in step for step in jobs[name]["steps"])
    tokens = [name for name, job in jobs.items() if "github.token" in str(job)]
    assert tokens == [*READING, "github-release"]


def test_environments_can_ask_for_a_reviewer(jobs: dict[str, dict[str, Any]]) -> None:
    found = {name: job["environment"] for name, job in jobs.items() if "environment" in job}
    assert found == {"github-release": "github", "pypi": "pypi"}


def test_triggers(workflow: dict[str, Any]) -> None:
    triggers = workflow["on"]
    assert triggers["push"]["tags"] == ["temporal-libs-v*"]
    inputs = triggers["workflow_dispatch"]["inputs"]
    assert inputs["version"]["required"] is True
    assert inputs["dry-run"]["default"] is True


@pytest.mark.parametrize("job", ["wheel", "try", "published"])
def test_every_platform_has_a_row(jobs: dict[str, dict[str, Any]], job: str) -> None:
    rows = jobs[job]["strategy"]["matrix"]["include"]
    assert [row["platform"] for row in rows] == [target.platform for target in TARGETS]
    builders = jobs["wheel"]["strategy"]["matrix"]["include"]
    assert [row["runner"] for row in rows] == [row["runner"] for row in builders]
    assert jobs[job]["runs-on"] == "${{ matrix.runner }}"
    assert jobs[job]["strategy"]["fail-fast"] is False


def test_first_three_platforms_are_required(jobs: dict[str, dict[str, Any]]) -> None:
    rows = jobs["wheel"]["strategy"]["matrix"]["include"]
    assert tuple(row["platform"] for row in rows if row["required"]) == REQUIRED
    assert tuple(target.platform for target in TARGETS[:3]) == REQUIRED
    assert jobs["wheel"]["continue-on-error"] == "${{ !matrix.required }}"
    assert all("continue-on-error" not in job for name, job in jobs.items() if name != "wheel")


def test_order_of_a_release(jobs: dict[str, dict[str, Any]]) -> None:
    """Each job waits for the one before; PyPI, where nothing can be taken back, is last."""
    order = ["plan", "wheel", "assemble", "try", "attest", "github-release", "pypi", "published"]
    for before, after in itertools.pairwise(order):
        assert before in jobs[after]["needs"], after
    assert {"sdist", "records"} <= set(jobs["assemble"]["needs"])
    # Without a condition of its own, or with a comparison, a job does not run after a failed one.
    for job in (*BUILDING, "attest", "github-release", "pypi"):
        assert re.fullmatch(r"|needs\.[\w.-]+ == 'true'", jobs[job].get("if", "")), job
    assert "needs.github-release.result == 'success'" in jobs["published"]["if"]


def test_nothing_that_is_released_comes_from_a_cache(jobs: dict[str, dict[str, Any]]) -> None:
    caches = [step for job in jobs.values() for step in steps_using(job, "actions/cache")]
    assert len(caches) == 2
    assert all(step["if"] == "needs.plan.outputs.release != 'true'" for step in caches)


def test_trusted_publishing_is_all_that_pypi_is_told(jobs: dict[str, dict[str, Any]]) -> None:
    (upload,) = steps_using(jobs["pypi"], "pypa/gh-action-pypi-publish")
    assert upload["with"] == {"packages-dir": "pypi", "skip-existing": True}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_step_runs_one_script_or_make_target(name: str) -> None:
    """What those do, tests run; a workflow's own shell, nobody would."""
    known = (
        r"(make [\w./-]+|sh tools/\w+\.sh\b.*|\.ci/run|\.venv/\w+/bin/python -m (release|bump) .*)"
    )
    for job in read_workflow(WORKFLOWS[name])["jobs"].values():
        for step in job["steps"]:
            assert "run" not in step or re.fullmatch(known, step["run"]), step["run"]


def test_zizmor_is_the_one_of_the_tests() -> None:
    (step,) = steps_using(
        read_workflow(WORKFLOWS["zizmor"])["jobs"]["zizmor"], "zizmorcore/zizmor-action"
    )
    tools = tomli.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["test-tools"]
    assert any(tool.startswith(f"zizmor=={step['with']['version']};") for tool in tools)
    assert step["with"]["persona"] == "pedantic"
