"""Calls with options in which one field has an unusual value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.abi.capi import CApi, Lender
from tests.support.abi.client_certificates import ClientCertificates
from tests.support.abi.hostile import Call, Options, dispose, free_handle
from tests.support.abi.hostile_world import World
from tests.support.abi.worker import resource_based

OPENTELEMETRY = "@opentelemetry"
"""A setting: the metric belongs to a runtime that exports to OpenTelemetry."""

WITHOUT_LOGGING = "@without-logging"
"""A setting: the other options of the runtime have no logging."""

ACCEPTED = re.compile(
    "Connection failed: (/bin/false ended|.*(Connection refused|failed to lookup address))",
    re.DOTALL,
)
"""Failures of calls with valid options: no server starts, nobody listens."""


class OptionWorld(World):
    """A library in full use, and the outside resources that options refer to."""

    def __init__(self, api: CApi, certificates: ClientCertificates, used_port: int) -> None:
        """See `World`.

        Args:
            api: the interface.
            certificates: the certificates for TLS.
            used_port: a port of the loopback interface with a listener.
        """
        super().__init__(api, lambda _case: None)
        self.certificates = certificates
        self.used_port = used_port


@dataclass(frozen=True)
class Raw:
    """A number for an enum or a bool, which may be an invalid value."""

    number: int


@dataclass(frozen=True)
class Range:
    """A range of some bytes or NULL, with any size."""

    size: int
    null: bool = False


Made = Callable[[OptionWorld, Lender], Any]
"""A function that makes a value when it is needed."""

Settings = Mapping[str, Any]
"""Paths to values. A path starts at the struct; one that begins with ``/`` starts at the options.

