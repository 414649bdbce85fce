"""Repository settings that a release relies on, as far as any token can read them.

docs/releasing.md lists all settings, including those that only an administrator can read.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any, Final

from tools import ToolError
from tools.release.names import tag_of

#: The environments of the publishing jobs.
ENVIRONMENTS: Final = ("github", "pypi")
TAGS: Final = tag_of("*")

_MAIN_RULES: Final = ("deletion", "non_fast_forward", "required_status_checks")
_TAG_RULES: Final = ("creation", "deletion", "update")
_POLICIES: Final = {("branch", "main"), ("tag", TAGS)}


def check_settings() -> None:
    """Check the settings with ``gh``, which reads GH_REPO and GH_TOKEN.

    Raises:
        ToolError: a setting differs from docs/releasing.md, or cannot be read.
    """
    problems = [*_branch_problems(), *_tag_problems(), *_environment_problems()]
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ToolError(f"settings that a release relies on, see docs/releasing.md:{lines}")


def _branch_problems() -> Iterator[str]:
    rules = {rule["type"]: rule.get("parameters", {}) for rule in _read("rules/branches/main")}
    for name in _MAIN_RULES:
        if name not in rules:
            yield f"main: the rule {name} is missing"
    reviews = rules.get("pull_request", {})
    if not reviews.get("required_approving_review_count"):
        yield "main: the rule pull_request does not require an approval"
    if not reviews.get("require_code_owner_review"):
        yield "main: the rule pull_request does not require a review from code owners"


def _tag_problems() -> Iterator[str]:
    found: set[str] = set()
    for listed in _read("rulesets"):
        if listed["target"] == "tag" and listed["enforcement"] == "active":
            ruleset = _read(f"rulesets/{listed['id']}")
            names = ruleset["conditions"]["ref_name"]
            included = {"~ALL", f"refs/tags/{TAGS}"} & set(names["include"])
            if included and not names["exclude"]:
                found |= {rule["type"] for rule in ruleset["rules"]}
    for name in _TAG_RULES:
        if name not in found:
            yield f"tags {TAGS}: the rule {name} is missing"


def _environment_problems() -> Iterator[str]:
    environments = {one["name"]: one for one in _read("environments")["environments"]}
    for name in ENVIRONMENTS:
        environment = environments.get(name)
        if environment is None:
            yield f"environment {name}: it does not exist"
            continue
        reviews = [
            rule
            for rule in environment["protection_rules"]
            if rule["type"] == "required_reviewers" and rule["reviewers"]
        ]
        if not reviews:
            yield f"environment {name}: it has no required reviewers"
        policy = environment["deployment_branch_policy"]
        if policy is None or not policy["custom_branch_policies"]:
            yield f"environment {name}: it is not limited to main and to tags {TAGS}"
            continue
        policies = _read(f"environments/{name}/deployment-branch-policies")["branch_policies"]
        allowed = {(one.get("type", "branch"), one["name"]) for one in policies}
        for kind, pattern in sorted(allowed - _POLICIES):
            yield f"environment {name}: it allows the {kind} {pattern}"


def _read(path: str) -> Any:
    command = ["gh", "api", f"repos/{{owner}}/{{repo}}/{path}?per_page=100"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"cannot run gh, GitHub's command-line tool: {error.strerror}") from None
    if done.returncode != 0:
        raise ToolError(f"{path} cannot be read: {done.stderr.strip()}")
    return json.loads(done.stdout)
