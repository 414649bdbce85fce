"""Metrics exported to OTLP receivers over gRPC and HTTP."""

from __future__ import annotations

import socket
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2

from tests.support.abi.capi import CApi, Lender
from tests.support.abi.grpc_override import Override, connection_to
from tests.support.abi.log_capture import LogCapture
from tests.support.abi.metrics import (
    Meter,
    metrics_runtime,
    opentelemetry,
    prometheus,
    range_names,
    record_every_kind,
    refused,
    runtime_options,
)
from tests.support.peers.loopback import unused_address
from tests.support.peers.otlp import Export, Receiver, grpc_receiver, http_receiver

PROTOCOLS = ("Grpc", "Http")
FAST = 50
"""Milliseconds between exports, for tests that wait for one."""
NEVER = 3_600_000
"""Milliseconds between exports, for tests that get only the last one."""


def receiving(protocol: str) -> AbstractContextManager[Receiver]:
    return grpc_receiver() if protocol == "Grpc" else http_receiver()


def exporter(lender: Lender, protocol: str, url: str | bytes, **fields: Any) -> Any:
    """Make ``TemporalCoreOpenTelemetryOptions`` for a protocol."""
    constant = getattr(lender.api.lib, f"TemporalCoreOpenTelemetryProtocol_{protocol}")
    return opentelemetry(lender, url, protocol=constant, **fields)


def attributes(point: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in point.attributes}


def single(points: Any) -> Any:
    (point,) = points
    return point


def holds(name: str) -> Any:
    return lambda export: name in export.metrics()


