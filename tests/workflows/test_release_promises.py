"""Guarantees of the workflows: pins, permissions, platforms, and the order of a release."""

from __future__ import annotations

import itertools
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import tomli

from temporal_static_libs._targets import TARGETS
from tests.support.ci.workflow_run import own_action, read_workflow, read_yaml, steps_using
from tools.release.matrix import make_matrix, runner_variable
from tools.release.names import REQUIRED

ROOT = Path(__file__).parents[2]
WORKFLOWS = {file.stem: file for file in (ROOT / ".github" / "workflows").glob("*.yml")}
ACTIONS = {file.parent.name: file for file in (ROOT / ".github" / "actions").glob("*/action.yml")}
FILES = [*WORKFLOWS.values(), *ACTIONS.values()]
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")

BUILDING = ("plan", "wheel", "windows-wheel", "windows-test", "sdist", "assemble", "try", "swift")
READING = ("settings", "records")
PUBLISHING = ("attest", "github-release", "pypi", "published")


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """The release workflow."""
    return read_workflow(WORKFLOWS["temporal-static-libraries"])


@pytest.fixture(scope="module")
def jobs(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its jobs."""
    found: dict[str, dict[str, Any]] = workflow["jobs"]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_actions_are_pinned_with_their_version_in_a_comment(file: Path) -> None:
    uses = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
    assert uses
    for action in uses:
        # Actions of this repository come from the same commit.
        if directory := own_action({"uses": action}):
            assert ROOT / directory / "action.yml" in ACTIONS.values(), action
        else:
            assert re.match(rf"{PINNED.pattern} # v\d+\.\d+\.\d+( |$)", action), action


def test_every_action_of_the_repository_is_used() -> None:
    used = {
        own_action(step)
        for file in WORKFLOWS.values()
        for job in read_yaml(file)["jobs"].values()
        for step in job["steps"]
    }
    assert used - {None} == {f".github/actions/{name}" for name in ACTIONS}


def test_jobs_install_the_makefiles_venvs() -> None:
    groups = tomli.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    venvs = {
        step["env"]["VENV"]
        for file in WORKFLOWS.values()
        for job in read_workflow(file)["jobs"].values()
        for step in job["steps"]
        if step.get("name") == "Create the venv"
    }
    assert {"audit", "bump", "cibuildwheel", "cross", "records", "release"} == venvs
    assert venvs <= groups.keys()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_permissions_concurrency_and_timeouts(name: str) -> None:
    content = read_workflow(WORKFLOWS[name])
    assert content["permissions"] == {}
    assert content["concurrency"]["group"]
    for job in content["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90
        for checkout in steps_using(job, "actions/checkout"):
            assert checkout["with"]["persist-credentials"] is False


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_no_workflow_has_secrets(file: Path) -> None:
    assert "secrets" not in file.read_text(encoding="utf-8")


def test_only_publishing_jobs_may_write(jobs: dict[str, dict[str, Any]]) -> None:
    assert set(jobs) == {*BUILDING, *READING, *PUBLISHING}
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        **{name: {"contents": "read"} for name in (*BUILDING, "records", "published")},
        "settings": {"actions": "read", "contents": "read"},
        "attest": {"attestations": "write", "id-token": "write"},
        "github-release": {"contents": "write"},
        "pypi": {"id-token": "write"},
    }
    # A job that can get a token runs only pinned actions, none of them from this repository.
    as_written = read_yaml(WORKFLOWS["temporal-static-libraries"])["jobs"]
    for name in ("attest", "pypi"):
        for step in as_written[name]["steps"]:
            assert "run" not in step
            assert PINNED.fullmatch(step["uses"]), step
        assert not steps_using(jobs[name], "actions/checkout")
    tokens = [name for name, job in jobs.items() if "github.token" in str(job)]
    assert tokens == [*READING, "github-release"]


def test_environments_can_require_a_reviewer(jobs: dict[str, dict[str, Any]]) -> None:
    found = {name: job["environment"] for name, job in jobs.items() if "environment" in job}
    assert found == {"github-release": "github", "pypi": "pypi"}


def test_triggers(workflow: dict[str, Any]) -> None:
    triggers = workflow["on"]
    assert triggers["push"]["tags"] == ["temporal-libs-v*"]
    assert ".github/actions/**" in triggers["pull_request"]["paths"]
    inputs = triggers["workflow_dispatch"]["inputs"]
    assert inputs["version"]["required"] is True
    assert inputs["dry-run"]["default"] is True


def test_platform_jobs_use_the_rows_of_the_plan(
    jobs: dict[str, dict[str, Any]],
) -> None:
    outputs = {"wheel": "builds", "try": "platforms", "swift": "swift", "published": "platforms"}
    found = {name: job["strategy"] for name, job in jobs.items() if "strategy" in job}
    assert list(found) == list(outputs)
    for name, output in outputs.items():
        assert jobs["plan"]["outputs"][output] == f"${{{{ steps.plan.outputs.{output} }}}}"
        rows = {"include": f"${{{{ fromJSON(needs.plan.outputs.{output}) }}}}"}
        assert found[name] == {"fail-fast": False, "matrix": rows}
        assert "plan" in jobs[name]["needs"]
        assert jobs[name]["runs-on"] == "${{ matrix.runner }}"


def test_plan_gets_the_variables_that_name_runners(jobs: dict[str, dict[str, Any]]) -> None:
    (step,) = [step for step in jobs["plan"]["steps"] if step.get("id") == "plan"]
    told = {name: value for name, value in step["env"].items() if "vars." in value}
    names = {runner_variable(target) for target in TARGETS} - {None}
    assert told == {name: f"${{{{ vars.{name} }}}}" for name in names}
    # No other job gets them.
    assert str(jobs).count("vars.") == len(told)


def test_first_three_platforms_are_required(jobs: dict[str, dict[str, Any]]) -> None:
    rows = make_matrix("push", {})
    assert tuple(row["platform"] for row in rows if row["required"]) == REQUIRED
    assert tuple(target.platform for target in TARGETS[:3]) == REQUIRED
    found = {
        name: job["continue-on-error"] for name, job in jobs.items() if "continue-on-error" in job
    }
    assert found == {
        "wheel": "${{ !matrix.required }}",
        "windows-wheel": True,
        "windows-test": True,
    }
    assert not any(name.startswith("windows-") for name in REQUIRED)


def test_order_of_a_release(jobs: dict[str, dict[str, Any]]) -> None:
    """Each job waits for the previous one. PyPI is last, because nothing can be undone there."""
    order = ["plan", "wheel", "assemble", "try", "attest", "github-release", "pypi", "published"]
    for before, after in itertools.pairwise(order):
        assert before in jobs[after]["needs"], after
    assert {"sdist", "records", "windows-test"} <= set(jobs["assemble"]["needs"])
    assert "windows-wheel" in jobs["windows-test"]["needs"]
    assert {"settings", "swift"} <= set(jobs["attest"]["needs"])
    assert "assemble" in jobs["swift"]["needs"]
    # Without a condition, or with a comparison, a job does not run after a failed one.
    for job in (*BUILDING, "settings", "attest", "github-release", "pypi"):
        assert re.fullmatch(r"|needs\.[\w.-]+ == 'true'", jobs[job].get("if", "")), job
    assert "needs.github-release.result == 'success'" in jobs["published"]["if"]


def test_release_uses_no_cache(jobs: dict[str, dict[str, Any]]) -> None:
    caches = [step for job in jobs.values() for step in steps_using(job, "actions/cache")]
    assert len(caches) == 3
    assert all(step["if"] == "needs.plan.outputs.release != 'true'" for step in caches)
    # It also uses no action that has a cache in addition to its purpose.
    for job in jobs.values():
        for step in steps_using(job, "actions/setup-python"):
            assert step["with"] == {"python-version": "3.13"}


def test_wheel_for_windows_gets_its_final_name_only_after_its_test(
    jobs: dict[str, dict[str, Any]],
) -> None:
    (pattern,) = [
        step["with"]["pattern"]
        for step in steps_using(jobs["assemble"], "actions/download-artifact")
        if step["with"]["path"] == "dist/release"
        if "pattern" in step["with"]
    ]
    uploads = {
        name: [step["with"]["name"] for step in steps_using(jobs[name], "actions/upload-artifact")]
        for name in ("windows-wheel", "windows-test")
    }
    assert not [name for name in uploads["windows-wheel"] if fnmatch(name, pattern)]
    assert uploads["windows-test"] == ["wheel-windows-x64-gnu"]
    assert fnmatch("wheel-windows-x64-gnu", pattern)
    # The wheel is last, because a release with this wheel also needs its shared library.
    assert [name.partition("-")[0] for name in uploads["windows-wheel"]][-2:] == [
        *("shared", "untested")
    ]
    # In the order of the steps, because a failed step prevents later uploads.
    test, upload = jobs["windows-test"]["steps"][-2:]
    assert test["run"] == "sh tools/wheel/test_on_windows.sh untested"
    assert upload["with"]["path"] == "untested/*.whl"
    assert "if" not in upload


def test_steps_on_windows_use_bash(jobs: dict[str, dict[str, Any]]) -> None:
    """The default shell there is PowerShell."""
    rows = make_matrix("push", {})
    assert {row["runner"] for row in rows if row["platform"].startswith("windows")} == {
        jobs["windows-test"]["runs-on"]
    }
    for name in ("windows-test", "try", "published"):
        scripts = [step for step in jobs[name]["steps"] if "run" in step]
        assert scripts
        assert all(step["shell"] == "bash" for step in scripts), name


def test_archives_for_visual_c_are_not_released() -> None:
    content = read_workflow(WORKFLOWS["windows-msvc"])
    assert content["on"].keys() == {"schedule", "workflow_dispatch"}
    assert all("msvc" not in target.platform for target in TARGETS)


def test_pypi_gets_only_trusted_publishing(jobs: dict[str, dict[str, Any]]) -> None:
    (upload,) = steps_using(jobs["pypi"], "pypa/gh-action-pypi-publish")
    assert upload["with"] == {"packages-dir": "pypi", "skip-existing": True}


def test_page_names_the_workflow_that_signs() -> None:
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    (name,) = re.findall(r"--signer-workflow \S+?/(\.github/workflows/\S+)", page)
    signing = {
        file
        for file in WORKFLOWS.values()
        for job in read_workflow(file)["jobs"].values()
        if "attestations" in job["permissions"]
    }
    assert signing == {ROOT / name}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_step_runs_one_script_or_make_target(name: str) -> None:
    """Tests run scripts and targets, but cannot run shell code inside a workflow."""
    known = (
        r"(make [\w./-]+|make \"\.venv/\$VENV/\.ready\"|sh tools/\w+/\w+\.sh\b.*|\.ci/run"
        r"|\.venv/\w+/bin/python -m tools\.(release|bump|shared) .*)"
    )
    for job in read_workflow(WORKFLOWS[name])["jobs"].values():
        for step in job["steps"]:
            assert "run" not in step or re.fullmatch(known, step["run"]), step["run"]


def test_zizmor_has_the_version_that_the_tests_use() -> None:
    (step,) = steps_using(
        read_workflow(WORKFLOWS["zizmor"])["jobs"]["zizmor"], "zizmorcore/zizmor-action"
    )
    tools = tomli.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["test-tools"]
    assert any(tool.startswith(f"zizmor=={step['with']['version']};") for tool in tools)
    assert step["with"]["persona"] == "auditor"
