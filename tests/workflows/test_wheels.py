"""The wheels that the workflow builds: one for each platform, as configured in pyproject.toml."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli

from temporal_static_libs._settings import BUILD_RECORD
from temporal_static_libs._targets import TARGETS, Target
from tests.support.ci.workflow_run import read_workflow
from tools.release.matrix import make_matrix, rows_to_build
from tools.wheel.rehearse import RECORD

ROOT = Path(__file__).parents[2]
ROWS = {row["platform"]: row for row in make_matrix("push", {})}
ITSELF = [target for target in TARGETS if target.os != "windows"]
"""Targets whose wheels cibuildwheel builds natively."""


def workflow(name: str) -> dict[str, Any]:
    """A parsed workflow."""
    return read_workflow(ROOT / ".github" / "workflows" / f"{name}.yml")


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    """The configuration of cibuildwheel in pyproject.toml."""
    content = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = content["tool"]["cibuildwheel"]
    return found


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """The job that builds wheels."""
    found: dict[str, Any] = workflow("temporal-static-libraries")["jobs"]["wheel"]
    return found


def identifier(target: Target) -> str:
    """The identifier that cibuildwheel has for a platform and the Python that builds the wheels."""
    if target.os == "windows":  # cross-built, without cibuildwheel
        return ""
    libc = {"glibc": "manylinux", "musl": "musllinux", "macos": "macosx"}[target.floor_name]
    return f"cp311-{libc}_{target.machine}"


def cibuildwheel(*arguments: str) -> list[str]:
    """The output of cibuildwheel for the tree."""
    if importlib.util.find_spec("cibuildwheel") is None:
        pytest.skip("cibuildwheel is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", *arguments, str(ROOT)],
        env={name: value for name, value in os.environ.items() if not name.startswith("CIBW_")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_matrix_has_a_row_for_every_platform() -> None:
    assert [(row["platform"], row["identifier"]) for row in ROWS.values()] == [
        (target.platform, identifier(target)) for target in TARGETS
    ]


def test_cibuildwheel_builds_only_native_rows() -> None:
    rows = rows_to_build(list(ROWS.values()))
    assert [row["platform"] for row in rows] == [target.platform for target in ITSELF]


def test_release_page_lists_the_rows() -> None:
    page = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| (\S+) \| `(\S+)` \| `(\S+)` \| ", page, re.MULTILINE)
    assert documented == [
        (row["platform"], row["identifier"], row["runner"])
        for row in rows_to_build(list(ROWS.values()))
    ]


def test_one_wheel_per_platform_is_built() -> None:
    """It is set to build nothing else, on any machine."""
    found = [
        name
        for system in ("linux", "macos", "windows")
        for name in cibuildwheel("--platform", system, "--archs", "all")
    ]
    assert sorted(found) == sorted(identifier(target) for target in ITSELF)


@pytest.mark.parametrize("target", ITSELF, ids=lambda target: target.platform)
def test_cibuildwheel_knows_the_identifier_of_each_row(target: Target) -> None:
    name = ROWS[target.platform]["identifier"]
    assert cibuildwheel("--only", name) == [name]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.platform)
def test_runner_has_the_platforms_system_and_processor(target: Target) -> None:
    """Programs that test the wheel run natively, without emulation."""
    if target.os == "windows":
        expected = r"windows-\d+"
    elif target.os == "linux":
        expected = r"ubuntu-[\d.]+-arm" if target.architecture == "arm64" else r"ubuntu-[\d.]+"
    else:
        expected = r"macos-\d+" if target.architecture == "arm64" else r"macos-\d+-intel"
    assert re.fullmatch(expected, ROWS[target.platform]["runner"])


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_variable_can_name_the_runner(event: str) -> None:
    variables = {f"{target.os}_{target.architecture}_RUNNER".upper(): "own" for target in TARGETS}
    for row in make_matrix(event, variables):
        expected = "own" if "-arm64" in row["platform"] else ROWS[row["platform"]]["runner"]
        assert row == {**ROWS[row["platform"]], "runner": expected}
    # An unset variable is empty.
    assert make_matrix(event, dict.fromkeys(variables, "")) == list(ROWS.values())


def test_pull_request_never_runs_on_a_runner_named_by_a_variable() -> None:
    """Anybody can write its code."""
    variables = {"LINUX_ARM64_RUNNER": "own", "MACOS_ARM64_RUNNER": "own"}
    assert "own" in {row["runner"] for row in make_matrix("push", variables)}
    assert make_matrix("pull_request", variables) == list(ROWS.values())


@pytest.mark.parametrize(
    "target",
    [target for target in TARGETS if target.os == "macos"],
    ids=lambda target: target.platform,
)
def test_deployment_target_is_the_floor(configuration: dict[str, Any], target: Target) -> None:
    (override,) = [
        override
        for override in configuration["overrides"]
        if override["select"] == f"*-macosx_{target.machine}"
    ]
    assert override["inherit"] == {"environment": "append"}
    assert override["environment"] == {"MACOSX_DEPLOYMENT_TARGET": target.floor_version}


@pytest.mark.parametrize(
    ("option", "file", "words"),
    [
        ("before-all", "tools/wheel/install_rust.sh", "{project}/tools/wheel/install_rust.sh"),
        (
            "before-build",
            "requirements/build.txt",
            "pip install --quiet --require-hashes --requirement {project}/requirements/build.txt",
        ),
        (
            "before-test",
            "requirements/zig.txt",
            "pip install --quiet --require-hashes --requirement {project}/requirements/zig.txt",
        ),
        (
            "repair-wheel-command",
            "tools/wheel/repair.py",
            "cd {project} && python -m tools.wheel.repair ",
        ),
        ("test-command", "tests/smoke/smoke.py", "{project}/tests/smoke/smoke.py"),
    ],
)
def test_step_runs_a_file_of_the_tree_on_every_platform(
    configuration: dict[str, Any], option: str, file: str, words: str
) -> None:
    assert words in configuration[option]
    assert (ROOT / file).is_file()
    # No system-specific table or override replaces it.
    others = [configuration.get(system, {}) for system in ("linux", "macos")]
    assert all(option not in table for table in [*others, *configuration["overrides"]])


@pytest.mark.parametrize("name", ["ci", "temporal-static-libraries"])
def test_cache_key_includes_the_lock_file_and_the_rust_version(name: str) -> None:
    caches = [
        step["with"]
        for job in workflow(name)["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/cache@")
    ]
    assert caches
    for cache in caches:
        assert "hashFiles('rust/Cargo.lock')" in cache["key"]
        assert "hashFiles('tools/wheel/install_rust.sh')" in cache["key"]
        assert "restore-keys" not in cache
    for file in ("rust/Cargo.lock", "tools/wheel/install_rust.sh"):
        assert (ROOT / file).is_file()


def test_cached_directories_are_cargos_also_in_a_container(
    configuration: dict[str, Any], job: dict[str, Any]
) -> None:
    (cache,) = [
        step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@")
    ]
    registry, target = cache["path"].split()
    assert registry == "~/.cargo/registry"
    suffix = "$TEMPORAL_LIBS_TARGET_SUFFIX"
    expected = target.replace("~", "$HOME") + suffix
    assert configuration["environment"]["CARGO_TARGET_DIR"] == expected
    script = (ROOT / "tools" / "wheel" / "cibuildwheel.sh").read_text(encoding="utf-8")
    for variable, path in (("registry", registry), ("target", target)):
        assert f"{variable}={path.removeprefix('~/')}\n" in script
        assert f"--volume=${variable}_kept:/root/${variable}" in script


def test_build_record_leaves_the_container_even_after_a_failure(
    configuration: dict[str, Any], job: dict[str, Any]
) -> None:
    (upload,) = [
        step
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
        and step["with"]["name"] == "record-${{ matrix.platform }}"
    ]
    assert upload["if"] == "always()"
    path: str = upload["with"]["path"]
    assert configuration["environment"][BUILD_RECORD] == path.replace("~", "$HOME")
    script = (ROOT / "tools" / "wheel" / "cibuildwheel.sh").read_text(encoding="utf-8")
    assert f"record={path.removeprefix('~/').rpartition('/')[0]}\n" in script
    assert "--volume=$HOME/$record:/root/$record" in script
    # Also those of the rehearsal.
    assert f"~/{RECORD}" == path.rpartition("/")[0]


def test_records_of_all_platforms_are_gathered(job: dict[str, Any]) -> None:
    gather = workflow("temporal-static-libraries")["jobs"]["records"]
    assert gather["needs"] == ["wheel", "windows-wheel"]
    assert gather["if"] == "${{ !cancelled() }}"
    (download,) = [
        step["with"]
        for step in gather["steps"]
        if step.get("uses", "").startswith("actions/download-artifact@")
    ]
    assert (download["pattern"], download["path"]) == ("record-*", "records")
    (command,) = [
        step["run"] for step in gather["steps"] if "tools/records/gather.sh" in step.get("run", "")
    ]
    (upload,) = [
        step["with"]
        for step in gather["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert command.split()[-2:] == ["records", upload["path"]]
