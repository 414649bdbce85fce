"""The triggers of each row of the table of options.

Rows that name a value have their triggers here. Values that every field of a kind refuses are made
from the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.abi.capi import CApi
from tests.support.abi.option_calls import (
    OPENTELEMETRY,
    PLACES,
    WITHOUT_LOGGING,
    WITHOUT_OVERRIDE,
    Range,
    Raw,
    Settings,
)
from tests.support.abi.worker import fixed_size, resource_based
from tools.interface.options import Option, kind_rows

NAN: Final = float("nan")
INFINITY: Final = float("inf")
LONG: Final = "x" * 100_000

_UTF8: Final = "invalid utf-8 sequence of 1 bytes from index 0"
_METADATA_KEY: Final = "invalid gRPC metadata key name"
_METADATA_VALUE: Final = "failed to parse metadata value"
_NO_PEM: Final = b"no PEM"


@dataclass(frozen=True)
class Trigger:
    """What to set, and the values of the message's placeholders.

    A missing placeholder may have any value.
    """

    settings: Settings
    values: Mapping[str, str] = field(default_factory=dict)


Triggers = Mapping[tuple[str, str], tuple[Trigger, ...]]
"""Triggers by field and value of a row."""


def _many(name: str, values: Mapping[Any, str], **more: str) -> tuple[Trigger, ...]:
    """Return a trigger for each value of a field; the message shows it as N."""
    return tuple(Trigger({name: value}, {"N": shown, **more}) for value, shown in values.items())


def _texts(name: str, texts: tuple[str, ...], **more: str) -> tuple[Trigger, ...]:
    """Return a trigger for each text of a field; the message shows it as TEXT."""
    return tuple(Trigger({name: text}, {"TEXT": text, **more}) for text in texts)


_NEGATIVE: Final = {-0.5: "-0.5", INFINITY: "inf", NAN: "NaN"}
_NO_SHARE: Final = {-0.5: "-0.5", 1.5: "1.5", NAN: "NaN"}
_NO_RATE: Final = {
    -1.0: "-1",
    1e-10: "0.0000000001",
    5e-324: f"0.{'0' * 323}5",
    INFINITY: "inf",
    NAN: "NaN",
}
_RATE: Final = "negative, less than 0.000000001 but not 0, infinite, or not a number"

# --- tables for several structs ---

_BUCKETS: Final[Triggers] = {
    ("histogram_bucket_overrides", "an empty name"): (
        Trigger({"histogram_bucket_overrides": "\n1"}),
    ),
    ("histogram_bucket_overrides", "a bound that is not a number"): (
        Trigger(
            {"histogram_bucket_overrides": "latency\n1,two"},
            {"NAME": "latency", "TEXT": "two", "REASON": "invalid float literal"},
        ),
    ),
    (
        "histogram_bucket_overrides",
        "bounds that are infinite, not numbers, or not increasing",
    ): tuple(
        Trigger({"histogram_bucket_overrides": f"latency\n{bounds}"}, {"NAME": "latency"})
        for bounds in ("2,1", "1,1", "nan", "-inf,1", "inf")
    ),
}
_METADATA: Final[Triggers] = {
    ("metadata", "an invalid header name, or one that ends in -bin"): tuple(
        Trigger({"metadata": [f"{name}\nvalue"]}, {"TEXT": name, "REASON": _METADATA_KEY})
        for name in ("not a name", "name-bin")
    ),
    ("metadata", "an invalid header value"): (
        Trigger({"metadata": ["name\n\x01"]}, {"NAME": "name", "REASON": _METADATA_VALUE}),
    ),
    ("binary_metadata", "a name that does not end in -bin, or an invalid one"): tuple(
        Trigger({"binary_metadata": [f"{name}\nvalue"]}, {"TEXT": name, "REASON": _METADATA_KEY})
        for name in ("name", "not a name-bin")
    ),
}
_CONFIG: Final[Triggers] = {
    ("path", "the path of a file that is not TOML"): (Trigger({"path": "/dev"}, {"TEXT": "/dev"}),),
    ("data", "not TOML"): (Trigger({"data": "no TOML"}),),
    ("config_file_strict", "true, with an unknown key in the TOML"): (
        Trigger({"config_file_strict": True, "data": "unknown = 1\n"}),
    ),
    ("env_vars", "not a JSON object of strings"): tuple(
        Trigger({"env_vars": json}) for json in ("{", "[]", '{"NAME": 1}')
    ),
}

# --- slots ---

_TASKS: Final = {
    "workflow": "enable_workflows",
    "activity": "enable_remote_activities",
    "nexus_task": "enable_nexus",
}
_ALL_TASKS: Final = {"enable_local_activities": True, **dict.fromkeys(_TASKS.values(), True)}


def _slots(kind: str, supplier: dict[str, Any], **values: str) -> Trigger:
    settings = {f"/tuner.{kind}_slot_supplier": supplier, "/task_types": _ALL_TASKS}
    return Trigger(settings, {"KIND": kind, **values})


def _few_slots(name: str, none: dict[str, Any], one: dict[str, Any]) -> Triggers:
    return {
        (name, "0, for workflows, activities or Nexus tasks that are enabled"): tuple(
            _slots(kind, none, TASKS=enable) for kind, enable in _TASKS.items()
        ),
        (name, "0, for local activities that are enabled"): (_slots("local_activity", none),),
        (name, "1, for workflows, if max_cached_workflows is not 0"): (
            _slots("workflow", one, N="100"),
        ),
    }


# --- metrics ---


def _otlp(_world: Any, lender: Any) -> Any:
    return lender.struct(
        "TemporalCoreOpenTelemetryOptions",
        url=lender.bytes("http://127.0.0.1:9"),
        metric_temporality=1,
        protocol=1,
    )


def _meter(_world: Any, lender: Any) -> Any:
    return lender.struct("TemporalCoreCustomMetricMeter")


_OTLP: Final[Settings] = {"prometheus": None, "opentelemetry": _otlp}
_PROMETHEUS_NAMES: Final = ("1", "a b", "é")
_OPENTELEMETRY_NAMES: Final = ("1", "_", "é")
_GRPC, _HTTP = {"protocol": 1}, {"protocol": 2}


def _port_in_use(world: Any, _lender: Any) -> int:
    return int(world.used_port)


def _address_in_use(world: Any, lender: Any) -> Any:
    return lender.bytes(f"127.0.0.1:{world.used_port}")


# --- TLS ---

_TO_A_NAME: Final[Settings] = {**WITHOUT_OVERRIDE, "/target_url": "http://name.invalid:7233"}


def _tls(_world: Any, lender: Any) -> Any:
    return lender.struct("TemporalCoreClientTlsOptions")


def _of(name: str) -> Any:
    """Return a function that makes a range of the world's bytes with a name."""
    return lambda world, lender: lender.bytes(getattr(world.certificates, name))


