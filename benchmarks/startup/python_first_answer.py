"""Connects with the official Python client, makes one call, and prints when it was answered.

The counterpart of first_answer.c, with the same arguments and the same output.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.service import ConnectConfig, ServiceClient

from benchmarks.harness.span import Moment, print_and_exit


async def _main(address: str) -> None:
    client = await ServiceClient.connect(ConnectConfig(target_host=address))
    await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True)
    print_and_exit(asdict(Moment.now()))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
