"""Receivers of OTLP metrics over gRPC and HTTP, using OpenTelemetry's own protobufs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.metrics.v1 import metrics_pb2


@dataclass(frozen=True)
class Export:
    """An export that arrived."""

    headers: dict[str, str]
    request: Any
    """``ExportMetricsServiceRequest``"""

    def metrics(self) -> dict[str, metrics_pb2.Metric]:
        """Map names to metrics."""
        return {
            metric.name: metric
            for resource in self.request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def resource(self) -> dict[str, str]:
        """Return the resource's attributes, which are all texts."""
        (resource,) = self.request.resource_metrics
        return {item.key: item.value.string_value for item in resource.resource.attributes}


@dataclass
class Receiver:
    """The exports that a receiver has got so far."""

    url: str = ""
    exports: list[Export] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def add(self, export: Export) -> None:
        """Store an export, and wake waiting threads."""
        with self._arrived:
            self.exports.append(export)
            self._arrived.notify_all()

    def wait_for(self, wanted: Callable[[Export], bool], deadline: float = 30.0) -> Export:
        """Wait for an export; the deadline is in seconds."""
        end = time.monotonic() + deadline
        with self._arrived:
            while True:
                for export in self.exports:
                    if wanted(export):
                        return export
                if not self._arrived.wait(end - time.monotonic()):
                    raise AssertionError(f"no such export within {deadline} s: {self.exports}")


@contextmanager
def grpc_receiver(address: str = "127.0.0.1:0") -> Iterator[Receiver]:
    """Receive over gRPC; the address may be ``unix:PATH``."""
    receiver = Receiver()

    class Service(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the RPC's name
            receiver.add(Export(dict(context.invocation_metadata()), request))
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    add_to_server: Any = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
    add_to_server(Service(), server)
    port = server.add_insecure_port(address)
    receiver.url = address if address.startswith("unix:") else f"http://127.0.0.1:{port}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(grace=None).wait()


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    """Receive protobuf bodies over HTTP at ``/v1/metrics``."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            expected = self.path == "/v1/metrics"
            protobuf = self.headers["content-type"] == "application/x-protobuf"
            self.send_response(200 if expected and protobuf else 404)
            self.send_header("content-length", "0")
            self.end_headers()
            if expected and protobuf:
                request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.add(Export(headers, request))

        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/v1/metrics"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