_CLIENT: Final[Settings] = {
    "client_cert": _of("certificate"),
    "client_private_key": _of("key"),
}


def _cancelled(world: Any, _lender: Any) -> Any:
    token = world.handles["TemporalCoreCancellationToken"]
    world.api.lib.temporal_core_cancellation_token_cancel(token)
    return token


def _queue(world: Any, _lender: Any) -> Any:
    return world.handles["TemporalStaticLibsQueue"]


def _download(**fields: str) -> Settings:
    return {"existing_path": "", "download_version": "default", **fields}


_SEPARATOR: Final = "contains a path separator, for a download"
_DEPLOYMENT: Final = "versioning_strategy.deployment_based"

TRIGGERS: Final[Mapping[str, Triggers]] = {
    "RuntimeOptions": {
        ("worker_heartbeat_interval_millis", "1 to 999, and more than 60000"): _many(
            "worker_heartbeat_interval_millis",
            {1: "1", 999: "999", 60_001: "60001", 2**64 - 1: str(2**64 - 1)},
        )
    },
    "LoggingOptions": {("filter", "not a filter"): _texts("filter", ("a=b=c", "="))},
    "MetricsOptions": {
        ("opentelemetry", "NULL, if prometheus and custom_meter are NULL, too"): (
            Trigger({"prometheus": None}),
        ),
        ("prometheus", "set together with opentelemetry or custom_meter"): (
            Trigger({"opentelemetry": _otlp}, {"NAMES": "opentelemetry and prometheus"}),
        ),
        ("custom_meter", "set together with opentelemetry or prometheus"): (
            Trigger({"custom_meter": _meter}, {"NAMES": "prometheus and custom_meter"}),
        ),
        ("global_tags", "with Prometheus, an invalid label name"): tuple(
            Trigger({"global_tags": f"{name}\nvalue"}, {"TEXT": name}) for name in _PROMETHEUS_NAMES
        ),
        ("metric_prefix", "with Prometheus, an invalid beginning of a metric name"): _texts(
            "metric_prefix", _PROMETHEUS_NAMES
        ),
        ("metric_prefix", "with OpenTelemetry, an invalid beginning of a metric name"): tuple(
            Trigger({**_OTLP, "metric_prefix": text}, {"TEXT": text})
            for text in _OPENTELEMETRY_NAMES
        ),
        (
            "metric_prefix",
            "with OpenTelemetry, a text so long that core's longest name exceeds 255 bytes",
        ): (Trigger({**_OTLP, "metric_prefix": "x" * 255}, {"TEXT": "x" * 255}),),
    },
    "OpenTelemetryOptions": {
        ("url", "not a URL"): _texts("url", ("no URL",), REASON="relative URL without a base"),
        ("url", "with gRPC, a scheme other than http, https, grpc, grpcs or unix"): (
            Trigger({**_GRPC, "url": "ftp://host"}, {"TEXT": "ftp://host"}),
        ),
        ("url", "with HTTP, a scheme other than http or https"): (
            Trigger({**_HTTP, "url": "grpc://host"}, {"TEXT": "grpc://host"}),
        ),
        ("headers", "an invalid header name"): (
            Trigger(
                {"headers": "a b\nvalue"}, {"TEXT": "a b", "REASON": "invalid HTTP header name"}
            ),
        ),
        ("headers", "an invalid header value"): (
            Trigger(
                {"headers": "name\n\x01"},
                {"NAME": "name", "REASON": "failed to parse header value"},
            ),
        ),
        **_BUCKETS,
    },
    "PrometheusOptions": {
        ("bind_address", "not ip:port"): _texts(
            "bind_address", ("localhost:9090", "127.0.0.1"), REASON="invalid socket address syntax"
        ),
        ("bind_address", "an address that the server cannot listen on"): (
            Trigger({"bind_address": _address_in_use}),
        ),
        **_BUCKETS,
    },
    "ConnectionOptions": {
        ("target_url", "not a URL"): (
            *_texts("target_url", ("no URL",), REASON="relative URL without a base"),
            *_texts("target_url", ("http://",), REASON="empty host"),
        ),
        ("target_url", "a scheme other than http or https"): (
            Trigger({"target_url": "ftp://host"}, {"TEXT": "ftp://host", "SCHEME": "ftp"}),
        ),
        ("target_url", "https:// without tls_options, unless there is a gRPC override"): (
            Trigger(
                {**WITHOUT_OVERRIDE, "target_url": "https://127.0.0.1:9"},
                {"TEXT": "https://127.0.0.1:9"},
            ),
        ),
        **_METADATA,
        ("api_key", "set, with http:// to a host that is not loopback"): (
            Trigger(_TO_A_NAME, {"HOST": "name.invalid"}),
        ),
        ("tls_options", "set, with an http:// target_url, unless there is a gRPC override"): (
            Trigger(
                {**WITHOUT_OVERRIDE, "tls_options": _tls, "target_url": "http://127.0.0.1:9"},
                {"TEXT": "http://127.0.0.1:9"},
            ),
        ),
        ("dns_load_balancing_options", "set together with a proxy"): (Trigger({}),),
        ("dns_load_balancing_options", "set together with a gRPC override"): (
            Trigger({"http_connect_proxy_options": None}),
        ),
    },
    "ClientTlsOptions": {
        ("server_root_ca_cert", "not a PEM certificate"): (
            Trigger({"server_root_ca_cert": _NO_PEM}, {"REASON": "it contains none"}),
        ),
        ("domain", "neither a host name nor an IP address"): _texts("domain", ("not a name",)),
        ("client_cert", "set without client_private_key"): (
            Trigger({"client_cert": _of("certificate")}),
        ),
        ("client_cert", "not a PEM certificate"): (
            Trigger({**_CLIENT, "client_cert": _NO_PEM}, {"REASON": "it contains none"}),
        ),
        ("client_private_key", "set without client_cert"): (
            Trigger({"client_private_key": _of("key")}),
        ),
        ("client_private_key", "an encrypted key"): tuple(
            Trigger({**_CLIENT, "client_private_key": _of(key)})
            for key in ("encrypted_key", "old_encrypted_key")
        ),
        ("client_private_key", "not a PEM private key"): (
            Trigger({**_CLIENT, "client_private_key": _NO_PEM}),
        ),
        ("client_private_key", "the key of another certificate"): (
            Trigger({**_CLIENT, "client_private_key": _of("other_key")}),
        ),
    },
    "ClientRetryOptions": {
        ("randomization_factor", "less than 0, more than 1, or not a number"): _many(
            "randomization_factor", _NO_SHARE
        ),
        ("multiplier", "negative, infinite, or not a number"): _many("multiplier", _NEGATIVE),
    },
    "ClientKeepAliveOptions": {("interval_millis", "0"): _many("interval_millis", {0: "0"})},
    "ClientHttpConnectProxyOptions": {("target_host", "empty"): (Trigger({"target_host": ""}),)},
    "ClientDnsLoadBalancingOptions": {
        ("resolution_interval_millis", "less than 1000"): _many(
            "resolution_interval_millis", {0: "0", 999: "999"}
        )
    },
    "RpcCallOptions": {
        ("rpc", "not an RPC of the service"): _texts("rpc", ("NoSuchCall", "getSystemInfo")),
        ("rpc", "a streaming RPC"): (
            Trigger({"service": Raw(5), "rpc": "Watch"}, {"TEXT": "Watch"}),
        ),
        ("req", "not the request's protobuf"): (Trigger({"req": b"\xff"}),),
        **_METADATA,
        ("cancellation_token", "a cancelled token"): (Trigger({"cancellation_token": _cancelled}),),
    },
    "WorkerOptions": {
        ("namespace_", "empty"): (Trigger({"namespace_": ""}),),
        ("task_queue", "empty, except for a replayer"): (Trigger({"task_queue": ""}),),
        ("identity_override", "empty, if the connection's identity is empty, too"): (
            Trigger({"identity_override": ""}),
        ),
        ("max_cached_workflows", "more than 10000000"): _many(
            "max_cached_workflows", {10_000_001: "10000001", 2**32 - 1: str(2**32 - 1)}
        ),
        ("max_activities_per_second", _RATE): _many("max_activities_per_second", _NO_RATE),
        ("max_task_queue_activities_per_second", _RATE): _many(
            "max_task_queue_activities_per_second", _NO_RATE
        ),
        ("nonsticky_to_sticky_poll_ratio", "negative, infinite, or not a number"): _many(
            "nonsticky_to_sticky_poll_ratio", _NEGATIVE
        ),
    },
    "WorkerDeploymentOptions": {
        (
            "default_versioning_behavior",
            "neither 0 nor a value of temporal.api.enums.v1.VersioningBehavior",
        ): _many("default_versioning_behavior", {77: "77", -1: "-1", 2**31 - 1: str(2**31 - 1)}),
        ("default_versioning_behavior", "not 0, if use_worker_versioning is false"): (
            Trigger({"default_versioning_behavior": 1, "use_worker_versioning": False}, {"N": "1"}),
        ),
    },
    "WorkerDeploymentVersion": {
        (name, "empty, if use_worker_versioning is true"): (Trigger({name: ""}),)
        for name in ("deployment_name", "build_id")
    },
    "LegacyBuildIdBasedStrategy": {("build_id", "empty"): (Trigger({"build_id": ""}),)},
    "WorkerTaskTypes": {
        ("enable_workflows", "false, if the three others are false, too"): (
            Trigger({f"/task_types.{name}": False for name in _ALL_TASKS}),
        ),
        ("enable_local_activities", "true, if enable_workflows is false"): (
            Trigger({"enable_workflows": False}),
        ),
    },
    "FixedSizeSlotSupplier": {
        **_few_slots("num_slots", fixed_size(0), fixed_size(1)),
        ("num_slots", "more than 2305843009213693951"): _many(
            "num_slots", {2**61: str(2**61), 2**64 - 1: str(2**64 - 1)}
        ),
    },
    "ResourceBasedSlotSupplier": {
        ("minimum_slots", "more than maximum_slots"): (
            Trigger({"minimum_slots": 11}, {"N": "11", "M": "10"}),
        ),
        **_few_slots("maximum_slots", resource_based(0, 0), resource_based(0, 1)),
        ("tuner_options", "different from those of another resource-based supplier of the tuner"): (
            Trigger({"/tuner.activity_slot_supplier": resource_based(memory=0.5)}),
        ),
    },
    "ResourceBasedTunerOptions": {
        (name, "less than 0, more than 1, or not a number"): _many(name, _NO_SHARE)
        for name in ("target_memory_usage", "target_cpu_usage")
    },
    "PollerBehavior": {
        ("simple_maximum", "set together with autoscaling"): (
            Trigger(
                {
                    "autoscaling": lambda _world, lender: lender.struct(
                        "TemporalCorePollerBehaviorAutoscaling", minimum=1, maximum=2, initial=1
                    )
                }
            ),
        ),
        ("autoscaling", "set together with simple_maximum"): (
            Trigger(
                {
                    "/activity_task_poller_behavior.autoscaling": lambda _world, lender: (
                        lender.struct(
                            "TemporalCorePollerBehaviorAutoscaling", minimum=1, maximum=2, initial=1
                        )
                    )
                },
                {"KIND": "activity_task"},
            ),
        ),
    },
    "PollerBehaviorSimpleMaximum": {
        ("simple_maximum", "0"): tuple(
            Trigger({f"/{kind}_poller_behavior.simple_maximum.simple_maximum": 0}, {"KIND": kind})
            for kind in ("workflow_task", "activity_task", "nexus_task")
        ),
        ("simple_maximum", "1, for workflow tasks, if max_cached_workflows is not 0"): (
            Trigger({"simple_maximum": 1}),
        ),
    },
    "PollerBehaviorAutoscaling": {
        ("minimum", "0"): (Trigger({"minimum": 0}),),
        ("maximum", "less than minimum"): _many("maximum", {2: "2"}, MINIMUM="3"),
        ("initial", "less than minimum, or more than maximum"): _many(
            "initial", {2: "2", 8: "8"}, MINIMUM="3", MAXIMUM="7"
        ),
    },
    "TestServerOptions": {
        ("existing_path", "not the path of a file"): _texts("existing_path", ("/dev", "no/file")),
        ("existing_path", "empty, if download_version is empty, too"): (
            Trigger({"existing_path": ""}),
        ),
        **{
            (name, _SEPARATOR): (
                Trigger(_download(**{name: "a/b"}), {"TEXT": "a/b"}),
                Trigger(_download(**{name: "a\\b"}), {"TEXT": "a\\b"}),
            )
            for name in ("sdk_name", "sdk_version", "download_version")
        },
        ("port", "a port that is in use"): (Trigger({"port": _port_in_use}),),
    },
    "DevServerOptions": {
        ("ip", "not an IP address"): _texts("ip", ("localhost", "127.0.0.1:7233"))
    },
    "ClientEnvConfigLoadOptions": _CONFIG,
    "ClientEnvConfigProfileLoadOptions": {
        ("profile", "a profile that is not in the TOML"): _texts("profile", ("nobody's",)),
        ("disable_file", "true, if disable_env is true"): (
            Trigger({"disable_file": True, "disable_env": True}),
        ),
        ("disable_env", "true, if disable_file is true"): (
            Trigger({"disable_env": True, "disable_file": True}),
        ),
        **_CONFIG,
    },
    "MetricOptions": {
        ("name", "empty"): (Trigger({"name": ""}),),
        ("name", "a name that the exporter does not accept"): _texts("name", _PROMETHEUS_NAMES),
        ("unit", "a unit that the exporter does not accept"): tuple(
            Trigger({OPENTELEMETRY: True, "unit": unit}) for unit in ("é", "x" * 64)
        ),
    },
    "ClientGrpcOverrideResponse": {
        ("headers", "an invalid header name"): (
            Trigger({"headers": ["a b\nvalue"]}, {"TEXT": "a b"}),
        ),
        ("headers", "an invalid header value"): (
            Trigger({"headers": ["name\n\x01"]}, {"NAME": "name"}),
        ),
        ("success_proto", "not the response's protobuf"): (Trigger({"success_proto": b"\xff"}),),
    },
    "TemporalStaticLibsConnectOptions": {
        ("size", "not the size of the struct"): _many("size", {0: "0", 24: "24"}, M="40"),
        ("cancellation_token", "a cancelled token"): (Trigger({"cancellation_token": _cancelled}),),
        ("grpc_override_queue", "a queue, if grpc_override_callback is set"): (
            Trigger({"grpc_override_queue": _queue}),
        ),
    },
    "TemporalStaticLibsRuntimeOptions": {
        ("size", "not the size of the struct"): _many("size", {0: "0", 41: "41"}, M="40"),
        ("threads", "more than 1024"): _many("threads", {1025: "1025", 2**32 - 1: str(2**32 - 1)}),
        ("log_queue", "a queue, if telemetry.logging is NULL"): (
            Trigger({"log_queue": _queue, WITHOUT_LOGGING: True}),
        ),
        ("log_queue", "a queue, if logging.forward_to is set"): (Trigger({"log_queue": _queue}),),
    },
}
"""Triggers by struct; Temporal's names are without ``TemporalCore``."""


