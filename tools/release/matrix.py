"""Matrices of the workflow, with one row per platform in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from temporal_static_libs._targets import TARGETS, Target
from tools.release.names import REQUIRED

#: GitHub's runners that use the artifact bundle, by platform. Their images have Swift 6.2 or newer;
#: the one that builds the wheel for macOS has an older Xcode by default.
SWIFT: Final = {"linux-x64": "ubuntu-24.04", "macos-arm64": "macos-26"}

# Any Python that cibuildwheel knows would work, because the wheels are py3-none.
_PYTHON: Final = "cp311"


class Row(TypedDict):
    """A platform, with the runner's label, cibuildwheel's name of the build, and `REQUIRED`.

    The name is empty for a platform whose wheel is cross-built without cibuildwheel.
    """

    platform: str
    runner: str
    identifier: str
    required: bool


def make_matrix(event: str, variables: Mapping[str, str]) -> list[Row]:
    """Return the rows, in the order of the table.

    Args:
        event: GitHub's name of the event. A pull request runs only on GitHub's machines, because
            anybody can write its code.
        variables: the repository's variables. `runner_variable` names those that are read.
    """
    own = {} if event == "pull_request" else variables
    return [
        {
            "platform": target.platform,
            "runner": own.get(runner_variable(target) or "") or target.runner,
            "identifier": "" if target.os == "windows" else build_identifier(target),
            "required": target.platform in REQUIRED,
        }
        for target in TARGETS
    ]


def rows_to_build(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that cibuildwheel builds natively."""
    return [row for row in rows if row["identifier"]]


def make_swift_matrix() -> list[dict[str, str]]:
    """Return the rows of `SWIFT`, each with platform and runner."""
    return [{"platform": platform, "runner": runner} for platform, runner in SWIFT.items()]


def build_identifier(target: Target) -> str:
    """Return cibuildwheel's name for the build of a target's wheel."""
    return f"{_PYTHON}-{target.wheel_tags[0].partition('_')[0]}_{target.machine}"


def runner_variable(target: Target) -> str | None:
    """Return the repository variable that replaces the runner of a target; only arm64 has one."""
    arm64 = target.architecture == "arm64"
    return f"{target.os}_{target.architecture}_RUNNER".upper() if arm64 else None