def recorded(capi: CApi, protocol: str, metrics: dict[str, Any], **fields: Any) -> Export:
    """Record every kind and return the export with all of them, made when the runtime ends."""
    lender = capi.lend()
    with receiving(protocol) as receiver:
        options = exporter(
            lender, protocol, receiver.url, metric_periodicity_millis=NEVER, **fields
        )
        with (
            metrics_runtime(capi, opentelemetry=options, **metrics) as runtime,
            Meter(capi, runtime) as meter,
        ):
            record_every_kind(capi, meter, meter.attributes(color="blue"), "my.")
        return receiver.wait_for(holds("my.balance"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_kind(capi: CApi, protocol: str) -> None:
    metrics = recorded(capi, protocol, {}).metrics()
    assert {
        name: (metric.WhichOneof("data"), metric.description, metric.unit)
        for name, metric in metrics.items()
    } == {
        "my.counter": ("sum", "Counts", "things"),
        "my.histogram": ("histogram", "Sizes", "bytes"),
        "my.floats": ("histogram", "Ratios", "ratio"),
        "my.durations": ("histogram", "Waits", "ms"),
        "my.gauge": ("gauge", "Depth", "items"),
        "my.level": ("gauge", "Level", "ratio"),
        "my.balance": ("sum", "Balance", "items"),
    }
    counter, balance = metrics["my.counter"].sum, metrics["my.balance"].sum
    assert (counter.is_monotonic, balance.is_monotonic) == (True, False)
    assert single(counter.data_points).as_int == 12
    assert single(balance.data_points).as_int == -3
    assert single(metrics["my.gauge"].gauge.data_points).as_int == 42
    assert single(metrics["my.level"].gauge.data_points).as_double == 2.5
    for name, count, total in (
        ("my.histogram", 2, 760),
        ("my.floats", 2, 99.75),
        ("my.durations", 1, 1500),
    ):
        point = single(metrics[name].histogram.data_points)
        assert (point.count, point.sum) == (count, total)
        assert list(point.explicit_bounds) == [50, 100, 500, 1000, 2500, 10000]
        assert attributes(point) == {"color": "blue"}
    assert list(single(metrics["my.histogram"].histogram.data_points).bucket_counts) == [
        0, 1, 0, 1, 0, 0, 0,
    ]  # fmt: skip
    assert attributes(single(counter.data_points)) == {"color": "blue"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_options_reach_the_receiver(capi: CApi, protocol: str) -> None:
    export = recorded(
        capi,
        protocol,
        {"global_tags": {"region": "north"}, "attach_service_name": True},
        headers={"Authorization": "Bearer key", "x-tenant": "seven"},
        durations_as_seconds=True,
        metric_temporality=capi.lib.TemporalCoreOpenTelemetryMetricTemporality_Delta,
        histogram_bucket_overrides={"histogram": "1,2.5,700", "durations": "1.25,+inf"},
    )
    assert export.headers["authorization"] == "Bearer key"
    assert export.headers["x-tenant"] == "seven"
    resource = export.resource()
    assert (resource["region"], resource["service.name"]) == ("north", "temporal-core-sdk")
    metrics = export.metrics()
    counter = metrics["my.counter"].sum
    assert counter.aggregation_temporality == metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
    assert attributes(single(counter.data_points)) == {
        "color": "blue",
        "service_name": "temporal-core-sdk",
    }
    duration = single(metrics["my.durations"].histogram.data_points)
    assert (metrics["my.durations"].unit, duration.sum) == ("s", 1.5)
    assert list(duration.explicit_bounds) == [1.25]
    histogram = single(metrics["my.histogram"].histogram.data_points)
    assert list(histogram.explicit_bounds) == [1, 2.5, 700]
    assert list(histogram.bucket_counts) == [0, 0, 2, 0]


@pytest.mark.parametrize("temporality", ["Cumulative", "Delta"])
def test_temporality_over_two_exports(capi: CApi, temporality: str) -> None:
    lender = capi.lend()
    constant = getattr(capi.lib, f"TemporalCoreOpenTelemetryMetricTemporality_{temporality}")

    def values(export: Export) -> list[int]:
        return [point.as_int for point in export.metrics()["counter"].sum.data_points]

    with grpc_receiver() as receiver:
        options = opentelemetry(
            lender, receiver.url, metric_periodicity_millis=FAST, metric_temporality=constant
        )
        with (
            metrics_runtime(capi, opentelemetry=options) as runtime,
            Meter(capi, runtime) as meter,
        ):
            counter = meter.metric("CounterInteger", "counter")
            capi.lib.temporal_core_metric_record_integer(counter, 5, capi.NULL)
            receiver.wait_for(lambda export: holds("counter")(export) and values(export) == [5])
            capi.lib.temporal_core_metric_record_integer(counter, 2, capi.NULL)
            second = [7] if temporality == "Cumulative" else [2]
            receiver.wait_for(lambda export: holds("counter")(export) and values(export) == second)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_core_s_own_metrics(capi: CApi, protocol: str) -> None:
    lender, override = capi.lend(), Override(capi)
    with receiving(protocol) as receiver:
        options = exporter(lender, protocol, receiver.url, metric_periodicity_millis=FAST)
        with (
            metrics_runtime(capi, opentelemetry=options, metric_prefix="pre.") as runtime,
            connection_to(override, runtime),
        ):
            export = receiver.wait_for(holds("pre.request"))
    point = single(export.metrics()["pre.request"].sum.data_points)
    assert point.as_int == 1
    assert attributes(point)["operation"] == "GetSystemInfo"


def test_periodicity_zero_means_one_second(capi: CApi) -> None:
    lender = capi.lend()
    with grpc_receiver() as receiver:
        options = opentelemetry(lender, receiver.url)
        with (
            metrics_runtime(capi, opentelemetry=options) as runtime,
            Meter(capi, runtime) as meter,
        ):
            counter = meter.metric("CounterInteger", "counter")
            capi.lib.temporal_core_metric_record_integer(counter, 1, capi.NULL)
            receiver.wait_for(holds("counter"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_last_values_of_a_metric_that_outlives_its_runtime_are_exported(
    capi: CApi, protocol: str
) -> None:
    lender = capi.lend()
    with receiving(protocol) as receiver:
        options = exporter(lender, protocol, receiver.url, metric_periodicity_millis=NEVER)
        made = capi.lib.temporal_core_runtime_new(
            runtime_options(capi, lender, opentelemetry=options)
        )
        with Meter(capi, made.runtime) as meter:
            counter = meter.metric("CounterInteger", "late")
            capi.lib.temporal_core_runtime_free(made.runtime)
            capi.lib.temporal_core_metric_record_integer(counter, 3, capi.NULL)
            assert receiver.exports == []
        export = receiver.wait_for(holds("late"))
    assert single(export.metrics()["late"].sum.data_points).as_int == 3


@pytest.mark.parametrize("scheme", ["grpc", "unix"])
def test_other_grpc_schemes(capi: CApi, tmp_path: Path, scheme: str) -> None:
    lender = capi.lend()
    address = f"unix:{tmp_path}/otlp.socket" if scheme == "unix" else "127.0.0.1:0"
    with grpc_receiver(address) as receiver:
        url = receiver.url.replace("http", scheme)
        options = opentelemetry(lender, url, metric_periodicity_millis=FAST)
        with (
            metrics_runtime(capi, opentelemetry=options) as runtime,
            Meter(capi, runtime) as meter,
        ):
            counter = meter.metric("CounterInteger", "counter")
            capi.lib.temporal_core_metric_record_integer(counter, 1, capi.NULL)
            receiver.wait_for(holds("counter"))


@pytest.mark.parametrize(
    ("protocol", "scheme"), [("Grpc", "https"), ("Grpc", "grpcs"), ("Http", "https")]
)
def test_tls_schemes_speak_tls(capi: CApi, protocol: str, scheme: str) -> None:
    """Nothing is sent unencrypted: the first byte is that of a TLS handshake."""
    lender = capi.lend()
    first = threading.Event()
    received: list[bytes] = []

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def accept() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(30)
                received.append(peer.recv(1))
            # Refuse later attempts at once, so that freeing the runtime does not wait for them.
            listener.close()
            first.set()

        accepting = threading.Thread(target=accept)
        accepting.start()
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        options = exporter(lender, protocol, url, metric_periodicity_millis=FAST)
        with (
            metrics_runtime(capi, opentelemetry=options) as runtime,
            Meter(capi, runtime) as meter,
        ):
            counter = meter.metric("CounterInteger", "counter")
            capi.lib.temporal_core_metric_record_integer(counter, 1, capi.NULL)
            assert first.wait(30)
        accepting.join()
    assert received == [b"\x16"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_unreachable_collector_is_a_warning(capi: CApi, protocol: str) -> None:
    logs, lender = LogCapture(capi), capi.lend()
    url = f"http://{unused_address()}/v1/metrics"
    options = exporter(lender, protocol, url, metric_periodicity_millis=FAST)
    with (
        metrics_runtime(capi, logs.telemetry(lender), opentelemetry=options) as runtime,
        Meter(capi, runtime) as meter,
    ):
        counter = meter.metric("CounterInteger", "counter")
        capi.lib.temporal_core_metric_record_integer(counter, 1, capi.NULL)
        log = logs.wait_for(lambda log: "OTLP metric export failed" in log.message)
    assert log.level == "Warn"


def test_metric_that_the_exporter_drops_is_logged(capi: CApi) -> None:
    logs, lender = LogCapture(capi), capi.lend()
    options = opentelemetry(lender, f"http://{unused_address()}", metric_periodicity_millis=NEVER)
    with (
        metrics_runtime(capi, logs.telemetry(lender), opentelemetry=options) as runtime,
        Meter(capi, runtime) as meter,
    ):
        for name, unit in (("7up", ""), ("x" * 256, ""), ("fine", "µs"), ("fine", "u" * 64)):
            dropped = meter.metric("CounterInteger", name, "", unit)
            capi.lib.temporal_core_metric_record_integer(dropped, 1, capi.NULL)
        meter.metric("CounterInteger", "x" * 255, "", "u" * 63)
        errors = [e for e in logs.messages("Error") if e.startswith("temporal_core_metric_new: ")]
        assert len(errors) == 4
        assert "`7up`: OpenTelemetry metric names begin with" in errors[0]


@pytest.mark.parametrize(
    ("protocol", "url", "reason"),
    [
        ("Grpc", "", "`` is malformed"),
        ("Grpc", "127.0.0.1:4317", "`127.0.0.1:4317` is malformed"),
        ("Grpc", "localhost:4317", "does not begin with http://"),
        ("Grpc", "mailto:someone", "does not begin with http://"),
        ("Grpc", "grpc:nothing", "does not begin with http://"),
        ("Grpc", "http://", "is malformed: empty host"),
        ("Grpc", b"\xff", "opentelemetry.url is not UTF-8"),
        ("Grpc", "http://a\nb", "opentelemetry.url contains a line break"),
        ("Http", "grpc://localhost:4317", "does not begin with http:// or https://"),
        ("Http", "unix:/socket", "does not begin with http:// or https://"),
    ],
)
def test_bad_url_is_a_failure(capi: CApi, protocol: str, url: str | bytes, reason: str) -> None:
    lender = capi.lend()
    options = exporter(lender, protocol, url)
    message = refused(capi, runtime_options(capi, lender, opentelemetry=options))
    assert reason in message


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"headers": {"a b": "c"}}, "headers name `a b`", id="header name"),
        pytest.param({"headers": {"": "c"}}, "headers name ``", id="empty header name"),
        pytest.param({"headers": {"a": "\x01"}}, "headers value of `a`", id="header value"),
        pytest.param({"headers": b"a\n\xff"}, "headers is not UTF-8", id="headers utf-8"),
    ],
)
def test_bad_headers_are_a_failure(
    capi: CApi, protocol: str, fields: dict[str, Any], reason: str
) -> None:
    lender = capi.lend()
    options = exporter(lender, protocol, "http://127.0.0.1:1", **fields)
    assert reason in refused(capi, runtime_options(capi, lender, opentelemetry=options))


def test_sized_ranges_without_data_are_failures(capi: CApi) -> None:
    lender = capi.lend()
    names = range_names(capi, "TemporalCoreOpenTelemetryOptions")
    assert names == ["url", "headers", "histogram_bucket_overrides"]
    for name in names:
        options = opentelemetry(lender, "http://127.0.0.1:1")
        setattr(options, name, {"data": capi.NULL, "size": 5})
        message = refused(capi, runtime_options(capi, lender, opentelemetry=options))
        assert f"{name} has size 5 but its data is NULL" in message


@pytest.mark.parametrize("value", [0, 3])
@pytest.mark.parametrize("name", ["protocol", "metric_temporality"])
def test_unknown_enum_value_is_a_failure(capi: CApi, name: str, value: int) -> None:
    lender = capi.lend()
    options = opentelemetry(lender, "http://127.0.0.1:1")
    capi.ffi.cast("uint32_t *", capi.ffi.addressof(options, name))[0] = value
    message = refused(capi, runtime_options(capi, lender, opentelemetry=options))
    assert f"opentelemetry.{name} has the invalid value {value}" in message


@pytest.mark.parametrize("prefix", ["7", "_a", "a b", "ü", "x" * 256])
def test_bad_prefix_is_a_failure(capi: CApi, prefix: str) -> None:
    lender = capi.lend()
    options = opentelemetry(lender, "http://127.0.0.1:1")
    message = refused(
        capi, runtime_options(capi, lender, opentelemetry=options, metric_prefix=prefix)
    )
    assert f"metrics.metric_prefix `{prefix}`: OpenTelemetry metric names" in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("m\n1,x", "`x`: invalid float literal", id="word"),
        pytest.param("m\n", "``: cannot parse float from empty string", id="empty"),
        pytest.param("m\n1,,2", "``: cannot parse float from empty string", id="gap"),
        pytest.param("m\n1,nan", "must be finite and increasing", id="nan"),
        pytest.param("m\ninf,1", "must be finite and increasing", id="infinite"),
        pytest.param("m\ninf", "must be finite and increasing", id="infinite alone"),
        pytest.param("m\n2,1", "must be finite and increasing", id="order"),
        pytest.param("m\n1,1", "must be finite and increasing", id="twice"),
        pytest.param("\n1,2", "the metric's name is empty", id="no name"),
        pytest.param(b"\xff\n1", "histogram_bucket_overrides is not UTF-8", id="utf-8"),
    ],
)
@pytest.mark.parametrize("exporter", ["prometheus", "opentelemetry"])
def test_bad_bucket_overrides_are_a_failure(
    capi: CApi, exporter: str, text: str | bytes, reason: str
) -> None:
    lender = capi.lend()
    made = {
        "prometheus": lambda: prometheus(lender, "127.0.0.1:0", histogram_bucket_overrides=text),
        "opentelemetry": lambda: opentelemetry(
            lender, "http://127.0.0.1:1", histogram_bucket_overrides=text
        ),
    }[exporter]()
    message = refused(capi, runtime_options(capi, lender, **{exporter: made}))
    assert reason in message