def triggers(option: Option) -> tuple[Trigger, ...]:
    """Return the triggers of a row, which may be none."""
    of_struct = TRIGGERS.get(option.struct.removeprefix("TemporalCore"), {})
    found = of_struct.get((option.field, option.value), ())
    place = PLACES[option.struct]
    return tuple(Trigger(it.settings, {**place.values, **it.values}) for it in found)


def rows_with_triggers() -> Iterator[tuple[str, str, str]]:
    """Yield struct, field and value of each row that has triggers."""
    for struct, of_struct in TRIGGERS.items():
        for name, value in of_struct:
            whole = struct if struct.startswith("TemporalStaticLibs") else f"TemporalCore{struct}"
            yield whole, name, value


# --- values that every field of a kind refuses ---


def of_kind(option: Option) -> Iterator[tuple[str, str, Trigger]]:
    """Yield the refused values of the option's kind: value, message, trigger."""
    refused = [row[2:] for row in kind_rows() if row[0] == option.kind and row[2]]
    for value, message in refused:
        bad, values = _OF_KINDS[option.kind, value]
        named = message.replace("NAME", option.name)
        values = {**PLACES[option.struct].values, **values}
        yield value, named, Trigger(_with(option, bad), values)


_NULL_DATA: Final = (Range(5, null=True), {"N": "5"})
_SIZE: Final = (Range(2**63), {"N": str(2**63)})


