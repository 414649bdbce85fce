"""Metrics through the C interface: options, recording, and a custom meter."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.abi.capi import CApi, Lender

Value = str | int | float | bool
KINDS = (
    "CounterInteger",
    "HistogramInteger",
    "HistogramFloat",
    "HistogramDuration",
    "GaugeInteger",
    "GaugeFloat",
    "UpDownCounterInteger",
)
VALUE_TYPES: dict[type, tuple[str, str]] = {
    str: ("String", "string_value"),
    int: ("Int", "int_value"),
    float: ("Float", "float_value"),
    bool: ("Bool", "bool_value"),
}


def attribute_array(api: CApi, lender: Lender, attributes: dict[str, Value]) -> Any:
    """Make an array of ``TemporalCoreMetricAttribute``."""
    array = api.ffi.new("TemporalCoreMetricAttribute[]", len(attributes))
    for made, (key, value) in zip(array, attributes.items(), strict=True):
        type_name, member = VALUE_TYPES[type(value)]
        made.key = lender.bytes(key)
        made.value_type = getattr(api.lib, f"TemporalCoreMetricAttributeValueType_{type_name}")
        setattr(made.value, member, lender.bytes(value) if isinstance(value, str) else value)
    return lender.keep(array)


class Meter:
    """A runtime's meter. At the end, frees everything it made, in the order of creation."""

    def __init__(self, api: CApi, runtime: Any) -> None:
        self.api = api
        self.handle = api.lib.temporal_core_metric_meter_new(runtime)
        self.lender = api.lend()
        self._frees: list[tuple[Any, Any]] = [
            (api.lib.temporal_core_metric_meter_free, self.handle)
        ]

    def __enter__(self) -> Meter:
        assert self.handle != self.api.NULL
        return self

    def __exit__(self, *_exception: object) -> None:
        for free, handle in self._frees:
            free(handle)

    def attributes(self, append_to: Any = None, **attributes: Value) -> Any:
        """Make attributes from ``append_to`` and these."""
        array = attribute_array(self.api, self.lender, attributes)
        lib = self.api.lib
        if append_to is None:
            made = lib.temporal_core_metric_attributes_new(self.handle, array, len(array))
        else:
            made = lib.temporal_core_metric_attributes_new_append(
                self.handle, append_to, array, len(array)
            )
        assert made != self.api.NULL
        self._frees.append((lib.temporal_core_metric_attributes_free, made))
        return made

    def options(self, kind: str, name: str, description: str = "", unit: str = "") -> Any:
        """Make ``TemporalCoreMetricOptions``."""
        return self.lender.struct(
            "TemporalCoreMetricOptions",
            name=self.lender.bytes(name),
            description=self.lender.bytes(description),
            unit=self.lender.bytes(unit),
            kind=getattr(self.api.lib, f"TemporalCoreMetricKind_{kind}"),
        )

    def metric(self, kind: str, name: str, description: str = "", unit: str = "") -> Any:
        """Make a metric."""
        lib = self.api.lib
        made = lib.temporal_core_metric_new(
            self.handle, self.options(kind, name, description, unit)
        )
        assert made != self.api.NULL
        self._frees.append((lib.temporal_core_metric_free, made))
        return made


