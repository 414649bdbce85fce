"""Calls GetSystemInfo through the official Python client, always so many at a time.

The twin of client.c: the same arguments, the same output.
"""

from __future__ import annotations

import asyncio
import sys

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.service import ConnectConfig, GrpcCompression, ServiceClient

from benchmarks.harness.span import Moment, print_span_and_exit

_COMPRESSIONS = {"gzip": GrpcCompression.GZIP, "none": GrpcCompression.NONE}


async def _run(client: ServiceClient, calls: int, in_flight: int) -> None:
    left = iter(range(calls))

    async def one_after_the_other() -> None:
        for _ in left:
            await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True)

    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))


async def _main(
    address: str, compression: str, in_flight: str, warm_up_calls: str, calls: str
) -> None:
    config = ConnectConfig(target_host=address, grpc_compression=_COMPRESSIONS[compression])
    client = await ServiceClient.connect(config)
    await _run(client, int(warm_up_calls), int(in_flight))
    start = Moment.now()
    await _run(client, int(calls), int(in_flight))
    print_span_and_exit(int(calls), start, Moment.now())


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