def _null_element(_world: Any, lender: Any) -> Any:
    array = lender.array(["element"])
    array["data"][0].data = lender.api.NULL
    array["data"][0].size = 5
    return array


_OF_KINDS: Final[Mapping[tuple[str, str], tuple[Any, Mapping[str, str]]]] = {
    **{
        (kind, value): made
        for kind in (
            "bytes",
            "text",
            "line",
            "map",
            "texts",
            "metadata",
            "binary metadata",
            "array",
        )
        for value, made in (
            ("a size other than 0 with NULL data", _NULL_DATA),
            ("a size larger than memory can be", _SIZE),
            (
                "not UTF-8",
                (b"\xff", {"REASON": _UTF8}),
            ),
            ("contains a line feed or a carriage return", ("a\rb", {})),
            (
                "an element with a size other than 0 and NULL data",
                (_null_element, {"N": "5"}),
            ),
            ("an element that is not UTF-8", ([b"\xff"], {"REASON": _UTF8})),
            (
                "an element whose name is not UTF-8",
                ([b"\xff\nvalue"], {"REASON": _UTF8}),
            ),
        )
    },
    ("constant", "not a constant of the enum"): (Raw(99), {"N": "99"}),
    ("required pointer", "NULL"): (None, {}),
    ("required callback", "NULL"): (None, {}),
}