def record_every_kind(api: CApi, meter: Meter, attributes: Any, prefix: str) -> None:
    """Record known values in a metric of each kind, named with the prefix and a word."""
    lib = api.lib
    counter = meter.metric("CounterInteger", f"{prefix}counter", "Counts", "things")
    lib.temporal_core_metric_record_integer(counter, 3, attributes)
    lib.temporal_core_metric_record_integer(counter, 4, attributes)
    lib.temporal_core_metric_record_integer_signed(counter, 5, attributes)
    histogram = meter.metric("HistogramInteger", f"{prefix}histogram", "Sizes", "bytes")
    lib.temporal_core_metric_record_integer(histogram, 60, attributes)
    lib.temporal_core_metric_record_integer(histogram, 700, attributes)
    floats = meter.metric("HistogramFloat", f"{prefix}floats", "Ratios", "ratio")
    lib.temporal_core_metric_record_float(floats, 0.5, attributes)
    lib.temporal_core_metric_record_float(floats, 99.25, attributes)
    durations = meter.metric("HistogramDuration", f"{prefix}durations", "Waits", "duration")
    lib.temporal_core_metric_record_duration(durations, 1500, attributes)
    gauge = meter.metric("GaugeInteger", f"{prefix}gauge", "Depth", "items")
    lib.temporal_core_metric_record_integer(gauge, 41, attributes)
    lib.temporal_core_metric_record_integer(gauge, 42, attributes)
    level = meter.metric("GaugeFloat", f"{prefix}level", "Level", "ratio")
    lib.temporal_core_metric_record_float(level, 2.5, attributes)
    balance = meter.metric("UpDownCounterInteger", f"{prefix}balance", "Balance", "items")
    lib.temporal_core_metric_record_integer_signed(balance, 10, attributes)
    lib.temporal_core_metric_record_integer_signed(balance, -13, attributes)


@dataclass(frozen=True)
class MadeMetric:
    """A metric that the library requested from the custom meter."""

    name: str
    description: str
    unit: str
    kind: str


@dataclass(frozen=True)
class Record:
    """A value that reached the custom meter."""

    name: str
    function: str
    value: int | float
    attributes: Mapping[str, Value] | None


@dataclass
class CustomMeter:
    """A meter in Python with numbers as handles, never reused; ``errors`` must stay empty."""

    api: CApi
    null_handles: bool = False
    """Return NULL handles instead."""
    metrics: dict[int, MadeMetric] = field(default_factory=dict)
    attributes: dict[int, dict[str, Value]] = field(default_factory=dict)
    freed: Counter[str] = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.made: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._last_handle = 0
        callbacks = {
            "metric_new": ("MetricNew", self._metric_new),
            "metric_free": ("MetricFree", lambda handle: self._free("metric", handle)),
            "metric_record_integer": ("MetricRecordInteger", self._recorder("integer")),
            "metric_record_float": ("MetricRecordFloat", self._recorder("float")),
            "metric_record_duration": ("MetricRecordDuration", self._recorder("duration")),
            "attributes_new": ("AttributesNew", self._attributes_new),
            "attributes_free": ("AttributesFree", lambda handle: self._free("attributes", handle)),
            "meter_free": ("MeterFree", self._meter_free),
        }
        ffi = self.api.ffi
        self.callbacks = {
            name: ffi.callback(
                f"TemporalCoreCustomMetricMeter{type_name}Callback", function, onerror=self._failed
            )
            for name, (type_name, function) in callbacks.items()
        }
        self.struct = self.api.new("TemporalCoreCustomMetricMeter", **self.callbacks)

    def _failed(self, _type: object, exception: object, _traceback: object) -> None:
        self.errors.append(repr(exception))

    def _handle(self, kind: str) -> tuple[int, Any]:
        self.made[kind] += 1
        if self.null_handles:
            return 0, self.api.NULL
        self._last_handle += 1
        return self._last_handle, self.api.ffi.cast("void *", self._last_handle)

    def _number(self, handle: Any) -> int:
        return int(self.api.ffi.cast("uintptr_t", handle))

    def _metric_new(self, name: Any, description: Any, unit: Any, kind: int) -> Any:
        text = self.api.text
        made = MadeMetric(text(name), text(description), text(unit), KINDS[kind - 1])
        with self._lock:
            number, handle = self._handle("metric")
            self.metrics[number] = made
        return handle

    def _attributes_new(self, append_from: Any, array: Any, size: int) -> Any:
        new: dict[str, Value] = {}
        for i in range(size):
            key, value = self.api.text(array[i].key), array[i].value
            type_name, member = list(VALUE_TYPES.values())[array[i].value_type - 1]
            held = getattr(value, member)
            new[key] = self.api.text(held) if type_name == "String" else held
        with self._lock:
            base = (
                {} if append_from == self.api.NULL else self.attributes[self._number(append_from)]
            )
            number, handle = self._handle("attributes")
            self.attributes[number] = {**base, **new}
        return handle

    def _recorder(self, function: str) -> Any:
        def record(metric: Any, value: int | float, attributes: Any) -> None:
            number = self._number(attributes)
            with self._lock:
                name = self.metrics[self._number(metric)].name
                known = self.attributes[number] if number else None
                self.records.append(Record(name, function, value, known))

        return record

    def _free(self, kind: str, handle: Any) -> None:
        with self._lock:
            self.freed[kind] += 1
            if self.freed["meter"]:
                self.errors.append(f"{kind} freed after the meter")
            if not self.null_handles:
                known: dict[int, Any] = self.metrics if kind == "metric" else self.attributes
                del known[self._number(handle)]

    def _meter_free(self, meter: Any) -> None:
        if meter != self.struct:
            self.errors.append("meter_free got another pointer")
        with self._lock:
            self.freed["meter"] += 1

    def check_all_freed(self, deadline: float = 20.0) -> None:
        """Check that everything was freed exactly once, and the meter last.

        Waits for this many seconds, because a runtime thread may free the last handle.
        """
        end = time.monotonic() + deadline
        while not self.freed["meter"] and time.monotonic() < end:
            time.sleep(0.01)
        assert self.errors == []
        assert self.freed == Counter(self.made) + Counter(meter=1)


