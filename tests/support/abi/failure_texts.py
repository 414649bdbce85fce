"""The program that collects failure texts.

``failure_texts.py DECLARATIONS LIBRARY OUT SERVER GROUP…``

Writes a JSON object to OUT: for each group, the actions and the texts of their failures. SERVER is
the address of a dev server.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.nexus import NexusTaskCompletion
from temporalio.bridge.proto.workflow_commands import QueryResult, WorkflowCommand
from temporalio.bridge.proto.workflow_completion import Success, WorkflowActivationCompletion

from tests.support.abi.capi import CApi
from tests.support.abi.client_certificates import ClientCertificates
from tests.support.abi.failing_connects import failing_peers, failures
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.option_calls import option_calls
from tests.support.abi.option_triggers import of_kind, triggers
from tests.support.abi.rpc import call, connection
from tests.support.abi.worker import KINDS, Worker, WorkerError, new_worker, worker, worker_options
from tests.support.peers.proxy import Proxy
from tools.interface.options import options

Texts = dict[str, str]

TEST_MESSAGES = Path(__file__).parents[2] / "abi" / "test_messages.py"
INVALID_ARGUMENT = 3


def of_options(api: CApi, _server: str) -> Texts:
    """Trigger every row of the table of options, and the refusals of each option's kind."""
    texts: Texts = {}
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        option_calls(api, ClientCertificates.made(), listener.getsockname()[1]) as calls,
    ):
        for row in options():
            bad = [(row.value, trigger) for trigger in triggers(row)]
            bad += [(value, trigger) for value, _, trigger in of_kind(row)]
            for index, (value, trigger) in enumerate(bad):
                said = [calls.answer(row.struct, trigger.settings), *calls.warnings()]
                texts[f"{row.struct}.{row.field}: {value} ({index})"] = "\n".join(
                    filter(None, said)
                )
    return texts


def of_messages(api: CApi, _server: str) -> Texts:
    """Trigger every row of the table of messages."""
    module = _module(TEST_MESSAGES)
    override = Override(api, module.respond)
    with api.runtime() as runtime, connection_to(override, runtime, identity="somebody") as client:
        return {
            f"{function}: {when}": trigger(module.Caller(api, runtime, client))
            for (function, when), trigger in module.TRIGGERS.items()
        }


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_connects(api: CApi, _server: str) -> Texts:
    """Connect to servers that fail, each in a different way."""
    with failing_peers() as peers, api.runtime() as runtime:
        return failures(api, runtime, {**peers.plain(), **peers.secure()})


def of_system_authorities(api: CApi, _server: str) -> Texts:
    """Connect with the system's authorities."""
    with failing_peers() as peers, api.runtime() as runtime:
        return failures(api, runtime, peers.with_the_systems_authorities())


def of_servers(api: CApi, server: str) -> Texts:
    """Make calls that a real server refuses, or that do not reach it."""
    texts: Texts = {}
    url = f"http://{server}"
    with api.runtime() as runtime:
        with connection(api, runtime, url, identity="one") as client:
            with worker(api, client, "queue", namespace_="no-such-namespace") as lost:
                texts["validate: no such namespace"] = _refused(lost.validate)
            ended = call(api, client, "DescribeNamespace", b"\x0a\x11no-such-namespace")
            texts["rpc: no such namespace"] = str(ended.message)
        proxy = Proxy(server)
        try:
            with connection(api, runtime, proxy.url) as client:
                proxy.close()
                texts["rpc: the server is gone"] = str(call(api, client, "GetSystemInfo").message)
        finally:
            proxy.close()
        texts["server: not executable"] = _no_server(api, runtime, str(TEST_MESSAGES))
    return texts


def _no_server(api: CApi, runtime: Any, executable: str) -> str:
    lender = api.lend()
    test_server = lender.struct(
        "TemporalCoreTestServerOptions", existing_path=lender.bytes(executable)
    )
    answer = api.start(
        "TemporalCoreEphemeralServerStartCallback",
        "temporal_core_ephemeral_server_start_test_server",
        runtime,
        test_server,
    )
    return str(api.take_text(answer.wait()[2]))


def of_workers(api: CApi, _server: str) -> Texts:
    """Make workers that their server refuses, and calls on workers that core refuses."""
    texts: Texts = {}

    def respond(request: Request) -> Response:
        if request.proto == b"\x0a\x07refused":
            return Response(status=INVALID_ARGUMENT, message="go away", details=b"\x08\x07")
        return Response()

    override = Override(api, respond)
    lender = api.lend()
    with (
        api.runtime() as runtime,
        connection_to(override, runtime, identity="one") as first,
        connection_to(override, runtime, identity="two") as second,
        worker(api, first, "queue") as here,
        worker(api, second, "queue") as there,
        worker(api, second, "queue", namespace_="refused") as refused,
    ):
        texts["second worker"] = _refused(
            lambda: new_worker(api, first, worker_options(api, lender, "queue"))
        )
        texts["replace client: it has such a worker"] = _refused(
            lambda: here.replace_client(second)
        )
        texts["validate: refused"] = _refused(refused.validate)
        for name, kind, completion in _malformed():
            texts[f"completion: {name}"] = _refused(partial(_complete, there, kind, completion))
    return texts


def _complete(made: Worker, kind: str, completion: bytes) -> None:
    made.done(made.complete(kind, completion))


def _malformed() -> list[tuple[str, str, bytes]]:
    commands = [
        WorkflowCommand(respond_to_query=QueryResult(query_id="legacy_query")),
        WorkflowCommand(respond_to_query=QueryResult(query_id="another")),
    ]
    mixed = WorkflowActivationCompletion(run_id="run", successful=Success(commands=commands))
    empty = Success(commands=[WorkflowCommand()])
    return [
        ("no status", KINDS[0], WorkflowActivationCompletion(run_id="run").SerializeToString()),
        (
            "empty command",
            KINDS[0],
            WorkflowActivationCompletion(run_id="run", successful=empty).SerializeToString(),
        ),
        ("query and more", KINDS[0], mixed.SerializeToString()),
        ("no result", KINDS[1], ActivityTaskCompletion(task_token=b"token").SerializeToString()),
        ("no Nexus status", KINDS[2], NexusTaskCompletion(task_token=b"token").SerializeToString()),
    ]


def _refused(action: Callable[[], object]) -> str:
    try:
        action()
    except WorkerError as error:
        return str(error)
    raise AssertionError("it was accepted")


GROUPS: dict[str, Callable[[CApi, str], Texts]] = {
    "options": of_options,
    "messages": of_messages,
    "connects": of_connects,
    "system authorities": of_system_authorities,
    "servers": of_servers,
    "workers": of_workers,
}


def main() -> None:
    """Collect the texts of some groups."""
    declarations, library, out, server, *groups = sys.argv[1:]
    api = CApi(Path(declarations).read_text(encoding="utf-8"), Path(library))
    texts = {group: GROUPS[group](api, server) for group in groups}
    Path(out).write_text(json.dumps(texts), encoding="utf-8")
    sys.stdout.flush()
    # Not the ordinary exit, because a late callback could run while the interpreter shuts down.
    os._exit(0)


if __name__ == "__main__":
    main()
