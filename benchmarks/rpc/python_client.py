"""Calls GetSystemInfo through the official Python client.

The counterpart of client.c, with the same arguments and the same output.
"""

from __future__ import annotations

import asyncio
import sys

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.service import ConnectConfig, GrpcCompression, ServiceClient

from benchmarks.harness.span import Moment, print_span_and_exit
from benchmarks.rpc.pace import keep_pace

_COMPRESSIONS = {"gzip": GrpcCompression.GZIP, "none": GrpcCompression.NONE}


async def _at_once(client: ServiceClient, calls: int, in_flight: int) -> dict[str, float]:
    left = iter(range(calls))

    async def one_after_the_other() -> None:
        for _ in left:
            await _call(client)

    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))
    return {}


async def _at_rate(client: ServiceClient, calls: int, per_second: int) -> dict[str, float]:
    return dict(await keep_pace(lambda: _call(client), calls, per_second))


async def _call(client: ServiceClient) -> None:
    await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True)


async def _main(
    address: str, compression: str, kind: str, load: str, warm_up_calls: str, calls: str
) -> None:
    config = ConnectConfig(target_host=address, grpc_compression=_COMPRESSIONS[compression])
    client = await ServiceClient.connect(config)
    run = _at_rate if kind == "at-rate" else _at_once
    await run(client, int(warm_up_calls), int(load))
    start = Moment.now()
    latencies = await run(client, int(calls), int(load))
    print_span_and_exit(int(calls), start, Moment.now(), latencies)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
