"""Connections and RPC calls through the C interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.abi.capi import Answer, CApi, Lender

SERVICES = {
    "Workflow": "temporal.api.workflowservice.v1.WorkflowService",
    "Operator": "temporal.api.operatorservice.v1.OperatorService",
    "Cloud": "temporal.api.cloud.cloudservice.v1.CloudService",
    "Test": "temporal.api.testservice.v1.TestService",
    "Health": "grpc.health.v1.Health",
}
"""Fully qualified service by ``TemporalCoreRpcService`` constant, without its prefix."""


@dataclass(frozen=True)
class Outcome:
    """The result of an RPC call, as passed to the callback."""

    success: bytes | None
    status: int
    message: str | None
    details: bytes | None


class ConnectError(Exception):
    """The ``fail`` of a connect."""


def connection_options(api: CApi, lender: Lender, target: str | bytes | None, **fields: Any) -> Any:
    """Make ``TemporalCoreConnectionOptions``; strings and bytes become byte ranges."""
    values = {"target_url": target, "client_name": "abi-tests", "client_version": "1.0.0", **fields}
    options = lender.struct("TemporalCoreConnectionOptions")
    for name, value in values.items():
        is_range = value is None or isinstance(value, (str, bytes))
        setattr(options, name, lender.bytes(value) if is_range else value)
    return options


def connect_answer(api: CApi, runtime: Any, target: str | bytes | None, **fields: Any) -> Answer:
    """Start connecting; ``fields`` are those of ``TemporalCoreConnectionOptions``.

    Strings and bytes become byte ranges.
    """
    lender = api.lend()
    options = connection_options(api, lender, target, **fields)
    answer = api.start(
        "TemporalCoreClientConnectCallback", "temporal_core_client_connect", runtime, options
    )
    # The options must live until the callback, for which `answer` waits.
    answer.options = lender  # type: ignore[attr-defined]
    return answer


@contextmanager
def connection(api: CApi, runtime: Any, target: str | bytes | None, **fields: Any) -> Iterator[Any]:
    """Connect and return the connection, freed at the end.

    Raises:
        ConnectError: with the library's message.
    """
    success, fail = connect_answer(api, runtime, target, **fields).wait()
    message = api.take_text(fail)
    assert (success == api.NULL) == (message is not None), "success XOR fail"
    if message is not None:
        raise ConnectError(message)
    try:
        yield success
    finally:
        api.lib.temporal_core_client_free(success)


def call_options(
    api: CApi,
    lender: Lender,
    rpc: str | bytes | None,
    request: bytes | None = b"",
    *,
    service: int | str = "Workflow",
    metadata: list[bytes | str] | None = None,
    binary_metadata: list[bytes | str] | None = None,
    retry: bool = False,
    timeout_millis: int = 0,
    token: Any = None,
) -> Any:
    """Make ``TemporalCoreRpcCallOptions``."""
    options = lender.struct(
        "TemporalCoreRpcCallOptions",
        rpc=lender.bytes(rpc),
        req=lender.bytes(request),
        retry=retry,
        metadata=lender.array(metadata or []),
        binary_metadata=lender.array(binary_metadata or []),
        timeout_millis=timeout_millis,
        cancellation_token=token or api.NULL,
    )
    constants = api.ffi.typeof("TemporalCoreRpcService").relements
    number = constants[f"TemporalCoreRpcService_{service}"] if isinstance(service, str) else service
    # Written as an integer, because hostile tests need values outside the enum.
    service_field = api.ffi.addressof(options, "service")
    api.ffi.cast("uint32_t *", service_field)[0] = number
    return options


def start_call(
    api: CApi,
    client: Any,
    rpc: str | bytes | None,
    request: bytes | None = b"",
    *,
    inside: Callable[..., None] | None = None,
    **fields: Any,
) -> Answer:
    """Start an RPC call; ``inside`` is called in its callback, ``fields`` as for `call_options`."""
    lender = api.lend()
    options = call_options(api, lender, rpc, request, **fields)
    answer = Answer(api, "TemporalCoreClientRpcCallCallback")
    answer.inside = inside
    api.lib.temporal_core_client_rpc_call(client, options, answer.user_data, answer.callback)
    answer.options = lender  # type: ignore[attr-defined]
    return answer


def outcome(api: CApi, answer: Answer, deadline: float = 60.0) -> Outcome:
    """Wait for a call, take its result, and check what holds for every answer."""
    success, status, message, details = answer.wait(deadline)
    ended = Outcome(api.take(success), status, api.take_text(message), api.take(details))
    if ended.success is not None:
        assert (ended.status, ended.message, ended.details) == (0, None, None)
    else:
        assert ended.message is not None
        assert (ended.status == 0) == (ended.details is None)
    assert not answer.answered_again()
    return ended


def call(api: CApi, client: Any, rpc: str | bytes | None, *args: Any, **kwargs: Any) -> Outcome:
    """Call an RPC and wait for its end; arguments as for :func:`start_call`."""
    return outcome(api, start_call(api, client, rpc, *args, **kwargs))
