"""A library in full use: one of every handle, and valid options of every kind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tests.support.abi.capi import CApi, Lender
from tests.support.abi.hostile import Call, Options, Override, free_handle, struct_name
from tests.support.abi.log_capture import LogCapture
from tests.support.abi.worker import worker_options


class World:
    """One of every handle, and the started calls, which must answer once each."""

    def __init__(self, api: CApi, case: Callable[[str], None]) -> None:
        self.api = api
        self.case = case
        """Records the running case, so that a crash can be attributed."""
        self.calls: list[Call] = []
        self.kept = api.lend()
        self.logs = LogCapture(api)
        self.override = Override(api)
        self.handles: dict[str, Any] = {}
        self._numbers = iter(range(sys.maxsize))

    def open(self) -> World:
        """Make the handles."""
        api, lib = self.api, self.api.lib
        options = self.runtime_options()
        made = lib.temporal_core_runtime_new(options.pointer)
        assert made.fail == api.NULL, api.take(made.fail)
        self._hold(made.runtime)
        self._hold(self.connect())
        worker = lib.temporal_core_worker_new(
            self.handles["TemporalCoreConnection"], self.worker_options().pointer
        )
        assert worker.fail == api.NULL, api.take(worker.fail)
        self._hold(worker.worker)
        replayer = lib.temporal_core_worker_replayer_new(
            made.runtime, self.worker_options().pointer
        )
        assert replayer.fail == api.NULL, api.take(replayer.fail)
        self.replayer = replayer.worker
        self._hold(replayer.worker_replay_pusher)
        meter = lib.temporal_core_metric_meter_new(made.runtime)
        assert meter != api.NULL
        self._hold(meter)
        self._hold(lib.temporal_core_metric_attributes_new(meter, api.NULL, 0))
        self._hold(lib.temporal_core_metric_new(meter, self.metric_options().pointer))
        self._hold(lib.temporal_core_random_new(7))
        self._hold(lib.temporal_core_cancellation_token_new())
        self._hold(lib.temporal_static_libs_queue_new())
        return self

    def _hold(self, handle: Any) -> None:
        self.handles[struct_name(self.api.ffi.typeof(handle))] = handle

    @property
    def runtime(self) -> Any:
        return self.handles["TemporalCoreRuntime"]

    @property
    def client(self) -> Any:
        return self.handles["TemporalCoreConnection"]

    def tag(self) -> Any:
        """Make the ``user_data`` of one call whose result goes to the queue."""
        queue = self.handles["TemporalStaticLibsQueue"]
        return self.api.lib.temporal_static_libs_queue_tag(queue, next(self._numbers))

    def connect(self, runtime: Any = None) -> Any:
        """Connect through the override; the caller frees the connection."""
        call = Call(self.api, "TemporalCoreClientConnectCallback", keep_handles=True)
        self.calls.append(call)
        options = self.connection_options()
        self.api.lib.temporal_core_client_connect(
            runtime or self.runtime, options.pointer, call.user_data, call.callback
        )
        assert call.fail is None, call.fail
        return call.handles[0]

    def call(self, function: str, *arguments: Any) -> Call:
        """Start an asynchronous call: ``arguments``, then user_data and the callback."""
        declared = self.api.ffi.typeof(getattr(self.api.lib, function))
        call = Call(self.api, declared.args[-1])
        self.calls.append(call)
        getattr(self.api.lib, function)(*arguments, call.user_data, call.callback)
        return call

    def settle(self) -> None:
        """Wait until every call has answered."""
        for call in self.calls:
            call.wait()

    def close(self) -> None:
        """Free everything, and check that every call has answered once."""
        free_handle(self.api, self.replayer)
        for handle in self.handles.values():
            free_handle(self.api, handle)
        self.settle()
        for call in self.calls:
            call.check()
        assert not self.override.errors, self.override.errors

    def worker(self, **fields: Any) -> Any:
        """Make a worker; the caller frees it."""
        made = self.api.lib.temporal_core_worker_new(
            self.client, self.worker_options(**fields).pointer
        )
        assert made.fail == self.api.NULL, self.api.take(made.fail)
        return made.worker

    # --- valid options ---

    def _lender(self) -> Lender:
        """Return a lender that lives as long as the world: calls may read options after a case."""
        lender: Lender = self.kept.keep(self.api.lend())
        return lender

    def runtime_options(self, metrics: str = "prometheus") -> Options:
        """Make options of a runtime with logs and metrics."""
        api, lend = self.api, self._lender()
        overrides = lend.bytes("latency\n1,2,3")
        exporters: dict[str, Callable[[], Any]] = {
            "prometheus": lambda: lend.struct(
                "TemporalCorePrometheusOptions",
                bind_address=lend.bytes("127.0.0.1:0"),
                histogram_bucket_overrides=overrides,
            ),
            "opentelemetry": lambda: lend.struct(
                "TemporalCoreOpenTelemetryOptions",
                url=lend.bytes("http://127.0.0.1:9/v1/metrics"),
                headers=lend.bytes("name\nvalue"),
                metric_temporality=1,
                protocol=2,
                histogram_bucket_overrides=overrides,
            ),
            "custom_meter": lambda: lend.struct(
                "TemporalCoreCustomMetricMeter", **self._callbacks("TemporalCoreCustomMetricMeter")
            ),
        }
        telemetry = lend.struct(
            "TemporalCoreTelemetryOptions",
            logging=lend.struct(
                "TemporalCoreLoggingOptions",
                filter=lend.bytes("warn"),
                forward_to=self.logs.callback,
            ),
            metrics=lend.struct(
                "TemporalCoreMetricsOptions",
                global_tags=lend.bytes("tag\nvalue"),
                metric_prefix=lend.bytes("prefix_"),
                **{metrics: exporters[metrics]()},
            ),
        )
        info = lend.keep(api.ffi.new("TemporalCoreRuntimeInfo[1]"))
        info[0].version = lend.bytes("3.12")
        options = lend.struct(
            "TemporalCoreRuntimeOptions",
            telemetry=telemetry,
            runtime_info={"data": info, "size": 1},
        )
        return Options(lend, options)

    def _callbacks(self, struct: str) -> dict[str, Any]:
        """Return callbacks for a struct that do nothing and return NULL or 0."""
        api = self.api
        made = {}
        for name, member in api.ffi.typeof(struct).fields:
            if member.type.kind != "function":
                continue
            nothing: Any = api.NULL if member.type.result.kind == "pointer" else 0
            answer = None if member.type.result.kind == "void" else nothing
            made[name] = self.kept.keep(
                api.ffi.callback(member.type, lambda *_arguments, answer=answer: answer)
            )
        return made

    def connection_options(self) -> Options:
        """Make options of a connection through the override, with every part set."""
        lend = self._lender()
        ranges = {
            "target_url": "http://127.0.0.1:9",
            "client_name": "hostile",
            "client_version": "1",
            "api_key": "key",
            "identity": "identity",
        }
        options = lend.struct(
            "TemporalCoreConnectionOptions",
            **{name: lend.bytes(value) for name, value in ranges.items()},
            metadata=lend.array(["name\nvalue"]),
            binary_metadata=lend.array([b"name-bin\n\x80"]),
            retry_options=lend.struct(
                "TemporalCoreClientRetryOptions",
                initial_interval_millis=1,
                multiplier=1.5,
                max_interval_millis=2,
                max_elapsed_time_millis=50,
                max_retries=2,
            ),
            keep_alive_options=lend.struct(
                "TemporalCoreClientKeepAliveOptions", interval_millis=1000, timeout_millis=1000
            ),
            tls_options=lend.struct(
                "TemporalCoreClientTlsOptions", domain=lend.bytes("example.org")
            ),
            http_connect_proxy_options=lend.struct(
                "TemporalCoreClientHttpConnectProxyOptions",
                target_host=lend.bytes("127.0.0.1:9"),
                username=lend.bytes("user"),
                password=lend.bytes("password"),
            ),
            dns_load_balancing_options=lend.struct(
                "TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=1000
            ),
            grpc_override_callback=self.override.callback,
        )
        return Options(lend, options)

    def rpc_options(
        self, rpc: bytes = b"DescribeNamespace", request: bytes = b"", service: int = 1
    ) -> Options:
        """Make options of an RPC call, with every part set."""
        lend = self._lender()
        options = lend.struct(
            "TemporalCoreRpcCallOptions",
            service=service,
            rpc=lend.bytes(rpc),
            req=lend.bytes(request),
            metadata=lend.array(["name\nvalue"]),
            binary_metadata=lend.array([b"name-bin\n\x80"]),
            timeout_millis=5000,
        )
        return Options(lend, options)

    def worker_options(self, **fields: Any) -> Options:
        """Make options of a worker with a new task queue."""
        lend = self._lender()
        queue = f"queue-{next(self._numbers)}"
        fields = {"identity_override": "worker", **fields}
        pointer = worker_options(self.api, lend, queue, **fields)
        if "plugins" not in fields:
            pointer.plugins = lend.array(["plugin"])
            pointer.storage_drivers = lend.array(["driver"])
            pointer.nondeterminism_as_workflow_fail_for_types = lend.array(["type"])
            pointer.versioning_strategy.none.build_id = lend.bytes("build")
        return Options(lend, pointer)

    def custom_supplier(self) -> dict[str, Any]:
        """Make a custom slot supplier that never has a slot."""
        callbacks = self.api.new(
            "TemporalCoreCustomSlotSupplierCallbacks",
            **self._callbacks("TemporalCoreCustomSlotSupplierCallbacks"),
        )
        # Kept alive until `free`, which may be called after the case.
        return {"tag": 2, "custom": {"_0": self.kept.keep(callbacks)}}

    def metric_options(self) -> Options:
        """Make options of a metric."""
        lend = self._lender()
        ranges = {name: lend.bytes(name) for name in ("name", "description", "unit")}
        return Options(lend, lend.struct("TemporalCoreMetricOptions", kind=1, **ranges))

    def metric_attribute(self, value_type: int = 1) -> Options:
        """Make a metric attribute."""
        lend = self._lender()
        attribute = lend.struct(
            "TemporalCoreMetricAttribute", key=lend.bytes("key"), value_type=value_type
        )
        attribute.value.string_value = lend.bytes("value")
        return Options(lend, attribute)

    def env_config_options(self, struct: str) -> Options:
        """Make options for loading an environment configuration."""
        lend = self._lender()
        ranges = {
            "data": lend.bytes('[profile.default]\naddress = "host:7233"\n'),
            "env_vars": lend.bytes('{"TEMPORAL_NAMESPACE": "here"}'),
        }
        return Options(lend, lend.struct(struct, **ranges))

    def test_server_options(self, executable: str = "/bin/false") -> Options:
        """Make options of a server that ends at once."""
        lend = self._lender()
        texts = {
            "existing_path": executable,
            "sdk_name": "sdk",
            "sdk_version": "1",
            "extra_args": "--one\n--two",
        }
        ranges = {name: lend.bytes(text) for name, text in texts.items()}
        return Options(lend, lend.struct("TemporalCoreTestServerOptions", **ranges))

    def dev_server_options(self) -> Options:
        """Make options like `test_server_options`."""
        inner = self.test_server_options()
        lend = inner.lender
        texts = {
            "namespace_": "default",
            "ip": "127.0.0.1",
            "log_format": "pretty",
            "log_level": "warn",
        }
        ranges = {name: lend.bytes(text) for name, text in texts.items()}
        options = lend.struct("TemporalCoreDevServerOptions", test_server=inner.pointer, **ranges)
        return Options(lend, options)

    def valid(self, struct: str) -> Any:
        """Return a valid argument of a pointer type, or NULL if it exists only in callbacks."""
        makers: dict[str, Callable[[], Options]] = {
            "TemporalCoreConnectionOptions": self.connection_options,
            "TemporalCoreRpcCallOptions": self.rpc_options,
            "TemporalCoreRuntimeOptions": self.runtime_options,
            "TemporalCoreWorkerOptions": self.worker_options,
            "TemporalCoreMetricOptions": self.metric_options,
            "TemporalCoreMetricAttribute": self.metric_attribute,
            "TemporalCoreTestServerOptions": self.test_server_options,
            "TemporalCoreDevServerOptions": self.dev_server_options,
        }
        if struct.startswith("TemporalCoreClientEnvConfig"):
            return self.env_config_options(struct).pointer
        if struct in makers:
            return makers[struct]().pointer
        if struct.startswith("TemporalStaticLibs") and struct not in self.handles:
            return self.kept.keep(self.api.sized(struct))
        return self.handles.get(struct, self.api.NULL)
