"""The settings of the repository that a release relies on."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.ci.github_stand_in import GitHub
from tests.support.ci.release_run import StartRun
from tests.support.ci.workflow_run import StepError, read_workflow
from tools import ToolError
from tools.release import settings

ROOT = Path(__file__).parents[2]
Settings = dict[str, Any]

# In GitHub's format, without the fields that are not checked.
ENVIRONMENT = {
    "protection_rules": [
        {"type": "required_reviewers", "reviewers": [{"type": "Team", "reviewer": {"id": 1}}]},
        {"type": "branch_policy"},
    ],
    "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
}
POLICIES = {
    "branch_policies": [
        {"name": "main", "type": "branch"},
        {"name": "temporal-libs-v*", "type": "tag"},
    ]
}
GOOD: Settings = {
    "rules/branches/main": [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {"type": "required_status_checks", "parameters": {}},
        {
            "type": "pull_request",
            "parameters": {"required_approving_review_count": 1, "require_code_owner_review": True},
        },
    ],
    "rulesets": [
        {"id": 7, "target": "branch", "enforcement": "active"},
        {"id": 8, "target": "tag", "enforcement": "active"},
    ],
    "rulesets/8": {
        "conditions": {"ref_name": {"include": ["refs/tags/temporal-libs-v*"], "exclude": []}},
        "rules": [{"type": "creation"}, {"type": "update"}, {"type": "deletion"}],
    },
    "environments": {
        "environments": [{"name": name, **ENVIRONMENT} for name in ("github", "pypi")]
    },
    "environments/github/deployment-branch-policies": POLICIES,
    "environments/pypi/deployment-branch-policies": POLICIES,
}


def rule_of_main(found: Settings, name: str) -> dict[str, Any]:
    (rule,) = [one for one in found["rules/branches/main"] if one["type"] == name]
    assert isinstance(rule, dict)
    return rule


def without(name: str) -> Callable[[Settings], object]:
    """Remove a rule of main."""
    return lambda found: found["rules/branches/main"].remove(rule_of_main(found, name))


def reviewed(name: str, value: object) -> Callable[[Settings], object]:
    """Change a parameter of the reviews."""
    return lambda found: rule_of_main(found, "pull_request")["parameters"].update({name: value})


def of_tags(key: str, value: object) -> Callable[[Settings], object]:
    """Change the ruleset of the tags."""
    return lambda found: found["rulesets/8"].update({key: value})


def of_pypi(key: str, value: object) -> Callable[[Settings], object]:
    """Change an environment."""
    return lambda found: found["environments"]["environments"][1].update({key: value})


def policy(kind: str, name: str) -> Callable[[Settings], object]:
    """Allow another branch or tag to use an environment."""
    path = "environments/github/deployment-branch-policies"
    return lambda found: found[path]["branch_policies"].append({"type": kind, "name": name})


ALL_TAGS = {"ref_name": {"include": ["~ALL"], "exclude": ["refs/tags/temporal-libs-v1*"]}}


def test_documented_settings_are_accepted(github: GitHub) -> None:
    github.settings = GOOD
    settings.check_settings()
    assert github.changes() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("deletion"), "main: the rule deletion is missing"),
        (without("non_fast_forward"), "main: the rule non_fast_forward is missing"),
        (without("required_status_checks"), "main: the rule required_status_checks is missing"),
        (without("pull_request"), "main: the rule pull_request does not require an approval"),
        (reviewed("required_approving_review_count", 0), "does not require an approval"),
        (reviewed("require_code_owner_review", False), "a review from code owners"),
        (of_tags("rules", [{"type": "update"}]), r"tags temporal-libs-v\*: the rule creation is"),
        (of_tags("conditions", ALL_TAGS), r"tags temporal-libs-v\*: the rule update is missing"),
        (lambda found: found["rulesets"][1].update(enforcement="evaluate"), "the rule deletion is"),
        (lambda found: found["environments"]["environments"].pop(), "pypi: it does not exist"),
        (of_pypi("protection_rules", []), "environment pypi: it has no required reviewers"),
        (of_pypi("deployment_branch_policy", None), "environment pypi: it is not limited to main"),
        (policy("branch", "release/*"), r"environment github: it allows the branch release/\*"),
        (policy("tag", "v*"), r"environment github: it allows the tag v\*"),
        (lambda found: found.pop("rulesets/8"), "rulesets/8 cannot be read: "),
    ],
)
def test_different_setting_stops_the_release(
    github: GitHub, change: Callable[[Settings], object], message: str
) -> None:
    github.settings = copy.deepcopy(GOOD)
    change(github.settings)
    with pytest.raises(ToolError, match=message):
        settings.check_settings()


def test_job_of_the_workflow_checks_the_settings(
    start: StartRun, small: Path, github: GitHub
) -> None:
    github.settings = copy.deepcopy(GOOD)
    run, _ = start(small)
    run.job("plan")
    assert run.job("settings")
    of_pypi("protection_rules", [])(github.settings)
    with pytest.raises(StepError, match="environment pypi: it has no required reviewers"):
        run.job("settings")


def test_checked_environments_are_those_of_the_workflow() -> None:
    jobs = read_workflow(ROOT / ".github/workflows/temporal-static-libraries.yml")["jobs"]
    used = {job["environment"] for job in jobs.values() if "environment" in job}
    assert used == set(settings.ENVIRONMENTS)


def test_codeowners_team_is_in_the_table_of_settings() -> None:
    lines = (ROOT / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    (rule,) = [line for line in lines if not line.startswith("#")]
    match = re.fullmatch(r"\* @temporal-static-libs/(\w+)", rule)
    assert match
    page = (ROOT / "docs/releasing.md").read_text(encoding="utf-8")
    assert f"| organization | team `{match[1]}`, with write access" in page
