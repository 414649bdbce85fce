"""Building blocks of hostile tests: tracked calls, a library in full use, and broken arguments.

The cases run in a child process (``hostile_cases.py``), because the crashes they look for would end
the test run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.abi.capi import CALL_DEADLINE, CApi, Lender

FREE = {
    "TemporalCoreCancellationToken": "temporal_core_cancellation_token_free",
    "TemporalCoreConnection": "temporal_core_client_free",
    "TemporalCoreEphemeralServer": "temporal_core_ephemeral_server_free",
    "TemporalCoreMetric": "temporal_core_metric_free",
    "TemporalCoreMetricAttributes": "temporal_core_metric_attributes_free",
    "TemporalCoreMetricMeter": "temporal_core_metric_meter_free",
    "TemporalCoreRandom": "temporal_core_random_free",
    "TemporalCoreRuntime": "temporal_core_runtime_free",
    "TemporalCoreWorker": "temporal_core_worker_free",
    "TemporalCoreWorkerReplayPusher": "temporal_core_worker_replay_pusher_free",
    "TemporalStaticLibsQueue": "temporal_static_libs_queue_free",
}
"""For each type of handle, the function that frees it."""

POLL_HELD = 0.05
"""Seconds for which the answering override holds a worker's poll, like a server."""


def struct_name(ctype: Any) -> str:
    """Return the name of a struct, or of a pointer's target, without ``struct``."""
    named = ctype.item if ctype.kind == "pointer" else ctype
    return str(named.cname).removeprefix("struct ").removeprefix("union ")


class Call:
    """An asynchronous call. Takes ownership of what its callback gets, and counts its answers."""

    def __init__(self, api: CApi, callback_type: Any, *, keep_handles: bool = False) -> None:
        self.api = api
        self.answers: list[tuple[Any, ...]] = []
        self.handles: list[Any] = []
        """The handles in the answer, if they are kept."""
        self.inside: Callable[[], None] | None = None
        """Runs inside the callback."""
        self.thread: int | None = None
        self._keep_handles = keep_handles
        self._answered = threading.Event()
        self._errors: list[BaseException] = []
        self.user_data = api.ffi.new("char *")
        self.callback = api.ffi.callback(
            callback_type, self._fire, onerror=lambda _type, error, _tb: self._errors.append(error)
        )

    def _fire(self, user_data: Any, *arguments: Any) -> None:
        self.thread = threading.get_ident()
        answer = []
        for argument in arguments:
            if not isinstance(argument, self.api.ffi.CData):
                answer.append(argument)
            elif struct_name(self.api.ffi.typeof(argument)) == "TemporalCoreByteArray":
                answer.append(self.api.take(argument))
            else:
                if argument != self.api.NULL:
                    self.handles.append(argument)
                    if not self._keep_handles:
                        free_handle(self.api, argument)
                answer.append(argument != self.api.NULL)
        try:
            assert user_data == self.user_data
            if self.inside is not None:
                self.inside()
        finally:
            self.answers.append(tuple(answer))
            self._answered.set()

    def answers_within(self, seconds: float) -> bool:
        """Return whether the answer comes."""
        return self._answered.wait(seconds)

    def wait(self, deadline: float = CALL_DEADLINE) -> tuple[Any, ...]:
        """Wait for the answer."""
        assert self._answered.wait(deadline), f"no answer within {deadline} s"
        return self.answers[0]

    def check(self) -> None:
        """Check that the call has answered once."""
        assert len(self.answers) == 1, f"{len(self.answers)} answers: {self.answers}"
        assert not self._errors, self._errors

    @property
    def fail(self) -> bytes | None:
        """The failure message in the answer, if any; for calls that end with ``fail``."""
        fail: bytes | None = self.wait()[-1]
        return fail


def free_handle(api: CApi, handle: Any) -> None:
    """Free a handle of any type."""
    getattr(api.lib, FREE[struct_name(api.ffi.typeof(handle))])(handle)


