"""Runs jobs of a workflow on this machine, with their unchanged scripts, in order.

`ArtifactStore` replaces the actions for artifacts. Expressions are looked up, not evaluated, except
comparisons with a literal, and matrices made by a job.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.ci.artifacts import ArtifactError, ArtifactStore

_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")
_COMPARISON = re.compile(r"(\S+) (==|!=) '([^']*)'")
_FROM_JSON = re.compile(r"\$\{\{ fromJSON\((\S+)\) \}\}")
# An action of this repository, at the commit of the workflow.
_OWN_ACTION = "$/"

Step = dict[str, Any]


def read_workflow(file: Path) -> dict[str, Any]:
    """Read a workflow, and replace uses of the repository's own actions by their steps."""
    content = read_yaml(file)
    root = file.parents[2]
    for job in content["jobs"].values():
        job["steps"] = [found for step in job["steps"] for found in _expanded(step, root)]
    return content


def read_yaml(file: Path) -> dict[str, Any]:
    """Read YAML 1.2, where ``on`` is a string."""
    content: dict[str, Any] = YAML(typ="safe").load(file)
    return content


def own_action(step: Step) -> str | None:
    """Return the directory of the repository's own action that a step uses, if it uses one."""
    uses: str = step.get("uses", "")
    return uses.removeprefix(_OWN_ACTION) if uses.startswith(_OWN_ACTION) else None


def _expanded(step: Step, root: Path) -> list[Step]:
    directory = own_action(step)
    if directory is None:
        return [step]
    action = read_yaml(root / directory / "action.yml")
    assert action["runs"]["using"] == "composite"
    declared, given = action["inputs"], step.get("with", {})
    assert given.keys() <= declared.keys(), f"{directory} has no such input: {given}"
    required = {name for name, about in declared.items() if about.get("required")}
    assert required <= given.keys(), f"{directory} requires {required}"
    inputs = {
        f"inputs.{name}": str(given.get(name, about.get("default", "")))
        for name, about in declared.items()
    }
    steps = []
    for inner in action["runs"]["steps"]:
        found = _with_inputs(inner, inputs)
        condition = found.pop("if", None)
        assert condition is None or condition.split()[0] in inputs, (
            f"the condition is not about an input: {condition}"
        )
        if holds(condition, inputs):
            steps.append({**found, "if": step["if"]} if "if" in step else found)
    return steps


def _with_inputs(value: Any, inputs: Mapping[str, str]) -> Any:
    """Fill in inputs everywhere; leave other expressions for the job."""
    if isinstance(value, dict):
        return {key: _with_inputs(one, inputs) for key, one in value.items()}
    if isinstance(value, str):
        return _EXPRESSION.sub(lambda match: inputs.get(match[1], match[0]), value)
    return value


def holds(condition: str | None, context: Mapping[str, str]) -> bool:
    """Return whether a condition is true; expressions that the context lacks are empty."""
    if condition is None:
        return True
    match = _COMPARISON.fullmatch(condition)
    assert match, f"a condition that is not a comparison: {condition}"
    return (context.get(match[1], "") == match[3]) == (match[2] == "==")


def steps_using(job: Mapping[str, Any], action: str) -> list[Step]:
    """Return the steps of a job that use an action, in any version."""
    return [step for step in job["steps"] if step.get("uses", "").startswith(f"{action}@")]


class StepError(Exception):
    """A step failed. The message has its name and output."""


@dataclass
class WorkflowRun:
    """A run of a workflow.

    Attributes:
        workflow: as `read_workflow` returns it.
        tree: the checked-out tree.
        artifacts: the uploads of the jobs.
        context: the values of expressions.
        environ: variables for every step.
        platform: the platform whose row of the matrix is run.
        actions: stand-ins for actions other than those for files, by name; called with the
            step's inputs and the tree.
        ran: the names of the jobs that ran.
    """

    workflow: dict[str, Any]
    tree: Path
    artifacts: ArtifactStore
    context: dict[str, str]
    environ: dict[str, str]
    platform: str
    actions: dict[str, Callable[[dict[str, str], Path], None]]
    ran: list[str] = field(default_factory=list)

    def job(self, name: str) -> bool:
        """Run a job, unless its condition is false.

        Raises:
            StepError: a step failed.
        """
        job = self.workflow["jobs"][name]
        if not self.holds(job.get("if")):
            return False
        self.ran.append(name)
        if "strategy" in job:
            self.context.update(self._row(job["strategy"]["matrix"]["include"]))
        outputs: dict[str, str] = {}
        for step in job["steps"]:
            if self.holds(step.get("if")):
                self._step(step, outputs)
        for output, expression in job.get("outputs", {}).items():
            self.context[f"needs.{name}.outputs.{output}"] = self._filled(expression, outputs)
        return True

    def _step(self, step: Step, outputs: dict[str, str]) -> None:
        if "run" in step:
            self._script(step, outputs)
            return
        action = step["uses"].partition("@")[0]
        inputs = {
            # GitHub's format of a boolean.
            key: str(value).lower() if isinstance(value, bool) else self._filled(str(value))
            for key, value in step.get("with", {}).items()
        }
        if action == "actions/download-artifact":
            try:
                self.artifacts.download(inputs, self.tree / inputs["path"])
            except ArtifactError as error:
                raise StepError(f"{action}: {error}") from None
        elif action == "actions/upload-artifact":
            made = self.artifacts.upload(inputs["name"], self.tree / inputs["path"])
            if "id" in step:
                self._output(step, outputs, "artifact-id", made.number)
        elif action not in ("actions/checkout", "actions/setup-python"):
            self.actions[action](inputs, self.tree)

    def _script(self, step: Step, outputs: dict[str, str]) -> None:
        file = self.tree.with_name("github-output")
        file.write_text("")
        environ = {key: self._filled(value) for key, value in step.get("env", {}).items()}
        paths = [environ.pop("PYTHONPATH", ""), self.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.tree,
            env={
                **os.environ,
                **self.environ,
                **environ,
                "GITHUB_OUTPUT": str(file),
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StepError(f"{step['name']}: {done.stdout}")
        for line in file.read_text().splitlines():
            name, _, value = line.partition("=")
            self._output(step, outputs, name, value)

    def _output(self, step: Step, outputs: dict[str, str], name: str, value: str) -> None:
        outputs[f"steps.{step['id']}.outputs.{name}"] = value
        self.context[f"steps.{step['id']}.outputs.{name}"] = value

    def holds(self, condition: str | None) -> bool:
        """Return whether a condition is true at this point of the run."""
        return holds(condition, self.context)

    def _row(self, include: str) -> dict[str, str]:
        match = _FROM_JSON.fullmatch(include)
        assert match, f"a matrix that no job has made: {include}"
        rows = json.loads(self.context[match[1]])
        (row,) = [row for row in rows if row["platform"] == self.platform]
        return {f"matrix.{name}": str(value) for name, value in row.items()}

    def _filled(self, text: str, outputs: Mapping[str, str] | None = None) -> str:
        known = {**self.context, **(outputs or {})}
        return _EXPRESSION.sub(lambda match: known.get(match[1], ""), text)
