"""Metrics read by a Prometheus parser."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, connection_to
from tests.support.abi.log_capture import LogCapture
from tests.support.abi.metrics import (
    Meter,
    metrics_runtime,
    prometheus,
    range_names,
    record_every_kind,
    refused,
    runtime_options,
)
from tests.support.peers.loopback import unused_address

BLUE = {"color": "blue"}


def scraped_text(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as response:
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        return str(response.read().decode())


def scrape(address: str) -> dict[str, Metric]:
    """Scrape the endpoint and parse it; families by name, counters' samples end in ``_total``."""
    families = text_string_to_metric_families(scraped_text(address))
    return {family.name: family for family in families}


def samples(family: Metric) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return sample values by name and labels."""
    return {(s.name, frozenset(s.labels.items())): s.value for s in family.samples}


@pytest.fixture
def address() -> str:
    return unused_address()


def recorded_families(
    capi: CApi, address: str, metrics: dict[str, Any], **fields: Any
) -> dict[str, Metric]:
    """Record every kind and scrape."""
    lender = capi.lend()
    options = {"prometheus": prometheus(lender, address, **fields), **metrics}
    with metrics_runtime(capi, **options) as runtime, Meter(capi, runtime) as meter:
        record_every_kind(capi, meter, meter.attributes(color="blue"), "my_")
        return scrape(address)


def test_every_kind(capi: CApi, address: str) -> None:
    families = recorded_families(capi, address, {})
    blue = frozenset(BLUE.items())
    assert {name: family.type for name, family in families.items()} == {
        "my_counter": "counter",
        "my_histogram": "histogram",
        "my_floats": "histogram",
        "my_durations": "histogram",
        "my_gauge": "gauge",
        "my_level": "gauge",
        "my_balance": "gauge",
    }
    assert families["my_counter"].documentation == "Counts"
    assert samples(families["my_counter"]) == {("my_counter_total", blue): 12}
    assert samples(families["my_gauge"]) == {("my_gauge", blue): 42}
    assert samples(families["my_level"]) == {("my_level", blue): 2.5}
    assert samples(families["my_balance"]) == {("my_balance", blue): -3}
    for name, count, total in (
        ("my_histogram", 2, 760),
        ("my_floats", 2, 99.75),
        ("my_durations", 1, 1500),
    ):
        found = samples(families[name])
        assert found[f"{name}_count", blue] == count
        assert found[f"{name}_sum", blue] == total
    buckets = {
        s.labels["le"]: s.value
        for s in families["my_histogram"].samples
        if s.name == "my_histogram_bucket"
    }
    assert buckets == {
        "50": 0, "100": 1, "500": 1, "1000": 2, "2500": 2, "10000": 2, "+Inf": 2,
    }  # fmt: skip


def test_names_with_suffixes_and_seconds(capi: CApi, address: str) -> None:
    families = recorded_families(
        capi,
        address,
        {"attach_service_name": True, "global_tags": {"region": "north", "data-center": "7"}},
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    labels = frozenset(
        {
            **BLUE,
            "service_name": "temporal-core-sdk",
            "region": "north",
            "data_center": "7",
        }.items()
    )
    assert samples(families["my_counter"]) == {("my_counter_total", labels): 12}
    assert samples(families["my_durations_seconds"])["my_durations_seconds_sum", labels] == 1.5
    assert samples(families["my_histogram_bytes"])["my_histogram_bytes_sum", labels] == 760


@pytest.mark.parametrize("suffix", [True, False])
def test_counters_end_in_total_when_asked(capi: CApi, address: str, suffix: bool) -> None:
    lender = capi.lend()
    options = prometheus(lender, address, counters_total_suffix=suffix)
    with metrics_runtime(capi, prometheus=options) as runtime, Meter(capi, runtime) as meter:
        counter = meter.metric("CounterInteger", "things")
        capi.lib.temporal_core_metric_record_integer(counter, 1, capi.NULL)
        name = "things_total" if suffix else "things"
        assert f"\n{name} 1\n" in scraped_text(address)


def test_bucket_overrides(capi: CApi, address: str) -> None:
    overrides = {"my_histogram": "1, 65.5,1e3", "my_durations": "1499,1500,inf"}
    families = recorded_families(capi, address, {}, histogram_bucket_overrides=overrides)

    def bounds(name: str) -> dict[str, float]:
        return {s.labels["le"]: s.value for s in families[name].samples if "le" in s.labels}

    assert bounds("my_histogram") == {"1": 0, "65.5": 1, "1000": 2, "+Inf": 2}
    assert bounds("my_durations") == {"1499": 0, "1500": 1, "+Inf": 1}
    assert "50" in bounds("my_floats")


@pytest.mark.parametrize("prefix", ["", "my_prefix_", "my-prefix-"])
def test_core_s_own_metrics(capi: CApi, address: str, prefix: str) -> None:
    lender, override = capi.lend(), Override(capi)
    options = {"prometheus": prometheus(lender, address), "metric_prefix": prefix}
    with (
        metrics_runtime(capi, **options) as runtime,
        connection_to(override, runtime),
    ):
        families = scrape(address)
    name = (prefix or "temporal_").replace("-", "_") + "request"
    assert sum(s.value for s in families[name].samples) == 1
    assert {s.labels["operation"] for s in families[name].samples} == {"GetSystemInfo"}


def test_global_tag_replaces_the_attached_service_name(capi: CApi, address: str) -> None:
    """Prometheus would refuse the scrape if two labels had the same name."""
    lender = capi.lend()
    with (
        metrics_runtime(
            capi,
            prometheus=prometheus(lender, address),
            attach_service_name=True,
            global_tags={"service-name": "mine"},
        ) as runtime,
        Meter(capi, runtime) as meter,
    ):
        gauge = meter.metric("GaugeInteger", "gauge")
        capi.lib.temporal_core_metric_record_integer(gauge, 1, capi.NULL)
        assert '\ngauge{service_name="mine"} 1\n' in scraped_text(address)


def test_only_the_metrics_path_is_served(capi: CApi, address: str) -> None:
    lender = capi.lend()
    with (
        metrics_runtime(capi, prometheus=prometheus(lender, address)),
        pytest.raises(urllib.error.HTTPError, match="404") as caught,
    ):
        urllib.request.urlopen(f"http://{address}/", timeout=20)
    caught.value.close()


def test_endpoint_ends_with_the_runtime(capi: CApi, address: str) -> None:
    lender = capi.lend()
    for _ in range(3):
        with metrics_runtime(capi, prometheus=prometheus(lender, address)):
            assert scrape(address) == {}
        with pytest.raises(urllib.error.URLError, match="refused"):
            scrape(address)


def test_endpoint_lives_as_long_as_a_metric_that_outlives_the_runtime(
    capi: CApi, address: str
) -> None:
    lender = capi.lend()
    made = capi.lib.temporal_core_runtime_new(
        runtime_options(capi, lender, prometheus=prometheus(lender, address))
    )
    with Meter(capi, made.runtime) as meter:
        counter = meter.metric("CounterInteger", "late")
        capi.lib.temporal_core_runtime_free(made.runtime)
        capi.lib.temporal_core_metric_record_integer(counter, 2, capi.NULL)
        assert samples(scrape(address)["late"]) == {("late_total", frozenset()): 2}
    with pytest.raises(urllib.error.URLError, match="refused"):
        scrape(address)


def test_two_runtimes_have_separate_metrics(capi: CApi) -> None:
    lender = capi.lend()
    addresses = [unused_address() for _ in range(2)]
    one, two = (prometheus(lender, address) for address in addresses)
    with (
        metrics_runtime(capi, prometheus=one) as runtime,
        metrics_runtime(capi, prometheus=two) as other,
        Meter(capi, runtime) as meter,
        Meter(capi, other) as other_meter,
    ):
        for owner, value in ((meter, 1), (other_meter, 20)):
            counter = owner.metric("CounterInteger", "counter")
            capi.lib.temporal_core_metric_record_integer(counter, value, capi.NULL)
        values = [scrape(address)["counter"].samples[0].value for address in addresses]
    assert values == [1, 20]


def test_label_values_are_escaped(capi: CApi, address: str) -> None:
    lender = capi.lend()
    nasty = 'quote " backslash \\ line\nbreak grün'
    with (
        metrics_runtime(capi, prometheus=prometheus(lender, address)) as runtime,
        Meter(capi, runtime) as meter,
    ):
        gauge = meter.metric("GaugeInteger", "gauge")
        capi.lib.temporal_core_metric_record_integer(gauge, 1, meter.attributes(nasty=nasty))
        (sample,) = scrape(address)["gauge"].samples
    assert sample.labels == {"nasty": nasty}


def test_invalid_name_is_logged(capi: CApi, address: str) -> None:
    logs, lender = LogCapture(capi), capi.lend()
    options = {"prometheus": prometheus(lender, address)}
    with (
        metrics_runtime(capi, logs.telemetry(lender), **options) as runtime,
        Meter(capi, runtime) as meter,
    ):
        wrong = meter.metric("CounterInteger", "my.counter")
        assert (
            "temporal_core_metric_new: metric `my.counter`: Prometheus metric names"
            in (logs.messages("Error")[0])
        )
        capi.lib.temporal_core_metric_record_integer(wrong, 1, capi.NULL)
        right = meter.metric("CounterInteger", "my-counter")
        capi.lib.temporal_core_metric_record_integer(right, 1, capi.NULL)
        assert set(scrape(address)) == {"my_counter"}


def test_same_name_for_two_kinds_does_not_break_the_scrape(capi: CApi, address: str) -> None:
    lender = capi.lend()
    with (
        metrics_runtime(capi, prometheus=prometheus(lender, address)) as runtime,
        Meter(capi, runtime) as meter,
    ):
        for kind, description in (("CounterInteger", "a"), ("GaugeInteger", "b")):
            metric = meter.metric(kind, "twice", description)
            capi.lib.temporal_core_metric_record_integer(metric, 1, capi.NULL)
        assert set(scrape(address)) == {"twice"}


@pytest.mark.parametrize(
    ("metrics", "fields", "reason"),
    [
        pytest.param({}, {"bind_address": ""}, "`` is not `ip:port`", id="no address"),
        pytest.param({}, {"bind_address": "localhost:1"}, "is not `ip:port`", id="host name"),
        pytest.param({}, {"bind_address": b"\xff"}, "is not UTF-8", id="address utf-8"),
        pytest.param({"global_tags": {"a b": "c"}}, {}, "global_tags name `a b`", id="tag"),
        pytest.param({"global_tags": {"": "c"}}, {}, "global_tags name ``", id="empty tag"),
        pytest.param({"global_tags": {"7a": "c"}}, {}, "global_tags name `7a`", id="digit"),
        pytest.param({"global_tags": b"a\n\xff"}, {}, "global_tags is not UTF-8", id="utf-8"),
        pytest.param({"metric_prefix": "7"}, {}, "metric_prefix `7`: Prometheus", id="prefix"),
        pytest.param({"metric_prefix": "a.b"}, {}, "metric_prefix `a.b`", id="prefix dot"),
        pytest.param({"metric_prefix": "a\n"}, {}, "contains a line break", id="prefix line"),
    ],
)
def test_bad_options_are_a_failure(
    capi: CApi, metrics: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    lender = capi.lend()
    given = {"bind_address": "127.0.0.1:0", **fields}
    exporter = prometheus(lender, given.pop("bind_address"), **given)
    message = refused(capi, runtime_options(capi, lender, prometheus=exporter, **metrics))
    assert message.startswith("Invalid options: ")
    assert reason in message


def test_sized_ranges_without_data_are_failures(capi: CApi) -> None:
    nothing = {"data": capi.NULL, "size": 5}
    lender = capi.lend()
    names = range_names(capi, "TemporalCorePrometheusOptions")
    assert names == ["bind_address", "histogram_bucket_overrides"]
    for name in names:
        options = prometheus(lender, "127.0.0.1:0")
        setattr(options, name, nothing)
        message = refused(capi, runtime_options(capi, lender, prometheus=options))
        assert f"{name} has size 5 but its data is NULL" in message
    names = range_names(capi, "TemporalCoreMetricsOptions")
    assert names == ["global_tags", "metric_prefix"]
    for name in names:
        metrics = runtime_options(capi, lender, prometheus=prometheus(lender, "127.0.0.1:0"))
        setattr(metrics.telemetry.metrics, name, nothing)
        assert f"metrics.{name} has size 5 but its data is NULL" in refused(capi, metrics)


def test_address_in_use_is_a_failure(capi: CApi) -> None:
    lender = capi.lend()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        options = runtime_options(capi, lender, prometheus=prometheus(lender, address))
        message = refused(capi, options)
    assert address in message
    assert "in use" in message