def dispose(api: CApi, result: Any) -> bytes | None:
    """Free everything that a function returned, and return its failure's message.

    NULL from a function that makes handles counts as a failure without a message.
    """
    if not isinstance(result, api.ffi.CData):
        return None
    ctype = api.ffi.typeof(result)
    name = struct_name(ctype)
    if ctype.kind == "pointer":
        if name == "TemporalCoreByteArray":
            return api.take(result)
        if result == api.NULL:
            return b""
        if name in FREE:
            free_handle(api, result)
        return None
    if name == "TemporalCoreByteArrayRef" or not hasattr(result, "fail"):
        return None
    fail = api.take(result.fail)
    for member, _ in ctype.fields:
        value = getattr(result, member)
        if member == "fail" or value == api.NULL:
            continue
        if struct_name(api.ffi.typeof(value)) == "TemporalCoreByteArray":
            api.take(value)
        else:
            free_handle(api, value)
    return fail


@dataclass
class Options:
    """Valid options, made for each case, with everything that they point to."""

    lender: Lender
    pointer: Any


@dataclass
class Breakage:
    """One way to break an argument."""

    path: str
    apply: Callable[[], None]
    must_fail: bool = False
    """An argument with this breakage is always invalid."""


@dataclass
class Breaker:
    """Finds all ways to break a struct, using only the declarations."""

    api: CApi
    lender: Lender
    skip: frozenset[str] = frozenset()
    """Fields that are not broken, such as network addresses."""
    found: list[Breakage] = field(default_factory=list)

    def struct(self, value: Any, path: str) -> list[Breakage]:
        """Collect the breakages of a struct lvalue, and of everything that it points to."""
        ctype = self.api.ffi.typeof(value)
        if struct_name(ctype) == "TemporalCoreByteArrayRef":
            self._range(value, path)
            return self.found
        if struct_name(ctype) in ("TemporalCoreByteArrayRefArray", "TemporalCoreRuntimeInfoArray"):
            self._array(value, path)
            return self.found
        fields = ctype.fields
        if fields[0][0] == "tag":
            # Only the member that the tag selects matters.
            tag = int(self.api.ffi.cast("uint32_t *", self._at(value, "tag"))[0])
            fields = [fields[0], fields[1 + tag]]
        for name, member in fields:
            if name not in self.skip:
                self._field(value, name, member.type, f"{path}.{name}")
        return self.found

    def _add(self, path: str, apply: Callable[[], None], *, must_fail: bool = False) -> None:
        self.found.append(Breakage(path, apply, must_fail))

    def _assign(self, target: Any, name: str, value: Any) -> Callable[[], None]:
        return lambda: setattr(target, name, value)

    def _at(self, parent: Any, name: str) -> Any:
        return self.api.ffi.addressof(parent, name)

    def _field(self, parent: Any, name: str, ctype: Any, path: str) -> None:
        if ctype.kind == "struct":
            self.struct(getattr(parent, name), path)
        elif ctype.kind == "enum":
            for raw in (99, 0xFFFF_FFFF):
                self._raw(parent, name, "uint32_t", raw, path, must_fail=True)
        elif ctype.kind == "function":
            self._add(f"{path} = NULL", self._assign(parent, name, self.api.NULL))
        elif ctype.kind == "pointer":
            value = getattr(parent, name)
            if ctype.item.kind == "struct" and value != self.api.NULL:
                self._add(f"{path} = NULL", self._assign(parent, name, self.api.NULL))
                if ctype.item.fields:
                    self.struct(value[0], path)
        elif ctype.kind == "primitive":
            self._primitive(parent, name, ctype, path)

    def _primitive(self, parent: Any, name: str, ctype: Any, path: str) -> None:
        if ctype.cname in ("float", "double"):
            extremes = (float("nan"), float("inf"), -1.0, 0.0, 1e-300, 1e308)
            for value in extremes:
                self._add(f"{path} = {value}", self._assign(parent, name, value))
        elif ctype.cname == "_Bool":
            for raw in (1, 0xFF):
                self._raw(parent, name, "uint8_t", raw, path)
        else:
            bits = 8 * self.api.ffi.sizeof(ctype)
            signed = int(self.api.ffi.cast(ctype, -1)) < 0
            values = [0, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)) if signed else 2**bits - 1]
            for value in values:
                self._add(f"{path} = {value}", self._assign(parent, name, value))

    def _raw(
        self, parent: Any, name: str, ctype: str, raw: int, path: str, *, must_fail: bool = False
    ) -> None:
        def apply() -> None:
            self.api.ffi.cast(f"{ctype} *", self._at(parent, name))[0] = raw

        self._add(f"{path} = {raw:#x}", apply, must_fail=must_fail)

    def _range(self, value: Any, path: str) -> None:
        def put(data: Any, size: int) -> Callable[[], None]:
            def apply() -> None:
                value.data, value.size = data, size

            return apply

        self._add(f"{path} = {{NULL, 5}}", put(self.api.NULL, 5), must_fail=True)
        some = self.lender.bytes(b"some")["data"]
        self._add(f"{path} = {{some, 2^63}}", put(some, 2**63), must_fail=True)
        for text in (b"\xff\xfe\x80", b"", b"a\nb\r\nc", b"\0", b"\xf0\x9f\x98\x80" * 300):
            lent = self.lender.bytes(text)
            label = text[:8].hex() or "empty"
            self._add(f"{path} = {label}", put(lent["data"], lent["size"]))

    def _array(self, value: Any, path: str) -> None:
        def put(data: Any, size: int) -> Callable[[], None]:
            def apply() -> None:
                value.data, value.size = data, size

            return apply

        self._add(f"{path} = {{NULL, 5}}", put(self.api.NULL, 5), must_fail=True)
        old = value.data
        if value.size:
            self._add(f"{path} = {{some, 2^63}}", put(old, 2**63), must_fail=True)
            self._add(f"{path} = {{some, 2^60}}", put(old, 2**60), must_fail=True)
            self.struct(old[0], f"{path}[0]")
        if struct_name(self.api.ffi.typeof(value)) == "TemporalCoreByteArrayRefArray":
            broken: tuple[list[bytes | str], ...] = (
                [b""],
                [b"\n"],
                [b"no newline"],
                [b"k\nv\nw", b"k\nv"],
                [b"\xff\n\xff"],
            )
            for entries in broken:
                lent = self.lender.array(entries)
                self._add(f"{path} = {entries!r}", put(lent["data"], lent["size"]))


