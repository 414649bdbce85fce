"""Runs jobs of a workflow on this machine: their scripts as they are, in the order that they have.

What an action does with files is done here: artifacts are directories. Expressions are looked up,
not evaluated, but for a comparison of one with a literal.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")
_COMPARISON = re.compile(r"(\S+) (==|!=) '([^']*)'")

Step = dict[str, Any]


def read_workflow(file: Path) -> dict[str, Any]:
    """A workflow, read as YAML 1.2, in which ``on`` is a string."""
    content: dict[str, Any] = YAML(typ="safe").load(file)
    return content


def steps_using(job: Mapping[str, Any], action: str) -> list[Step]:
    """The steps of a job that use an action, whichever version."""
    return [step for step in job["steps"] if step.get("uses", "").startswith(f"{action}@")]


class StepError(Exception):
    """A step failed. The message holds its name and what it printed."""


@dataclass
class WorkflowRun:
    """One run of a workflow.

    Attributes:
        workflow: as `read_workflow` returns it.
        tree: what is checked out.
        artifacts: has a directory for each artifact.
        context: expressions, and what they are.
        environ: variables of every step.
        actions: what stands for an action that does more than move files, by its name; called with
            the step's inputs and the tree.
        ran: names of the jobs that ran.
    """

    workflow: dict[str, Any]
    tree: Path
    artifacts: Path
    context: dict[str, str]
    environ: dict[str, str]
    actions: dict[str, Callable[[dict[str, str], Path], None]]
    ran: list[str] = field(default_factory=list)

    def job(self, name: str) -> bool:
        """Run a job, unless its condition is false.

        Raises:
            StepError: a step failed.
        """
        job = self.workflow["jobs"][name]
        if not self._holds(job.get("if")):
            return False
        self.ran.append(name)
        outputs: dict[str, str] = {}
        for step in job["steps"]:
            if self._holds(step.get("if")):
                self._step(step, outputs)
        for output, expression in job.get("outputs", {}).items():
            self.context[f"needs.{name}.outputs.{output}"] = self._filled(expression, outputs)
        return True

    def _step(self, step: Step, outputs: dict[str, str]) -> None:
        if "run" in step:
            self._script(step, outputs)
            return
        action = step["uses"].partition("@")[0]
        inputs = {key: self._filled(str(value)) for key, value in step.get("with", {}).items()}
        if action == "actions/download-artifact":
            for found in sorted(self.artifacts.glob(inputs.get("name") or inputs["pattern"])):
                shutil.copytree(found, self.tree / inputs["path"], dirs_exist_ok=True)
        elif action == "actions/upload-artifact":
            shutil.copytree(self.tree / inputs["path"], self.artifacts / inputs["name"])
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
            outputs[f"steps.{step['id']}.outputs.{name}"] = value
            self.context[f"steps.{step['id']}.outputs.{name}"] = value

    def _holds(self, condition: str | None) -> bool:
        if condition is None:
            return True
        match = _COMPARISON.fullmatch(condition)
        assert match, f"a condition that is not a comparison: {condition}"
        found = self.context.get(match[1], "")
        return (found == match[3]) == (match[2] == "==")

    def _filled(self, text: str, outputs: Mapping[str, str] | None = None) -> str:
        known = {**self.context, **(outputs or {})}
        return _EXPRESSION.sub(lambda match: known.get(match[1], ""), text)