_AN_RPC: Final = {
    1: "DescribeNamespace",
    2: "ListSearchAttributes",
    3: "GetUsers",
    4: "GetCurrentTime",
    5: "Check",
}
_RESPONSE: Final = "TemporalCoreClientGrpcOverrideResponse"
_VALUE: Final = "TemporalCoreMetricAttributeValue"
_WITH: Final[Mapping[tuple[str, str], Callable[[Any], Settings]]] = {
    ("TemporalCoreRpcCallOptions", "service"): lambda value: {
        "rpc": _AN_RPC.get(value.number, "DescribeNamespace")
    },
    ("TemporalCoreConnectionOptions", "grpc_override_callback"): lambda _value: WITHOUT_OVERRIDE,
    (_RESPONSE, "fail_message"): lambda _value: {"status_code": 5},
    (_RESPONSE, "fail_details"): lambda _value: {"status_code": 5},
    (_VALUE, "int_value"): lambda _value: {"/value_type": Raw(2)},
    (_VALUE, "float_value"): lambda _value: {"/value_type": Raw(3)},
    (_VALUE, "bool_value"): lambda _value: {"/value_type": Raw(4)},
}
"""Settings that a field needs to have an effect."""


def _with(option: Option, value: Any) -> Settings:
    others = _WITH.get((option.struct, option.field))
    return {**(others(value) if others else {}), option.field: value}