Texts, bytes and lists become ranges and arrays, None becomes NULL.
"""


@dataclass(frozen=True)
class Place:
    """The place of a struct in valid options.

    Attributes:
        options: the struct that a function takes.
        path: the path from there to the struct.
        settings: settings that make the library read the struct.
        values: values of the placeholders that name the place.
        metrics: for a runtime, the exporter of its metrics.
    """

    options: str
    path: str = ""
    settings: Settings = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    metrics: str = "prometheus"


def _new(struct: str, **fields: Any) -> Made:
    return lambda _world, lender: lender.struct(struct, **fields)


def _custom(world: OptionWorld, _lender: Lender) -> Any:
    return world.custom_supplier()


_RUNTIME = "TemporalCoreRuntimeOptions"
_CONNECTION = "TemporalCoreConnectionOptions"
_CONNECT = "TemporalStaticLibsConnectOptions"
_RUNTIME_EXTRA = "TemporalStaticLibsRuntimeOptions"
_WORKER = "TemporalCoreWorkerOptions"
_SUPPLIER = "tuner.workflow_slot_supplier"
_VERSIONING = "versioning_strategy"
_POLLER = "workflow_task_poller_behavior"
_OF_WORKFLOWS = {"KIND": "workflow"}
_OF_POLLER = {"KIND": "workflow_task"}
_DEPLOYMENT: Settings = {
    f"/{_VERSIONING}.tag": Raw(1),
    f"/{_VERSIONING}.deployment_based.use_worker_versioning": True,
    f"/{_VERSIONING}.deployment_based.version.deployment_name": "name",
    f"/{_VERSIONING}.deployment_based.version.build_id": "build",
}
_RESOURCES: Settings = {f"/{_SUPPLIER}": resource_based()}
_CUSTOM: Settings = {f"/{_SUPPLIER}": _custom}
_AUTOSCALING: Settings = {
    f"/{_POLLER}.simple_maximum": None,
    f"/{_POLLER}.autoscaling": _new(
        "TemporalCorePollerBehaviorAutoscaling", minimum=3, maximum=7, initial=5
    ),
}
WITHOUT_OVERRIDE: Settings = {
    "/grpc_override_callback": None,
    "/dns_load_balancing_options": None,
    "/http_connect_proxy_options": None,
    "/tls_options": None,
}
"""A connection to an address where nobody listens."""

_TLS: Settings = {
    **WITHOUT_OVERRIDE,
    "/target_url": "https://127.0.0.1:9",
    "/tls_options": _new("TemporalCoreClientTlsOptions"),
    # With a CA other than the system's, because a machine may have none.
    "server_root_ca_cert": lambda world, _lender: world.certificates.authority,
}

PLACES: Mapping[str, Place] = {
    _RUNTIME: Place(_RUNTIME),
    "TemporalCoreRuntimeInfo": Place(_RUNTIME, "runtime_info.data[0]"),
    "TemporalCoreTelemetryOptions": Place(_RUNTIME, "telemetry"),
    "TemporalCoreLoggingOptions": Place(_RUNTIME, "telemetry.logging"),
    "TemporalCoreMetricsOptions": Place(_RUNTIME, "telemetry.metrics"),
    "TemporalCoreOpenTelemetryOptions": Place(
        _RUNTIME, "telemetry.metrics.opentelemetry", metrics="opentelemetry"
    ),
    "TemporalCorePrometheusOptions": Place(_RUNTIME, "telemetry.metrics.prometheus"),
    "TemporalCoreCustomMetricMeter": Place(
        _RUNTIME, "telemetry.metrics.custom_meter", metrics="custom_meter"
    ),
    _CONNECTION: Place(_CONNECTION),
    "TemporalCoreClientTlsOptions": Place(_CONNECTION, "tls_options", _TLS),
    "TemporalCoreClientRetryOptions": Place(_CONNECTION, "retry_options"),
    "TemporalCoreClientKeepAliveOptions": Place(_CONNECTION, "keep_alive_options"),
    "TemporalCoreClientHttpConnectProxyOptions": Place(_CONNECTION, "http_connect_proxy_options"),
    "TemporalCoreClientDnsLoadBalancingOptions": Place(
        _CONNECTION,
        "dns_load_balancing_options",
        {
            **WITHOUT_OVERRIDE,
            "/target_url": "http://127.0.0.1:9",
            "/dns_load_balancing_options": _new(
                "TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=1000
            ),
        },
    ),
    "TemporalCoreRpcCallOptions": Place("TemporalCoreRpcCallOptions"),
    _WORKER: Place(_WORKER),
    "TemporalCoreWorkerVersioningStrategy": Place(_WORKER, _VERSIONING),
    "TemporalCoreWorkerVersioningNone": Place(_WORKER, f"{_VERSIONING}.none"),
    "TemporalCoreWorkerDeploymentOptions": Place(
        _WORKER, f"{_VERSIONING}.deployment_based", _DEPLOYMENT
    ),
    "TemporalCoreWorkerDeploymentVersion": Place(
        _WORKER, f"{_VERSIONING}.deployment_based.version", _DEPLOYMENT
    ),
    "TemporalCoreLegacyBuildIdBasedStrategy": Place(
        _WORKER, f"{_VERSIONING}.legacy_build_id_based", {f"/{_VERSIONING}.tag": Raw(2)}
    ),
    "TemporalCoreWorkerTaskTypes": Place(_WORKER, "task_types"),
    "TemporalCoreTunerHolder": Place(_WORKER, "tuner"),
    "TemporalCoreSlotSupplier": Place(_WORKER, _SUPPLIER, {}, _OF_WORKFLOWS),
    "TemporalCoreFixedSizeSlotSupplier": Place(
        _WORKER, f"{_SUPPLIER}.fixed_size", {}, _OF_WORKFLOWS
    ),
    "TemporalCoreResourceBasedSlotSupplier": Place(
        _WORKER, f"{_SUPPLIER}.resource_based", _RESOURCES, _OF_WORKFLOWS
    ),
    "TemporalCoreResourceBasedTunerOptions": Place(
        _WORKER, f"{_SUPPLIER}.resource_based.tuner_options", _RESOURCES, _OF_WORKFLOWS
    ),
    "TemporalCoreCustomSlotSupplierCallbacksImpl": Place(
        _WORKER, f"{_SUPPLIER}.custom", _CUSTOM, _OF_WORKFLOWS
    ),
    "TemporalCoreCustomSlotSupplierCallbacks": Place(
        _WORKER, f"{_SUPPLIER}.custom._0", _CUSTOM, _OF_WORKFLOWS
    ),
    "TemporalCorePollerBehavior": Place(_WORKER, _POLLER, {}, _OF_POLLER),
    "TemporalCorePollerBehaviorSimpleMaximum": Place(
        _WORKER, f"{_POLLER}.simple_maximum", {}, _OF_POLLER
    ),
    "TemporalCorePollerBehaviorAutoscaling": Place(
        _WORKER, f"{_POLLER}.autoscaling", _AUTOSCALING, _OF_POLLER
    ),
    "TemporalCoreTestServerOptions": Place("TemporalCoreTestServerOptions"),
    "TemporalCoreDevServerOptions": Place("TemporalCoreDevServerOptions"),
    "TemporalCoreClientEnvConfigLoadOptions": Place("TemporalCoreClientEnvConfigLoadOptions"),
    "TemporalCoreClientEnvConfigProfileLoadOptions": Place(
        "TemporalCoreClientEnvConfigProfileLoadOptions"
    ),
    "TemporalCoreMetricOptions": Place("TemporalCoreMetricOptions", values={"NAME": "name"}),
    "TemporalCoreMetricAttribute": Place("TemporalCoreMetricAttribute", values={"NAME": "key"}),
    "TemporalCoreMetricAttributeValue": Place(
        "TemporalCoreMetricAttribute", "value", values={"NAME": "key"}
    ),
    "TemporalCoreClientGrpcOverrideResponse": Place("TemporalCoreClientGrpcOverrideResponse"),
    _CONNECT: Place(_CONNECT),
    _RUNTIME_EXTRA: Place(_RUNTIME_EXTRA),
}
"""The place of each struct that a caller fills in."""


class OptionCalls:
    """Makes options, and the calls that read them."""

    def __init__(self, world: OptionWorld) -> None:
        """Make one of every handle."""
        self.api = world.api
        self.world = world
        self.world.open()
        self._meter = self.world.handles["TemporalCoreMetricMeter"]
        self._meter_now = self._meter
        self._without_logging = False
        self._others: list[Any] = []

    def close(self) -> None:
        """Free everything."""
        for handle in self._others:
            free_handle(self.api, handle)
        self.world.close()

    def warnings(self) -> list[str]:
        """List the warnings logged since the last call started."""
        return self.world.logs.messages("Warn")

    def answer(self, struct: str, settings: Settings) -> str | None:
        """Call with these values in a struct's fields; return the failure, or the logged error."""
        place = PLACES[struct]
        options = self._options(place)
        settings = {**place.settings, **settings}
        self._meter_now = self._otlp_meter() if settings.pop(OPENTELEMETRY, False) else self._meter
        self._without_logging = settings.pop(WITHOUT_LOGGING, False)
        for path, value in settings.items():
            inside = (
                path[1:] if path.startswith("/") else ".".join(filter(None, (place.path, path)))
            )
            self._set(options, inside, value)
        self.world.kept.keep(options)
        self.world.logs.logs.clear()
        fail = self._calls[place.options](self, options.pointer)
        return None if fail is None else fail.decode()

    def accepts(self, struct: str, settings: Settings) -> str | None:
        """Call with these values in a struct's fields; return None, or why they are refused."""
        fail = self.answer(struct, settings)
        return None if fail is None or ACCEPTED.match(fail) else fail

    def field_type(self, struct: str, name: str) -> Any:
        """Return a field's type."""
        return dict(self.api.ffi.typeof(struct).fields)[name].type

    def _options(self, place: Place) -> Options:
        world = self.world
        makers: dict[str, Callable[[], Options]] = {
            _RUNTIME: lambda: world.runtime_options(place.metrics),
            _CONNECTION: world.connection_options,
            "TemporalCoreRpcCallOptions": world.rpc_options,
            _WORKER: world.worker_options,
            "TemporalCoreTestServerOptions": world.test_server_options,
            "TemporalCoreDevServerOptions": world.dev_server_options,
            "TemporalCoreMetricOptions": world.metric_options,
            "TemporalCoreMetricAttribute": world.metric_attribute,
            "TemporalCoreClientGrpcOverrideResponse": self._response,
            _CONNECT: lambda: self._sized(_CONNECT),
            _RUNTIME_EXTRA: lambda: self._sized(_RUNTIME_EXTRA),
        }
        if place.options in makers:
            return makers[place.options]()
        return world.env_config_options(place.options)

    def _sized(self, struct: str) -> Options:
        lender = self.api.lend()
        return Options(lender, lender.keep(self.api.sized(struct)))

    def _response(self) -> Options:
        lender = self.api.lend()
        return Options(lender, lender.struct("TemporalCoreClientGrpcOverrideResponse"))

    # --- values ---

    def _set(self, options: Options, path: str, value: Any) -> None:
        *parents, name = path.split(".")
        target = options.pointer
        for parent in parents:
            member, _, index = parent.partition("[")
            target = getattr(target, member)
            target = target[int(index[:-1])] if index else target
        # Python also treats pointers as callable.
        is_made = callable(value) and not isinstance(value, self.api.ffi.CData)
        made = value(self.world, options.lender) if is_made else value
        if isinstance(made, Raw):
            whole = target[0] if self.api.ffi.typeof(target).kind == "pointer" else target
            spot = self.api.ffi.addressof(whole, name)
            size = self.api.ffi.sizeof(self.api.ffi.typeof(spot).item)
            self.api.ffi.cast(f"uint{8 * size}_t *", spot)[0] = made.number
        elif isinstance(made, Range):
            data = getattr(target, name).data
            lent = options.lender.keep(self.api.ffi.new("uint8_t[8]"))
            spot = (
                self.api.NULL if made.null else self.api.ffi.cast(self.api.ffi.typeof(data), lent)
            )
            setattr(target, name, {"data": spot, "size": made.size})
        elif isinstance(made, (str, bytes)):
            setattr(target, name, options.lender.bytes(made))
        elif isinstance(made, list):
            setattr(target, name, options.lender.array(made))
        else:
            setattr(target, name, self.api.NULL if made is None else made)

    # --- calls ---

    def _runtime(self, options: Any) -> bytes | None:
        made = self.api.lib.temporal_core_runtime_new(options)
        fail = self.api.take(made.fail)
        self.api.lib.temporal_core_runtime_free(made.runtime)
        return fail

    def _runtime_extra(self, extra: Any) -> bytes | None:
        options = self.world.runtime_options()
        if self._without_logging:
            options.pointer.telemetry.logging = self.api.NULL
        made = self.api.lib.temporal_static_libs_runtime_new(options.pointer, extra)
        fail = self.api.take(made.fail)
        self.api.lib.temporal_core_runtime_free(made.runtime)
        return fail

    def _connection(self, options: Any) -> bytes | None:
        return self._async("temporal_core_client_connect", self.world.runtime, options).fail

    def _connect(self, extra: Any) -> bytes | None:
        options = self.world.kept.keep(self.world.connection_options())
        function = "temporal_static_libs_client_connect"
        return self._async(function, self.world.runtime, options.pointer, extra).fail

    def _rpc(self, options: Any) -> bytes | None:
        call = self._async("temporal_core_client_rpc_call", self.world.client, options)
        message: bytes | None = call.wait()[2]
        return message

    def _worker(self, options: Any) -> bytes | None:
        return dispose(
            self.api, self.api.lib.temporal_core_worker_new(self._client_for(options), options)
        )

    def _client_for(self, options: Any) -> Any:
        """Return the connection; for a worker without an identity, one without an identity."""
        if options.identity_override.size:
            return self.world.client
        nameless = self.world.connection_options()
        nameless.pointer.identity = nameless.lender.bytes(None)
        call = Call(self.api, "TemporalCoreClientConnectCallback", keep_handles=True)
        self.world.calls.append(call)
        self.api.lib.temporal_core_client_connect(
            self.world.runtime, nameless.pointer, call.user_data, call.callback
        )
        assert call.fail is None, call.fail
        self._others += call.handles
        return call.handles[0]

    def _otlp_meter(self) -> Any:
        options = self.world.runtime_options("opentelemetry")
        made = self.api.lib.temporal_core_runtime_new(options.pointer)
        assert made.fail == self.api.NULL, self.api.take(made.fail)
        meter = self.api.lib.temporal_core_metric_meter_new(made.runtime)
        self._others += [meter, made.runtime]
        return meter

    def _test_server(self, options: Any) -> bytes | None:
        function = "temporal_core_ephemeral_server_start_test_server"
        return self._async(function, self.world.runtime, options).fail

    def _dev_server(self, options: Any) -> bytes | None:
        function = "temporal_core_ephemeral_server_start_dev_server"
        return self._async(function, self.world.runtime, options).fail

    def _env_config(self, options: Any) -> bytes | None:
        return dispose(self.api, self.api.lib.temporal_core_client_env_config_load(options))

    def _env_config_profile(self, options: Any) -> bytes | None:
        return dispose(self.api, self.api.lib.temporal_core_client_env_config_profile_load(options))

    def _metric(self, options: Any) -> bytes | None:
        made = self.api.lib.temporal_core_metric_new(self._meter_now, options)
        return self._logged(dispose(self.api, made))

    def _attribute(self, options: Any) -> bytes | None:
        made = self.api.lib.temporal_core_metric_attributes_new(self._meter, options, 1)
        return self._logged(dispose(self.api, made))

    def _logged(self, fail: bytes | None) -> bytes | None:
        errors = self.world.logs.messages("Error")
        assert errors or fail is None, "NULL without a log"
        return errors[0].encode() if errors else None

    def _responded(self, response: Any) -> bytes | None:
        def answer(_rpc: str, request: Any) -> bool:
            self.api.lib.temporal_core_client_grpc_override_request_respond(request, response[0])
            return True

        self.world.override.respond = answer
        try:
            fail = self._rpc(self.world.rpc_options().pointer)
        finally:
            self.world.override.respond = None
        about_it = fail is not None and fail.startswith(b"gRPC override: ")
        return fail if response.status_code == 0 or about_it else None

    def _async(self, function: str, *arguments: Any) -> Call:
        call = self.world.call(function, *arguments)
        call.wait()
        return call

    _calls: Mapping[str, Callable[[OptionCalls, Any], bytes | None]] = {
        _RUNTIME: _runtime,
        _CONNECTION: _connection,
        "TemporalCoreRpcCallOptions": _rpc,
        _WORKER: _worker,
        "TemporalCoreTestServerOptions": _test_server,
        "TemporalCoreDevServerOptions": _dev_server,
        "TemporalCoreClientEnvConfigLoadOptions": _env_config,
        "TemporalCoreClientEnvConfigProfileLoadOptions": _env_config_profile,
        "TemporalCoreMetricOptions": _metric,
        "TemporalCoreMetricAttribute": _attribute,
        "TemporalCoreClientGrpcOverrideResponse": _responded,
        _CONNECT: _connect,
        _RUNTIME_EXTRA: _runtime_extra,
    }


@contextmanager
def option_calls(
    api: CApi, certificates: ClientCertificates, used_port: int
) -> Iterator[OptionCalls]:
    """Make calls while the block runs; see `OptionWorld`."""
    calls = OptionCalls(OptionWorld(api, certificates, used_port))
    try:
        yield calls
    finally:
        calls.close()
