"""Fixtures for end-to-end tests: one built bridge for the whole run, connections to the server."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.rpc import connection
from tests.support.peers.proxy import Proxy
from tests.support.zig.bridge_build import ZigBridge, make_zig_bridge
from tests.support.zig.bridge_surface import Surface
from tools.dev_server import DevServer


@pytest.fixture
def proxy(dev_server: DevServer) -> Iterator[Proxy]:
    """A proxy for the server that can stop answering."""
    made = Proxy(dev_server.address)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(capi: CApi, dev_server: DevServer) -> Iterator[Any]:
    """A connection made with the library under test."""
    with (
        capi.runtime() as runtime,
        connection(capi, runtime, dev_server.url, identity="under-test") as made,
    ):
        yield made


@pytest.fixture(scope="session")
def config_tool() -> Path:
    """The installed wheel's temporal-libs-config."""
    return Path(sysconfig.get_path("scripts")) / "temporal-libs-config"


@pytest.fixture(scope="session")
def zig_bridge(
    tmp_path_factory: pytest.TempPathFactory, repo_root: Path, config_tool: Path
) -> ZigBridge:
    """The example, built against the installed wheel."""
    bridge = make_zig_bridge(tmp_path_factory.mktemp("e2e") / "zig-bridge")
    built = bridge.zig_build(f"-Dtemporal-libs-config={config_tool}")
    assert built.returncode == 0, built.stderr
    return bridge


@pytest.fixture
def unbuilt_zig_bridge(tmp_path: Path, repo_root: Path) -> ZigBridge:
    """A separate copy of the example for one test."""
    return make_zig_bridge(tmp_path / "zig-bridge")


@pytest.fixture(scope="session")
def surface(zig_bridge: ZigBridge) -> Surface:
    """The shared library of the example."""
    return Surface(zig_bridge.library)


@pytest.fixture
def bridge(surface: Surface, dev_server: DevServer) -> Iterator[int]:
    """A bridge of the shared library, connected to the server."""
    with surface.connected(dev_server.url) as connected:
        yield connected
