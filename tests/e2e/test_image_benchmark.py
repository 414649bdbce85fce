"""`python -m benchmarks image` in a quick run, which measures only the wheel."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.harness.docker_client import DockerError, docker_leaving_nothing
from tests.support.ci.benchmark_run import run_benchmarks
from tests.support.ci.skips import require_program

QUICK = ("image", "--quick", "--output")


def test_image_with_the_wheel_is_timed_and_measured(repo_root: Path, tmp_path: Path) -> None:
    require_program("docker")
    require_program("debootstrap")
    done = run_benchmarks(repo_root, *QUICK, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    rows = {c["condition"]: c["contenders"] for c in results["benchmarks"]["image"]}
    assert {name for contenders in rows.values() for name in contenders} == {"pip install"}
    medians = {condition: row["pip install"]["median"] for condition, row in rows.items()}
    archives = sum(archive["size"] for archive in results["archives"]["wheel"]) / 1e6
    # The final image has the bridge's library, but neither Zig nor the archives.
    assert medians["in which it runs"] + archives < medians["in which the bridge is built"]
    assert medians["empty cache"] > 0


def test_missing_docker_is_reported_before_anything_is_measured(
    repo_root: Path, tmp_path: Path
) -> None:
    done = run_benchmarks(repo_root, *QUICK, tmp_path, PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "benchmarks: error: docker was not found on PATH: install it\n"
    assert "==> bench" not in done.stdout


def test_failure_of_docker_is_reported_with_its_output() -> None:
    require_program("docker")
    with (
        docker_leaving_nothing() as docker,
        pytest.raises(DockerError, match=r"docker image inspect[^\n]*\n  failed:\s+.*[Nn]o such"),
    ):
        docker.size(f"{docker.repository}:absent")


def test_failure_of_pip_is_reported_with_its_output(repo_root: Path, tmp_path: Path) -> None:
    require_program("docker")
    require_program("debootstrap")
    done = run_benchmarks(repo_root, *QUICK, tmp_path, PIP_INDEX_URL=tmp_path.as_uri())
    assert done.returncode == 1
    assert re.match(
        r"benchmarks: error: \S+ -m pip download .*\n  ended with exit code 1:\n", done.stderr
    )
    assert "No matching distribution found for ziglang" in done.stderr
