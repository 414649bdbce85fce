"""tools/dev_server.py, which starts the server for the demo and these tests."""

from __future__ import annotations

import asyncio
import socket

import pytest
from temporalio.client import Client

from tools.dev_server import NO_RATE_LIMITS, DevServer, running_dev_server


def test_it_serves_inside_the_block_but_not_after_it() -> None:
    with running_dev_server(dynamic_config=NO_RATE_LIMITS) as server:
        assert asyncio.run(healthy(server.address))
        assert server.log.exists()
    host, port = server.address.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    assert not server.log.exists()


def test_two_servers_at_once_are_independent(dev_server: DevServer) -> None:
    with running_dev_server() as other:
        assert other.address != dev_server.address
        assert asyncio.run(healthy(other.address))
    assert asyncio.run(healthy(dev_server.address))


def test_output_of_a_server_that_ends_is_shown() -> None:
    with (
        pytest.raises(match="before it was ready") as raised,
        running_dev_server(dynamic_config={"frontend.rps": float("nan")}),  # not JSON
    ):
        pass
    assert "invalid dynamic config values" in str(raised.value)


def test_a_server_that_takes_too_long_is_stopped() -> None:
    with (
        pytest.raises(match="was not ready within 0 s"),
        running_dev_server(deadline=0.0),
    ):
        pass


async def healthy(address: str) -> bool:
    client = await Client.connect(address)
    return await client.service_client.check_health()
