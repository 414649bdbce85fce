"""The example with other versions of Zig than the one that all other tests use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.zig.bridge_build import ZigBridge, make_zig_bridge
from tests.support.zig.zig_versions import OTHERS, python_with_zig
from tools.dev_server import DevServer


@pytest.fixture(scope="module", params=OTHERS)
def other_zig_bridge(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    repo_root: Path,
    config_tool: Path,
) -> ZigBridge:
    """The example, built with another Zig against the installed wheel."""
    python = python_with_zig(request.param, repo_root)
    copy = make_zig_bridge(tmp_path_factory.mktemp("zig") / "zig-bridge")
    bridge = replace(copy, python=python)
    assert bridge.zig("version").stdout.startswith(f"{request.param}.")
    built = bridge.zig_build(f"-Dtemporal-libs-config={config_tool}")
    assert built.returncode == 0, built.stderr
    return bridge


def test_its_worker_completes_a_workflow(
    other_zig_bridge: ZigBridge, dev_server: DevServer
) -> None:
    done = other_zig_bridge.demo("--target-url", dev_server.url, "--input", "10")
    assert (done.returncode, done.stderr) == (0, "")
    assert "result: 55" in done.stdout.splitlines()


def test_its_unit_tests_pass(other_zig_bridge: ZigBridge, config_tool: Path) -> None:
    done = other_zig_bridge.zig_build("test", f"-Dtemporal-libs-config={config_tool}")
    assert done.returncode == 0, done.stderr