def extremes(api: CApi, option: Option) -> Iterator[Settings]:
    """Yield extreme values of a field that accepts any.

    A tag has no extreme values: each one is tried with the member that it selects, from `PLACES`.
    """
    ctype = dict(api.ffi.typeof(option.struct).fields).get(option.field)
    values: list[Any] = []
    if option.kind in ("text", "line", "bytes"):
        values = ["", "é", LONG]
    elif option.kind == "map":
        values = ["", "one\ntwo\nthree"]
    elif option.kind == "texts":
        values = [[], [""], [LONG, LONG]]
    elif option.kind == "bool":
        values = [Raw(0), Raw(1), Raw(0xFF)]
    elif (
        option.kind == "constant"
        and option.field != "tag"
        and ctype is not None
        and ctype.type.kind == "enum"
    ):
        values = [Raw(number) for number in ctype.type.elements]
    elif option.kind in ("callback", "pointer"):
        values = [None]
    elif option.kind == "opaque pointer":
        values = [None, api.ffi.cast("void *", 1)]
    elif option.kind == "number" and ctype is not None:
        values = _numbers(api, ctype.type)
    for value in values:
        yield _with(option, value)


def _numbers(api: CApi, ctype: Any) -> list[Any]:
    if ctype.cname in ("float", "double"):
        return [0.0, -1e300, 1e300, INFINITY, NAN]
    bits = 8 * api.ffi.sizeof(ctype)
    signed = int(api.ffi.cast(ctype, -1)) < 0
    return [0, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signed else [0, 2**bits - 1]