def refused(api: CApi, options: Any) -> str:
    """Make a runtime, which must fail; return the message."""
    made = api.lib.temporal_core_runtime_new(options)
    message = api.take_text(made.fail)
    api.lib.temporal_core_runtime_free(made.runtime)
    assert message is not None, "the options were accepted"
    assert message.startswith("Invalid options: ")
    return message


def range_names(api: CApi, type_name: str) -> list[str]:
    """List the fields of a struct that are byte ranges."""
    ranges = {"TemporalCoreByteArrayRef", "TemporalCoreNewlineDelimitedMapRef"}
    fields = api.ffi.typeof(type_name).fields
    return [name for name, field in fields if field.type.cname.removeprefix("struct ") in ranges]


@contextmanager
def metrics_runtime(api: CApi, telemetry: Any = None, **fields: Any) -> Iterator[Any]:
    """Make a runtime, freed at the end; ``fields`` are those of ``TemporalCoreMetricsOptions``."""
    lender = api.lend()
    with api.runtime(runtime_options(api, lender, telemetry, **fields)) as runtime:
        yield runtime


def runtime_options(api: CApi, lender: Lender, telemetry: Any = None, **fields: Any) -> Any:
    """Make ``TemporalCoreRuntimeOptions`` with these ``TemporalCoreMetricsOptions``.

    Strings and bytes become byte ranges, dicts newline maps. ``telemetry`` may contain logging.
    """
    metrics = lender.struct("TemporalCoreMetricsOptions", **lent(lender, fields))
    telemetry = telemetry or lender.struct("TemporalCoreTelemetryOptions")
    telemetry.metrics = metrics
    return lender.struct("TemporalCoreRuntimeOptions", telemetry=lender.keep(telemetry))


def lent(lender: Lender, fields: dict[str, Any]) -> dict[str, Any]:
    """Turn strings, bytes and dicts into byte ranges."""
    made = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            value = "\n".join(line for entry in value.items() for line in entry)
        made[name] = lender.bytes(value) if isinstance(value, (str, bytes)) else value
    return made


def prometheus(lender: Lender, address: str | bytes, **fields: Any) -> Any:
    """Make ``TemporalCorePrometheusOptions``."""
    return lender.struct(
        "TemporalCorePrometheusOptions", **lent(lender, {"bind_address": address, **fields})
    )


def opentelemetry(lender: Lender, url: str | bytes, **fields: Any) -> Any:
    """Make ``TemporalCoreOpenTelemetryOptions``, by default with gRPC and cumulative."""
    lib = lender.api.lib
    defaults = {
        "url": url,
        "metric_temporality": lib.TemporalCoreOpenTelemetryMetricTemporality_Cumulative,
        "protocol": lib.TemporalCoreOpenTelemetryProtocol_Grpc,
    }
    return lender.struct("TemporalCoreOpenTelemetryOptions", **lent(lender, {**defaults, **fields}))
