"""The C surface of examples/zig-bridge, called as documented in its header."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs.waiting import until

# TEMPORAL_ZIG_ERROR_*
ARGUMENT, CORE, CONNECT, RPC, TIMEOUT, SHUT_DOWN = 1, 2, 3, 4, 5, 7
WORKFLOW_SERVICE = 1


@dataclass(unsafe_hash=True)  # not frozen, because raising it sets a traceback
class BridgeError(Exception):
    """The content of a TemporalZigError."""

    kind: int
    message: str
    grpc_status: int
    grpc_details: bytes | None


class _Event(ctypes.Structure):
    """TemporalZigEvent."""

    _fields_ = (
        ("tag", ctypes.c_uint64),
        ("result", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Event:
    """An event from a queue: a result, an error, or neither for calls without a result."""

    tag: int
    result: int | None
    error: BridgeError | None


class Surface:
    """The functions of the header, with their C types."""

    def __init__(self, library: Path) -> None:
        dll = ctypes.CDLL(str(library))
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        i32, u32, u64 = ctypes.c_int32, ctypes.c_uint32, ctypes.c_uint64
        size, out = ctypes.c_size_t, ctypes.POINTER(pointer)
        for name, result, arguments in (
            ("bridge_connect", pointer, [text, u32, out]),
            ("bridge_call", pointer, [pointer, u32, text, text, size, u32, out]),
            ("bridge_free", None, [pointer]),
            ("worker_new", pointer, [pointer, text, text, u32, u32, out]),
            ("worker_poll_workflow_activation", pointer, [pointer, u32, out]),
            ("worker_complete_workflow_activation", i32, [pointer, text, size, u32, out]),
            ("worker_initiate_shutdown", None, [pointer]),
            ("worker_finalize_shutdown", i32, [pointer, u32, out]),
            ("worker_free", None, [pointer]),
            ("queue_new", pointer, []),
            ("queue_descriptor", i32, [pointer, out]),
            ("queue_try_next", i32, [pointer, ctypes.POINTER(_Event)]),
            ("queue_free", None, [pointer]),
            ("bridge_start_connect", i32, [pointer, u64, text, u32, out]),
            ("bridge_start_call", i32, [pointer, u64, pointer, u32, text, text, size, u32, out]),
            ("worker_start_new", i32, [pointer, u64, pointer, text, text, u32, out]),
            ("worker_start_poll_workflow_activation", i32, [pointer, u64, pointer, out]),
            (
                "worker_start_complete_workflow_activation",
                i32,
                [pointer, u64, pointer, text, size, out],
            ),
            ("worker_start_finalize_shutdown", i32, [pointer, u64, pointer, out]),
            ("bytes_data", pointer, [pointer]),
            ("bytes_size", size, [pointer]),
            ("bytes_free", None, [pointer]),
            ("error_kind", i32, [pointer]),
            ("error_message", text, [pointer]),
            ("error_grpc_status", u32, [pointer]),
            ("error_grpc_details", pointer, [pointer]),
            ("error_free", None, [pointer]),
        ):
            function = getattr(dll, f"temporal_zig_{name}")
            function.restype = result
            function.argtypes = arguments
        self.dll = dll

    def connect(self, url: bytes | None, timeout_millis: int = 10_000) -> int:
        error = ctypes.c_void_p()
        bridge = self.dll.temporal_zig_bridge_connect(url, timeout_millis, ctypes.byref(error))
        return self._succeeded(bridge, error)

    @contextmanager
    def connected(self, url: str) -> Iterator[int]:
        bridge = self.connect(url.encode())
        try:
            yield bridge
        finally:
            self.dll.temporal_zig_bridge_free(bridge)

    def call(
        self,
        bridge: int | None,
        rpc: bytes | None,
        request: bytes | None = b"",
        *,
        size: int | None = None,
        service: int = WORKFLOW_SERVICE,
        timeout_millis: int = 10_000,
    ) -> bytes:
        error = ctypes.c_void_p()
        size = len(request or b"") if size is None else size
        return self._taken(
            self.dll.temporal_zig_bridge_call(
                bridge, service, rpc, request, size, timeout_millis, ctypes.byref(error)
            ),
            error,
        )

    def new_worker(
        self,
        bridge: int | None,
        task_queue: bytes | None,
        *,
        namespace: bytes | None = b"default",
        max_cached_workflows: int = 10,
        timeout_millis: int = 30_000,
    ) -> int:
        error = ctypes.c_void_p()
        worker = self.dll.temporal_zig_worker_new(
            *(bridge, namespace, task_queue, max_cached_workflows, timeout_millis),
            ctypes.byref(error),
        )
        return self._succeeded(worker, error)

    @contextmanager
    def worker(
        self, bridge: int, task_queue: str, *, max_cached_workflows: int = 10
    ) -> Iterator[int]:
        worker = self.new_worker(
            bridge, task_queue.encode(), max_cached_workflows=max_cached_workflows
        )
        try:
            yield worker
        finally:
            self.dll.temporal_zig_worker_free(worker)

    def poll(self, worker: int | None, timeout_millis: int = 60_000) -> bytes:
        error = ctypes.c_void_p()
        return self._taken(
            self.dll.temporal_zig_worker_poll_workflow_activation(
                worker, timeout_millis, ctypes.byref(error)
            ),
            error,
        )

    def complete(
        self,
        worker: int | None,
        completion: bytes | None,
        *,
        size: int | None = None,
        timeout_millis: int = 60_000,
    ) -> None:
        error = ctypes.c_void_p()
        size = len(completion or b"") if size is None else size
        completed = self.dll.temporal_zig_worker_complete_workflow_activation(
            worker, completion, size, timeout_millis, ctypes.byref(error)
        )
        assert self._succeeded(completed, error) == 1

    def finalize(self, worker: int | None, timeout_millis: int = 60_000) -> None:
        error = ctypes.c_void_p()
        finalized = self.dll.temporal_zig_worker_finalize_shutdown(
            worker, timeout_millis, ctypes.byref(error)
        )
        assert self._succeeded(finalized, error) == 1

    def next_task(self, worker: int) -> bytes | None:
        """Poll like a worker's loop; return None when the worker is shut down."""
        try:
            return self.poll(worker)
        except BridgeError as error:
            if error.kind != SHUT_DOWN:
                raise
        return None

    def shut_down_idle(self, worker: int) -> None:
        """Shut down a worker that has nothing left to complete."""
        self.dll.temporal_zig_worker_initiate_shutdown(worker)
        assert self.next_task(worker) is None
        self.finalize(worker)

    def start(self, function: str, *arguments: object) -> None:
        """Start a call; the function is named without its prefix."""
        error = ctypes.c_void_p()
        started = getattr(self.dll, f"temporal_zig_{function}")(*arguments, ctypes.byref(error))
        assert self._succeeded(started, error) == 1

    def try_next(self, queue: int) -> Event | None:
        """Take an event, if there is one."""
        event = _Event()
        if not self.dll.temporal_zig_queue_try_next(queue, ctypes.byref(event)):
            return None
        error = None if event.error is None else self._error(event.error)
        return Event(event.tag, event.result, error)

    def descriptor(self, queue: int | None) -> int:
        """Make a descriptor of a queue, which the caller must close."""
        error = ctypes.c_void_p()
        return self._succeeded(
            self.dll.temporal_zig_queue_descriptor(queue, ctypes.byref(error)), error
        )

    def taken(self, answer: int | None) -> bytes:
        """Copy and free bytes from the library."""
        assert answer is not None
        try:
            return self._contents(answer)
        finally:
            self.dll.temporal_zig_bytes_free(answer)

    def _taken(self, answer: int | None, error: ctypes.c_void_p) -> bytes:
        return self.taken(self._succeeded(answer, error))

    def _succeeded(self, result: int | None, error: ctypes.c_void_p) -> int:
        assert bool(result) == (error.value is None)
        if result:
            return result
        assert error.value is not None
        raise self._error(error.value)

    def _error(self, error: int) -> BridgeError:
        """Read an error, and free it."""
        details = self.dll.temporal_zig_error_grpc_details(error)
        failed = BridgeError(
            kind=self.dll.temporal_zig_error_kind(error),
            message=self.dll.temporal_zig_error_message(error).decode(),
            grpc_status=self.dll.temporal_zig_error_grpc_status(error),
            grpc_details=None if details is None else self._contents(details),
        )
        self.dll.temporal_zig_error_free(error)
        return failed

    def _contents(self, answer: int) -> bytes:
        size = self.dll.temporal_zig_bytes_size(answer)
        return ctypes.string_at(self.dll.temporal_zig_bytes_data(answer), size) if size else b""


def threads_of_the_core() -> int:
    """Count this process's threads of the bridge's core; the official client has its own core."""
    names = []
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # the thread has ended meanwhile
            names.append((thread / "comm").read_text().strip())
    return names.count("temporal-core")


def wait_until_threads_of_the_core_are(count: int) -> None:
    """Wait up to a minute until at most this many threads are left."""
    until(lambda: threads_of_the_core() <= count, "end of the core's threads")