def breakages(
    api: CApi, make: Callable[[], Options], skip: frozenset[str] = frozenset()
) -> Iterator[tuple[Breakage, Options]]:
    """Yield each way to break an option struct, applied to fresh options."""
    index = 0
    while True:
        options = make()
        breaker = Breaker(api, options.lender, skip)
        found = breaker.struct(options.pointer[0], struct_name(api.ffi.typeof(options.pointer)))
        if index >= len(found):
            return
        found[index].apply()
        yield found[index], options
        index += 1


class Override:
    """A gRPC override that answers everything with success, or as configured."""

    def __init__(self, api: CApi) -> None:
        self.api = api
        self.respond: Callable[[str, Any], bool] | None = None
        """Called with the RPC's name and the request. Returns whether it has answered."""
        self.errors: list[BaseException] = []
        self.callback = api.ffi.callback(
            "TemporalCoreClientGrpcOverrideCallback",
            self._answer,
            onerror=lambda _type, error, _tb: self.errors.append(error),
        )

    def _answer(self, request: Any, _user_data: Any) -> None:
        rpc = self.api.text(self.api.lib.temporal_core_client_grpc_override_request_rpc(request))
        if self.respond is not None and self.respond(rpc, request):
            return
        if rpc.startswith("Poll"):
            time.sleep(POLL_HELD)
        self.succeed(request, b"")

    def succeed(self, request: Any, proto: bytes) -> None:
        """Answer a request with this response."""
        lender = self.api.lend()
        response = self.api.new(
            "TemporalCoreClientGrpcOverrideResponse", success_proto=lender.bytes(proto)
        )
        self.api.lib.temporal_core_client_grpc_override_request_respond(request, response[0])
