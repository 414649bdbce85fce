"""What runs under perf: one of the loads, until its time is over.

Run as ``python -m tests.profile.loads NAME FILE``, with the `Setting` in the file.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    QueryWorkflowRequest,
    QueryWorkflowResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.capi import Answer, CApi
from tests.support.abi.metrics import (
    Meter,
    metrics_runtime,
    opentelemetry,
    prometheus,
)
from tests.support.abi.replayer import Replayer, replayer
from tests.support.abi.rpc import connection, outcome, start_call
from tests.support.abi.task_worker import (
    ActivityContext,
    TaskWorker,
    WorkflowCode,
    seconds,
)
from tests.support.abi.worker import worker
from tests.support.peers.loopback import unused_address
from tests.support.peers.otlp import grpc_receiver

IN_FLIGHT: Final = 16
LARGE: Final = 100_000
"""Bytes of a large message."""


@dataclass(frozen=True)
class Setting:
    """What the loads need.

    Attributes:
        declarations: the file with those of the interface.
        library: the shared library.
        server: URL of a Temporal server.
        answering_server: URL of a server that answers all calls.
        gzip_server: URL of one whose answers are compressed.
        tls_server: URL of one with TLS.
        authority: PEM of who vouches for it.
        certificate: PEM of a client of it.
        key: PEM of the client's key.
        history: the file with an encoded history of a `Batches`.
        seconds: how long to run.
    """

    declarations: str
    library: str
    server: str
    answering_server: str
    gzip_server: str
    tls_server: str
    authority: str
    certificate: str
    key: str
    history: str
    seconds: float

    def write(self, file: Path) -> None:
        """Write it to a file."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Setting:
        """Read it from a file."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def large_payload() -> Payload:
    """Make a payload of JSON, as applications send it: text that can be compressed."""
    rows = (
        {"id": number, "name": f"customer {number * 7919 % 10007}", "amount": number * 31 % 997 / 8}
        for number in itertools.count()
    )
    text = ""
    while len(text) < LARGE:
        text += json.dumps(next(rows)) + ","
    return Payload(metadata={"encoding": b"json/plain"}, data=f"[{text}0]".encode())


def large_answer() -> bytes:
    """Make the answer to a query, encoded."""
    return QueryWorkflowResponse(
        query_result=Payloads(payloads=[large_payload()])
    ).SerializeToString()


class Batches(WorkflowCode):
    """Activities, a few at a time, then a timer, and again.

    Attributes:
        rounds: how often; None is without an end.
    """

    rounds: int | None = None
    at_once = 5

    def __init__(self) -> None:
        super().__init__()
        self._next = 1
        self._running = 0
        self._begun = 0

    def on_initialize_workflow(self, _job: Any) -> None:
        """Begin the first round."""
        self._begin()

    def on_fire_timer(self, _job: Any) -> None:
        """Begin another round."""
        self._begin()

    def on_resolve_activity(self, _job: Any) -> None:
        """End the round, after its last activity."""
        self._running -= 1
        if self._running:
            return
        if self._begun == self.rounds:
            self.complete("done")
        else:
            self.emit(start_timer={"seq": self._take(), "start_to_fire_timeout": seconds(0.001)})

    def _begin(self) -> None:
        self._begun += 1
        for _ in range(self.at_once):
            self._running += 1
            self.schedule(
                "work",
                {"order": self._begun, "items": ["one", "two", "three"]},
                seq=self._take(),
                heartbeat_timeout=seconds(10),
            )

    def _take(self) -> int:
        self._next += 1
        return self._next - 1


class RecordedBatches(Batches):
    """One that ends."""

    rounds = 20


def work(context: ActivityContext) -> object:
    """Report heartbeats, a few per millisecond."""
    for number in range(20):
        context.heartbeat(number)
        if number % 5 == 0:
            time.sleep(0.001)
    return "done"


def start_workflow(task_queue: str, workflow: str) -> StartWorkflowExecutionRequest:
    """Make the request that starts one."""
    return StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=f"{workflow}-{uuid.uuid4()}",
        request_id=str(uuid.uuid4()),
        workflow_type=WorkflowType(name=workflow),
        task_queue=TaskQueue(name=task_queue),
    )


def succeeded(api: CApi, rpc: str, answer: Answer) -> bytes:
    """Wait for a call, which has to succeed."""
    ended = outcome(api, answer)
    if ended.success is None:
        raise RuntimeError(f"{rpc}: {ended.message}")
    return ended.success


def call(api: CApi, client: Any, rpc: str, request: bytes) -> bytes:
    """Call an RPC, which has to succeed."""
    return succeeded(api, rpc, start_call(api, client, rpc, request))


def record_history(api: CApi, server: str) -> bytes:
    """Run a `RecordedBatches` on a server.

    Returns:
        Its history, encoded.
    """
    task_queue = f"recorded-{uuid.uuid4()}"
    with (
        api.runtime() as runtime,
        connection(api, runtime, server, identity="profile") as client,
        worker(api, client, task_queue) as made,
        TaskWorker(made, workflows={"Batches": RecordedBatches}, activities={"work": lambda _: 1}),
    ):
        request = start_workflow(task_queue, "Batches")
        started = StartWorkflowExecutionResponse.FromString(
            call(api, client, "StartWorkflowExecution", request.SerializeToString())
        )
        wanted = GetWorkflowExecutionHistoryRequest(
            namespace="default",
            execution=WorkflowExecution(workflow_id=request.workflow_id, run_id=started.run_id),
            maximum_page_size=10_000,
        ).SerializeToString()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            response = GetWorkflowExecutionHistoryResponse.FromString(
                call(api, client, "GetWorkflowExecutionHistory", wanted)
            )
            events = response.history.events
            if events[-1].HasField("workflow_execution_completed_event_attributes"):
                return response.history.SerializeToString()
            time.sleep(0.2)
    raise RuntimeError("the workflow to be recorded did not end within 60 s")


class Load:
    """The library, and how long to use it."""

    def __init__(self, setting: Setting) -> None:
        declared = Path(setting.declarations).read_text(encoding="utf-8")
        self.api = CApi(declared, Path(setting.library))
        self.setting = setting
        self._end = time.monotonic() + setting.seconds

    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._end

    def rounds(self) -> Iterator[int]:
        """Count from 0 while there is time left."""
        return itertools.takewhile(lambda _: self.goes_on(), itertools.count())

    @contextmanager
    def client(self, runtime: Any, url: str | None = None, **fields: Any) -> Iterator[Any]:
        """Connect, to the Temporal server unless there is another URL."""
        target = url or self.setting.server
        with connection(self.api, runtime, target, identity="profile", **fields) as client:
            yield client

    @contextmanager
    def tls_client(self, runtime: Any) -> Iterator[Any]:
        """Connect to the server with TLS, without compression."""
        lender = self.api.lend()
        tls = lender.struct(
            "TemporalCoreClientTlsOptions",
            server_root_ca_cert=lender.bytes(self.setting.authority),
            client_cert=lender.bytes(self.setting.certificate),
            client_private_key=lender.bytes(self.setting.key),
        )
        none = self.compression("None")
        with self.client(
            runtime, self.setting.tls_server, tls_options=tls, grpc_compression=none
        ) as client:
            yield client

    def compression(self, name: str) -> Any:
        """Give the value of an option; zero is gzip."""
        return getattr(self.api.lib, f"TemporalCoreClientGrpcCompression_{name}")

    def replay(self, made: Replayer, name: str, history: bytes) -> None:
        """Replay a history of a `Batches` once, until its eviction."""
        made.push(name, history)
        run = RecordedBatches()
        run.task_queue = "replay"
        evicted = False
        while not evicted:
            task = made.polled(made.poll("workflow_activation"))
            if task is None:
                raise RuntimeError("the replay ended without an eviction")
            activation = WorkflowActivation.FromString(task)
            completion = WorkflowActivationCompletion(run_id=activation.run_id)
            completion.successful.SetInParent()
            evicted = activation.jobs[0].WhichOneof("variant") == "remove_from_cache"
            if not evicted:
                completion.successful.commands.extend(run.activate(list(activation.jobs)))
            made.done(made.complete("workflow_activation", completion.SerializeToString()))


def connect_tls(load: Load) -> None:
    """Connect with TLS and a client certificate, again and again."""
    with load.api.runtime() as runtime:
        while load.goes_on():
            with load.tls_client(runtime):
                pass


def _query(load: Load, client: Any) -> None:
    """Make calls whose requests and answers are large, until the end."""
    query = WorkflowQuery(query_type="any", query_args=Payloads(payloads=[large_payload()]))
    request = QueryWorkflowRequest(namespace="default", query=query).SerializeToString()
    while load.goes_on():
        answers = [start_call(load.api, client, "QueryWorkflow", request) for _ in range(IN_FLIGHT)]
        for answer in answers:
            succeeded(load.api, "QueryWorkflow", answer)


def rpc_large(load: Load) -> None:
    """Send and receive large messages without compression."""
    with (
        load.api.runtime() as runtime,
        load.client(
            runtime, load.setting.answering_server, grpc_compression=load.compression("None")
        ) as client,
    ):
        _query(load, client)


def rpc_large_gzip(load: Load) -> None:
    """Send and receive large messages, compressed."""
    with (
        load.api.runtime() as runtime,
        load.client(
            runtime, load.setting.gzip_server, grpc_compression=load.compression("Gzip")
        ) as client,
    ):
        _query(load, client)


def rpc_large_tls(load: Load) -> None:
    """Send and receive large messages over TLS, without compression."""
    with load.api.runtime() as runtime, load.tls_client(runtime) as client:
        _query(load, client)


def activities(load: Load) -> None:
    """Run activities that report heartbeats, for several workflows at once."""
    task_queue = f"activities-{uuid.uuid4()}"
    api = load.api
    with (
        api.runtime() as runtime,
        load.client(runtime) as client,
        worker(
            api,
            client,
            task_queue,
            max_heartbeat_throttle_interval_millis=10,
            default_heartbeat_throttle_interval_millis=10,
        ) as made,
        TaskWorker(made, workflows={"Batches": Batches}, activities={"work": work}),
    ):
        for _ in range(IN_FLIGHT):
            request = start_workflow(task_queue, "Batches").SerializeToString()
            call(api, client, "StartWorkflowExecution", request)
        while load.goes_on():
            time.sleep(0.05)


def replay(load: Load) -> None:
    """Replay a history again and again."""
    history = Path(load.setting.history).read_bytes()
    with load.api.runtime() as runtime, replayer(load.api, runtime) as made:
        for number in load.rounds():
            load.replay(made, f"workflow-{number}", history)


def _record(load: Load, runtime: Any, meanwhile: Callable[[], None]) -> None:
    """Record on counters, histograms and a gauge until the end.

    Args:
        load: the library.
        runtime: whose meter to use.
        meanwhile: called after some thousand records.
    """
    api, lib = load.api, load.api.lib
    with Meter(api, runtime) as meter:
        counter = meter.metric("CounterInteger", "profile_counter", "Counts", "things")
        histogram = meter.metric("HistogramInteger", "profile_histogram", "Sizes", "bytes")
        floats = meter.metric("HistogramFloat", "profile_floats", "Ratios", "ratio")
        durations = meter.metric("HistogramDuration", "profile_durations", "Waits", "duration")
        gauge = meter.metric("GaugeInteger", "profile_gauge", "Depth", "items")
        queue = meter.attributes(task_queue="orders", namespace="default")
        sets = [
            meter.attributes(queue, activity_type=f"activity-{number}", poller=number % 2 == 0)
            for number in range(20)
        ]
        while load.goes_on():
            for number in range(100):
                for attributes in sets:
                    lib.temporal_core_metric_record_integer(counter, 1, attributes)
                    lib.temporal_core_metric_record_integer(histogram, number * 37, attributes)
                    lib.temporal_core_metric_record_float(floats, number / 7, attributes)
                    lib.temporal_core_metric_record_duration(durations, number * 3, attributes)
                    lib.temporal_core_metric_record_integer(gauge, number, attributes)
            meanwhile()


def metrics_prometheus(load: Load) -> None:
    """Record metrics, which Prometheus scrapes."""
    address = unused_address()
    lender = load.api.lend()

    def scrape() -> None:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as response:
            response.read()

    with metrics_runtime(load.api, prometheus=prometheus(lender, address)) as runtime:
        _record(load, runtime, scrape)


def metrics_otlp(load: Load) -> None:
    """Record metrics, which are exported with OTLP over gRPC ten times per second."""
    lender = load.api.lend()
    with grpc_receiver() as receiver:
        options = opentelemetry(lender, receiver.url, metric_periodicity_millis=100)
        with metrics_runtime(load.api, opentelemetry=options) as runtime:
            _record(load, runtime, receiver.exports.clear)


def logs(load: Load) -> None:
    """Forward logs of replays, at level trace for Temporal's crates and debug for all others."""
    api, lib = load.api, load.api.lib
    received = itertools.count()

    def receive(_level: int, log: Any) -> None:
        api.text(lib.temporal_core_forwarded_log_target(log))
        api.text(lib.temporal_core_forwarded_log_message(log))
        api.text(lib.temporal_core_forwarded_log_fields_json(log))
        lib.temporal_core_forwarded_log_timestamp_millis(log)
        next(received)

    lender = api.lend()
    logging = lender.struct(
        "TemporalCoreLoggingOptions",
        filter=lender.bytes(
            "debug,temporalio_sdk_core=trace,temporalio_client=trace,temporalio_common=trace"
        ),
        forward_to=lender.keep(api.ffi.callback("TemporalCoreForwardedLogCallback", receive)),
    )
    telemetry = lender.struct("TemporalCoreTelemetryOptions", logging=logging)
    options = lender.struct("TemporalCoreRuntimeOptions", telemetry=telemetry)
    history = Path(load.setting.history).read_bytes()
    with (
        api.runtime(options) as runtime,
        load.client(runtime) as client,
        replayer(api, runtime) as made,
    ):
        for number in load.rounds():
            load.replay(made, f"workflow-{number}", history)
            for _ in range(20):
                call(api, client, "GetSystemInfo", b"")
    if next(received) == 0:
        raise RuntimeError("no log was forwarded")


LOADS: Final[Mapping[str, Callable[[Load], None]]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        connect_tls,
        rpc_large,
        rpc_large_gzip,
        rpc_large_tls,
        activities,
        replay,
        metrics_prometheus,
        metrics_otlp,
        logs,
    )
}


def main() -> int:
    """Run one."""
    name, file = sys.argv[1:]
    load = Load(Setting.read(Path(file)))
    LOADS[name](load)
    return 0


if __name__ == "__main__":
    sys.exit(main())
