"""A gRPC override: RPCs answered by the test instead of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.abi.capi import CApi
from tests.support.abi.rpc import connection


@dataclass(frozen=True)
class Request:
    """One RPC that arrived at the override."""

    service: str
    rpc: str
    headers: dict[str, str]
    proto: bytes


@dataclass(frozen=True)
class Response:
    """The override's answer: success unless ``status`` is set."""

    proto: bytes = b""
    headers: list[bytes | str] = field(default_factory=list)
    status: int = 0
    message: bytes | str = ""
    details: bytes = b""


_ALL: list[Override] = []
"""Never freed, because an override may still have a request after all handles are freed."""


class Override:
    """Records every request and answers it with the result of ``respond``."""

    def __init__(self, api: CApi, respond: Callable[[Request], Response] | None = None) -> None:
        self.api = api
        self.requests: list[Request] = []
        self.respond = respond or (lambda _request: Response())
        self.callback = api.ffi.callback("TemporalCoreClientGrpcOverrideCallback", self._answer)
        self._lender = api.lend()
        _ALL.append(self)

    @property
    def fields(self) -> dict[str, Any]:
        """The connection option fields that select this override."""
        return {"grpc_override_callback": self.callback}

    def _answer(self, handle: Any, _user_data: Any) -> None:
        api, lib = self.api, self.api.lib
        prefix = "temporal_core_client_grpc_override_request"
        headers = getattr(lib, f"{prefix}_headers")(handle)
        entries = (api.text(headers.data[i]).partition("\n") for i in range(headers.size))
        proto = getattr(lib, f"{prefix}_proto")(handle)
        request = Request(
            service=api.text(getattr(lib, f"{prefix}_service")(handle)),
            rpc=api.text(getattr(lib, f"{prefix}_rpc")(handle)),
            headers={name: value for name, _, value in entries},
            proto=bytes(api.ffi.buffer(proto.data, proto.size)) if proto.size else b"",
        )
        self.requests.append(request)
        response = self.respond(request)
        lend = self._lender
        answer = api.new(
            "TemporalCoreClientGrpcOverrideResponse",
            status_code=response.status,
            headers=lend.array(response.headers),
            success_proto=lend.bytes(response.proto),
            fail_message=lend.bytes(response.message),
            fail_details=lend.bytes(response.details),
        )
        getattr(lib, f"{prefix}_respond")(handle, answer[0])


@contextmanager
def connection_to(override: Override, runtime: Any, **fields: Any) -> Iterator[Any]:
    """Connect to an override; see `rpc.connection`."""
    fields = {**override.fields, **fields}
    with connection(override.api, runtime, "http://override.invalid", **fields) as made:
        yield made
