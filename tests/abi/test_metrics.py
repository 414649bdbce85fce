"""Meters, attributes and metrics, recorded by a custom meter of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, connection_to
from tests.support.abi.log_capture import LogCapture
from tests.support.abi.metrics import (
    KINDS,
    CustomMeter,
    MadeMetric,
    Meter,
    Record,
    Value,
    attribute_array,
    metrics_runtime,
    prometheus,
    record_every_kind,
    refused,
    runtime_options,
)

RECORD_FUNCTIONS = {
    "integer": 7,
    "integer_signed": 7,
    "float": 7.0,
    "duration": 7,
}
KINDS_RECORDED_BY = {
    "integer": {"CounterInteger", "HistogramInteger", "GaugeInteger"},
    "integer_signed": {
        "CounterInteger",
        "HistogramInteger",
        "GaugeInteger",
        "UpDownCounterInteger",
    },
    "float": {"HistogramFloat", "GaugeFloat"},
    "duration": {"HistogramDuration"},
}
SERVICE = {"service_name": "temporal-core-sdk"}


@pytest.fixture
def custom(capi: CApi) -> Iterator[CustomMeter]:
    """A custom meter. After any test, everything must be freed exactly once."""
    meter = CustomMeter(capi)
    yield meter
    meter.check_all_freed()


@pytest.fixture
def meter(capi: CApi, custom: CustomMeter) -> Iterator[Meter]:
    """The meter of a runtime with a custom meter."""
    with metrics_runtime(capi, custom_meter=custom.struct) as runtime, Meter(capi, runtime) as made:
        yield made


def test_runtime_without_metrics_has_no_meter(capi: CApi) -> None:
    with capi.runtime() as runtime:
        assert capi.lib.temporal_core_metric_meter_new(runtime) == capi.NULL


def test_unused_custom_meter_is_freed_with_the_runtime(capi: CApi, custom: CustomMeter) -> None:
    with metrics_runtime(capi, custom_meter=custom.struct):
        assert custom.freed["meter"] == 0
    assert custom.freed["meter"] == 1


def test_every_kind_reaches_the_custom_meter(capi: CApi, custom: CustomMeter, meter: Meter) -> None:
    attributes = meter.attributes(color="blue")
    record_every_kind(capi, meter, attributes, "my_")
    assert list(custom.metrics.values()) == [
        MadeMetric("my_counter", "Counts", "things", "CounterInteger"),
        MadeMetric("my_histogram", "Sizes", "bytes", "HistogramInteger"),
        MadeMetric("my_floats", "Ratios", "ratio", "HistogramFloat"),
        MadeMetric("my_durations", "Waits", "duration", "HistogramDuration"),
        MadeMetric("my_gauge", "Depth", "items", "GaugeInteger"),
        MadeMetric("my_level", "Level", "ratio", "GaugeFloat"),
        MadeMetric("my_balance", "Balance", "items", "UpDownCounterInteger"),
    ]
    blue = {"color": "blue"}
    assert custom.records == [
        Record("my_counter", "integer", 3, blue),
        Record("my_counter", "integer", 4, blue),
        Record("my_counter", "integer", 5, blue),
        Record("my_histogram", "integer", 60, blue),
        Record("my_histogram", "integer", 700, blue),
        Record("my_floats", "float", 0.5, blue),
        Record("my_floats", "float", 99.25, blue),
        Record("my_durations", "duration", 1500, blue),
        Record("my_gauge", "integer", 41, blue),
        Record("my_gauge", "integer", 42, blue),
        Record("my_level", "float", 2.5, blue),
        Record("my_balance", "integer", 10, blue),
        Record("my_balance", "integer", 2**64 - 13, blue),
    ]


def test_extreme_values_arrive_unchanged(capi: CApi, custom: CustomMeter, meter: Meter) -> None:
    lib = capi.lib
    counter = meter.metric("CounterInteger", "counter")
    duration = meter.metric("HistogramDuration", "duration")
    balance = meter.metric("UpDownCounterInteger", "balance")
    lib.temporal_core_metric_record_integer(counter, 2**64 - 1, capi.NULL)
    lib.temporal_core_metric_record_duration(duration, 2**64 - 1, capi.NULL)
    lib.temporal_core_metric_record_integer_signed(balance, -(2**63), capi.NULL)
    assert [record.value for record in custom.records] == [2**64 - 1, 2**64 - 1, 2**63]


def test_attributes_of_every_type(capi: CApi, custom: CustomMeter, meter: Meter) -> None:
    values: dict[str, Value] = {
        "text": "grün",
        "empty": "",
        "number": -(2**63),
        "ratio": 0.1,
        "yes": True,
        "no": False,
    }
    attributes = meter.attributes(**values)
    counter = meter.metric("CounterInteger", "counter")
    capi.lib.temporal_core_metric_record_integer(counter, 1, attributes)
    (record,) = custom.records
    assert record.attributes == values


def test_appending_makes_new_attributes(capi: CApi, custom: CustomMeter, meter: Meter) -> None:
    first = meter.attributes(color="blue", size=1)
    second = meter.attributes(first, size=2, shape="round")
    counter = meter.metric("CounterInteger", "counter")
    for attributes in (first, second, first):
        capi.lib.temporal_core_metric_record_integer(counter, 1, attributes)
    appended = {"color": "blue", "size": 2, "shape": "round"}
    original = {"color": "blue", "size": 1}
    assert [record.attributes for record in custom.records] == [original, appended, original]


@pytest.mark.parametrize("attach", [True, False])
def test_service_name_is_attached_when_asked(capi: CApi, custom: CustomMeter, attach: bool) -> None:
    service = SERVICE if attach else {}
    options: dict[str, Any] = {"custom_meter": custom.struct, "attach_service_name": attach}
    with metrics_runtime(capi, **options) as runtime, Meter(capi, runtime) as meter:
        counter = meter.metric("CounterInteger", "counter")
        for attributes in (capi.NULL, meter.attributes(), meter.attributes(color="blue")):
            capi.lib.temporal_core_metric_record_integer(counter, 1, attributes)
        recorded = [record.attributes for record in custom.records]
    assert recorded == [service, service, {**service, "color": "blue"}]


def test_null_attributes_mean_the_runtime_s_own(capi: CApi, custom: CustomMeter) -> None:
    options: dict[str, Any] = {"custom_meter": custom.struct, "attach_service_name": True}
    with metrics_runtime(capi, **options) as runtime, Meter(capi, runtime) as meter:
        counter = meter.metric("CounterInteger", "counter")
        appended = meter.attributes(capi.NULL, color="blue")
        capi.lib.temporal_core_metric_record_integer(counter, 1, appended)
        assert custom.records[0].attributes == {**SERVICE, "color": "blue"}


def test_null_is_a_custom_handle_like_any_other(capi: CApi) -> None:
    custom = CustomMeter(capi, null_handles=True)
    with (
        metrics_runtime(capi, custom_meter=custom.struct) as runtime,
        Meter(capi, runtime) as meter,
    ):
        attributes = meter.attributes(meter.attributes(color="blue"), size=2)
        record_every_kind(capi, meter, attributes, "my_")
        assert len(custom.records) == 13
        assert {record.attributes for record in custom.records} == {None}
    assert custom.made["metric"] == 7
    custom.check_all_freed()


@pytest.mark.parametrize("function", RECORD_FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_function_records_nothing_and_logs_once(
    capi: CApi, custom: CustomMeter, kind: str, function: str
) -> None:
    logs = LogCapture(capi)
    lender = capi.lend()
    record = getattr(capi.lib, f"temporal_core_metric_record_{function}")
    value = RECORD_FUNCTIONS[function]
    with (
        metrics_runtime(capi, logs.telemetry(lender), custom_meter=custom.struct) as runtime,
        Meter(capi, runtime) as meter,
    ):
        metric, other = meter.metric(kind, "metric"), meter.metric(kind, "other")
        for _ in range(3):
            record(metric, value, capi.NULL)
            record(other, value, capi.NULL)
        if kind in KINDS_RECORDED_BY[function]:
            assert [record.value for record in custom.records] == [7] * 6
            assert logs.messages("Error") == []
        else:
            assert custom.records == []
            errors = logs.messages("Error")
            assert len(errors) == 2, "once a metric"
            right = next(name for name, kinds in KINDS_RECORDED_BY.items() if kind in kinds)
            for error in errors:
                assert error.startswith(
                    f"temporal_core_metric_record_{function}: use "
                    f"temporal_core_metric_record_{right} for metrics of this kind"
                )


@pytest.mark.parametrize("kind", ["CounterInteger", "HistogramInteger", "GaugeInteger"])
def test_negative_value_is_for_up_down_counters_only(
    capi: CApi, custom: CustomMeter, kind: str
) -> None:
    logs = LogCapture(capi)
    lender = capi.lend()
    with (
        metrics_runtime(capi, logs.telemetry(lender), custom_meter=custom.struct) as runtime,
        Meter(capi, runtime) as meter,
    ):
        metric = meter.metric(kind, "metric")
        for value in (-1, 2, -(2**63)):
            capi.lib.temporal_core_metric_record_integer_signed(metric, value, capi.NULL)
        assert [record.value for record in custom.records] == [2]
        (error,) = logs.messages("Error")
        assert "-1 is negative" in error


def test_attributes_of_another_runtime_are_refused(capi: CApi, custom: CustomMeter) -> None:
    logs, other = LogCapture(capi), CustomMeter(capi)
    lender = capi.lend()
    with (
        metrics_runtime(capi, logs.telemetry(lender), custom_meter=custom.struct) as runtime,
        metrics_runtime(capi, custom_meter=other.struct) as other_runtime,
        Meter(capi, runtime) as meter,
        Meter(capi, other_runtime) as other_meter,
    ):
        foreign = other_meter.attributes(color="blue")
        counter = meter.metric("CounterInteger", "counter")
        for _ in range(2):
            capi.lib.temporal_core_metric_record_integer(counter, 1, foreign)
        appended = capi.lib.temporal_core_metric_attributes_new_append(
            meter.handle, foreign, capi.NULL, 0
        )
        assert appended == capi.NULL
        assert custom.records == other.records == []
        assert [("another runtime's meter" in error) for error in logs.messages("Error")] == [
            True,
            True,
        ]
    other.check_all_freed()


def test_attributes_of_another_meter_of_the_runtime_are_accepted(
    capi: CApi, custom: CustomMeter
) -> None:
    with (
        metrics_runtime(capi, custom_meter=custom.struct) as runtime,
        Meter(capi, runtime) as meter,
        Meter(capi, runtime) as twin,
    ):
        counter = meter.metric("CounterInteger", "counter")
        capi.lib.temporal_core_metric_record_integer(counter, 1, twin.attributes(color="blue"))
        assert custom.records == [Record("counter", "integer", 1, {"color": "blue"})]


def make_everything(capi: CApi, runtime: Any) -> dict[str, tuple[Any, Any]]:
    """Return each handle, including the runtime, with the function that frees it."""
    lib, lender = capi.lib, capi.lend()
    meter = lib.temporal_core_metric_meter_new(runtime)
    array = attribute_array(capi, lender, {"color": "blue"})
    attributes = lib.temporal_core_metric_attributes_new(meter, array, 1)
    options = lender.struct(
        "TemporalCoreMetricOptions",
        name=lender.bytes("counter"),
        kind=lib.TemporalCoreMetricKind_CounterInteger,
    )
    metric = lib.temporal_core_metric_new(meter, options)
    lib.temporal_core_metric_record_integer(metric, 1, attributes)
    return {
        "runtime": (lib.temporal_core_runtime_free, runtime),
        "meter": (lib.temporal_core_metric_meter_free, meter),
        "attributes": (lib.temporal_core_metric_attributes_free, attributes),
        "metric": (lib.temporal_core_metric_free, metric),
    }


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(order.split(), id=order.replace(" ", "-"))
        for order in (
            "runtime meter attributes metric",
            "runtime metric attributes meter",
            "metric attributes meter runtime",
            "attributes runtime metric meter",
            "meter metric runtime attributes",
        )
    ],
)
def test_handles_are_freed_in_any_order(capi: CApi, custom: CustomMeter, order: list[str]) -> None:
    lender = capi.lend()
    made = capi.lib.temporal_core_runtime_new(
        runtime_options(capi, lender, custom_meter=custom.struct)
    )
    assert made.fail == capi.NULL
    handles = make_everything(capi, made.runtime)
    for name in order:
        assert custom.freed["meter"] == 0
        free, handle = handles[name]
        free(handle)
    custom.check_all_freed()


def test_metric_outlives_its_runtime(capi: CApi, custom: CustomMeter) -> None:
    lender = capi.lend()
    made = capi.lib.temporal_core_runtime_new(
        runtime_options(capi, lender, custom_meter=custom.struct)
    )
    with Meter(capi, made.runtime) as meter:
        capi.lib.temporal_core_runtime_free(made.runtime)
        attributes = meter.attributes(late=True)
        counter = meter.metric("CounterInteger", "counter")
        capi.lib.temporal_core_metric_record_integer(counter, 1, attributes)
        assert custom.records == [Record("counter", "integer", 1, {"late": True})]


def test_callback_can_free_the_handles_in_use(capi: CApi, custom: CustomMeter) -> None:
    lender = capi.lend()
    handles: dict[str, tuple[Any, Any]] = {}
    inner: Any = custom.callbacks["metric_record_integer"]
    recorded: list[int] = []

    def record(metric: Any, value: int, attributes: Any) -> None:
        recorded.append(value)
        inner(metric, value, attributes)
        if value == 2:
            for free, handle in handles.values():
                free(handle)

    replacement = capi.ffi.callback(
        "TemporalCoreCustomMetricMeterMetricRecordIntegerCallback", record
    )
    custom.struct.metric_record_integer = replacement
    made = capi.lib.temporal_core_runtime_new(
        runtime_options(capi, lender, custom_meter=custom.struct)
    )
    handles.update(make_everything(capi, made.runtime))
    capi.lib.temporal_core_metric_record_integer(handles["metric"][1], 2, handles["attributes"][1])
    assert recorded == [1, 2]
    custom.check_all_freed()


def test_core_s_own_metrics_reach_the_custom_meter(capi: CApi, custom: CustomMeter) -> None:
    """With the prefix, and from runtime threads."""
    override = Override(capi)
    with (
        metrics_runtime(capi, custom_meter=custom.struct, metric_prefix="pre_") as runtime,
        connection_to(override, runtime),
    ):
        requests = [r for r in custom.records if r.name == "pre_request"]
        assert [(r.function, r.value) for r in requests] == [("integer", 1)]
        assert requests[0].attributes is not None
        assert requests[0].attributes["operation"] == "GetSystemInfo"
        latencies = [r for r in custom.records if r.name == "pre_request_latency"]
        assert [r.function for r in latencies] == ["duration"]
        assert {metric.name.startswith("pre_") for metric in custom.metrics.values()} == {True}


def test_meter_serves_64_threads_at_once(capi: CApi, custom: CustomMeter, meter: Meter) -> None:
    shared = meter.metric("CounterInteger", "shared")
    lib = capi.lib

    def work(number: int) -> None:
        lender = capi.lend()
        array = attribute_array(capi, lender, {"thread": number})
        options = meter.options("GaugeInteger", f"own_{number}")
        for value in range(10):
            attributes = lib.temporal_core_metric_attributes_new(meter.handle, array, 1)
            own = lib.temporal_core_metric_new(meter.handle, options)
            lib.temporal_core_metric_record_integer(own, value, attributes)
            lib.temporal_core_metric_record_integer(shared, 1, attributes)
            lib.temporal_core_metric_free(own)
            lib.temporal_core_metric_attributes_free(attributes)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    for number in range(64):
        mine = [r for r in custom.records if r.attributes == {"thread": number}]
        assert [r.value for r in mine if r.name == f"own_{number}"] == list(range(10))
        assert [r.value for r in mine if r.name == "shared"] == [1] * 10


CALLBACKS = (
    "metric_new",
    "metric_free",
    "metric_record_integer",
    "metric_record_float",
    "metric_record_duration",
    "attributes_new",
    "attributes_free",
    "meter_free",
)


@pytest.mark.parametrize("name", CALLBACKS)
def test_every_callback_is_required(capi: CApi, name: str) -> None:
    custom = CustomMeter(capi)
    setattr(custom.struct, name, capi.NULL)
    message = refused(capi, runtime_options(capi, capi.lend(), custom_meter=custom.struct))
    assert message == f"Invalid options: custom_meter.{name} is NULL"
    assert custom.freed["meter"] == (0 if name == "meter_free" else 1)


def test_callbacks_cover_the_struct(capi: CApi) -> None:
    fields = capi.ffi.typeof("TemporalCoreCustomMetricMeter").fields
    assert [name for name, _ in fields] == list(CALLBACKS)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"metric_prefix": b"\xff"}, id="metrics"),
        pytest.param({"global_tags": {"data": None, "size": 5}}, id="range"),
        pytest.param({"prometheus": "127.0.0.1:0"}, id="two exporters"),
        pytest.param({"heartbeat": 1}, id="heartbeat"),
        pytest.param({"filter": "a=b=c=d"}, id="log filter"),
    ],
)
def test_meter_is_freed_once_when_the_runtime_fails(
    capi: CApi, custom: CustomMeter, fields: dict[str, Any]
) -> None:
    lender = capi.lend()
    telemetry = lender.struct("TemporalCoreTelemetryOptions")
    if "filter" in fields:
        filter_text = lender.bytes(fields.pop("filter"))
        telemetry.logging = lender.struct("TemporalCoreLoggingOptions", filter=filter_text)
    if "prometheus" in fields:
        fields["prometheus"] = prometheus(lender, fields["prometheus"])
    if "global_tags" in fields:
        fields["global_tags"] = lender.keep(
            capi.new("TemporalCoreByteArrayRef", data=capi.NULL, size=5)
        )[0]
    heartbeat = fields.pop("heartbeat", 0)
    options = runtime_options(capi, lender, telemetry, custom_meter=custom.struct, **fields)
    options.worker_heartbeat_interval_millis = heartbeat
    assert refused(capi, options).startswith("Invalid options: ")
    assert custom.freed["meter"] == 1


def test_two_exporters_are_named_in_the_failure(capi: CApi, custom: CustomMeter) -> None:
    lender = capi.lend()
    options = runtime_options(
        capi,
        lender,
        custom_meter=custom.struct,
        prometheus=prometheus(lender, "127.0.0.1:0"),
    )
    assert refused(capi, options) == (
        "Invalid options: metrics takes one of opentelemetry, prometheus, custom_meter; "
        "prometheus and custom_meter are set"
    )


def test_no_exporter_is_a_failure(capi: CApi) -> None:
    assert "none is set" in refused(capi, runtime_options(capi, capi.lend()))


def test_null_instead_of_handles(capi: CApi, custom: CustomMeter, meter: Meter) -> None:
    lib, null = capi.lib, capi.NULL
    array = attribute_array(capi, meter.lender, {"color": "blue"})
    for function in ("meter_free", "free", "attributes_free"):
        getattr(lib, f"temporal_core_metric_{function}")(null)
    assert lib.temporal_core_metric_meter_new(null) == null
    assert lib.temporal_core_metric_attributes_new(null, array, 1) == null
    assert lib.temporal_core_metric_attributes_new(meter.handle, null, 1) == null
    assert lib.temporal_core_metric_attributes_new_append(null, null, array, 1) == null
    assert lib.temporal_core_metric_attributes_new_append(meter.handle, null, null, 1) == null
    assert lib.temporal_core_metric_new(null, meter.options("GaugeFloat", "gauge")) == null
    assert lib.temporal_core_metric_new(meter.handle, null) == null
    for function, value in RECORD_FUNCTIONS.items():
        getattr(lib, f"temporal_core_metric_record_{function}")(null, value, null)
    assert custom.records == []


def test_meter_of_a_failed_runtime(capi: CApi) -> None:
    made = capi.lib.temporal_core_runtime_new(capi.NULL)
    assert capi.take(made.fail)
    assert capi.lib.temporal_core_metric_meter_new(made.runtime) == capi.NULL
    capi.lib.temporal_core_runtime_free(made.runtime)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"key": b"\xff"}, "an attribute's key is not UTF-8", id="key"),
        pytest.param(
            {"string_value": b"\xff"}, "the value of attribute `k` is not UTF-8", id="value"
        ),
        pytest.param(
            {"key": None}, "an attribute's key has size 5 but its data is NULL", id="null"
        ),
        pytest.param(
            {"value_type": 0}, "value_type of attribute `k` has the invalid value 0", id="0"
        ),
        pytest.param(
            {"value_type": 5}, "value_type of attribute `k` has the invalid value 5", id="5"
        ),
    ],
)
def test_malformed_attribute_makes_no_attributes(
    capi: CApi, custom: CustomMeter, fields: dict[str, Any], reason: str
) -> None:
    logs, lender = LogCapture(capi), capi.lend()
    array = attribute_array(capi, lender, {"k": "v"})
    if "key" in fields:
        key = fields["key"]
        array[0].key = {"data": capi.NULL, "size": 5} if key is None else lender.bytes(key)
    if "string_value" in fields:
        array[0].value.string_value = lender.bytes(fields["string_value"])
    if "value_type" in fields:
        place = capi.ffi.addressof(array[0], "value_type")
        capi.ffi.cast("uint32_t *", place)[0] = fields["value_type"]
    with (
        metrics_runtime(capi, logs.telemetry(lender), custom_meter=custom.struct) as runtime,
        Meter(capi, runtime) as meter,
    ):
        made = capi.lib.temporal_core_metric_attributes_new(meter.handle, array, 1)
        assert made == capi.NULL
        (error,) = logs.messages("Error")
        assert error.startswith(f"temporal_core_metric_attributes_new: {reason}")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"name": b""}, "options.name is empty", id="empty"),
        pytest.param({"name": b"a\nb"}, "options.name contains a line break", id="line break"),
        pytest.param({"name": b"\xff"}, "options.name is not UTF-8", id="name"),
        pytest.param(
            {"description": b"\xff"}, "options.description is not UTF-8", id="description"
        ),
        pytest.param({"unit": b"\xff"}, "options.unit is not UTF-8", id="unit"),
        pytest.param({"kind": 0}, "options.kind has the invalid value 0", id="0"),
        pytest.param({"kind": 8}, "options.kind has the invalid value 8", id="8"),
    ],
)
def test_malformed_options_make_no_metric(
    capi: CApi, custom: CustomMeter, fields: dict[str, Any], reason: str
) -> None:
    logs, lender = LogCapture(capi), capi.lend()
    with (
        metrics_runtime(capi, logs.telemetry(lender), custom_meter=custom.struct) as runtime,
        Meter(capi, runtime) as meter,
    ):
        options = meter.options("CounterInteger", "name")
        for name, value in fields.items():
            if name == "kind":
                place = capi.ffi.addressof(options, "kind")
                capi.ffi.cast("uint32_t *", place)[0] = value
            else:
                setattr(options, name, lender.bytes(value))
        assert capi.lib.temporal_core_metric_new(meter.handle, options) == capi.NULL
        (error,) = logs.messages("Error")
        assert error.startswith(f"temporal_core_metric_new: {reason}")
    assert custom.made["metric"] == 0
