"""Connecting: what is refused and why, and that each call answers once."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Response, connection_to
from tests.support.abi.rpc import ConnectError, connect_answer, connection


def refusal(capi: CApi, runtime: Any, target: str | bytes | None, **fields: Any) -> str:
    """Make a connect fail, and return the message."""
    with pytest.raises(ConnectError) as caught, connection(capi, runtime, target, **fields):
        pass
    return str(caught.value)


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_no_server_at_the_address(capi: CApi, runtime: Any) -> None:
    message = refusal(capi, runtime, f"http://127.0.0.1:{unused_port()}")
    assert message.startswith("Connection failed: ")
    assert "Connection refused" in message


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param("ftp://127.0.0.1:7233", "scheme `ftp`", id="scheme"),
        pytest.param("127.0.0.1:7233", "target_url `127.0.0.1:7233`", id="no-scheme"),
        pytest.param("", "is malformed", id="empty"),
        pytest.param(None, "is malformed", id="absent"),
        pytest.param("http://host\n.invalid", "contains a line break", id="line-break"),
        pytest.param(b"http://\xff.invalid", "is not UTF-8", id="utf-8"),
    ],
)
def test_malformed_target(
    capi: CApi, runtime: Any, target: str | bytes | None, reason: str
) -> None:
    message = refusal(capi, runtime, target)
    assert message.startswith("Invalid options: ")
    assert reason in message


@pytest.mark.parametrize("field", ["target_url", "client_name", "identity", "api_key"])
def test_sized_range_without_data(capi: CApi, runtime: Any, field: str) -> None:
    fields: dict[str, Any] = {"target": "http://127.0.0.1:1"}
    fields["target" if field == "target_url" else field] = {"data": capi.NULL, "size": 5}
    message = refusal(capi, runtime, fields.pop("target"), **fields)
    assert message == f"Invalid options: {field} has size 5 but its data is NULL"


@pytest.mark.parametrize("field", ["client_name", "client_version", "identity", "api_key"])
def test_invalid_utf8(capi: CApi, runtime: Any, field: str) -> None:
    message = refusal(capi, runtime, "http://127.0.0.1:1", **{field: b"\xc3\x28"})
    assert message.startswith(f"Invalid options: {field} is not UTF-8")


def test_null_options_and_null_runtime(capi: CApi, runtime: Any) -> None:
    for handle, options, reason in (
        (runtime, capi.NULL, "Invalid options: options is NULL"),
        (capi.NULL, capi.new("TemporalCoreConnectionOptions"), "Invalid options: runtime is NULL"),
    ):
        answer = capi.start(
            "TemporalCoreClientConnectCallback", "temporal_core_client_connect", handle, options
        )
        success, fail = answer.wait()
        assert success == capi.NULL
        assert capi.take_text(fail) == reason


def test_null_callback_is_a_no_op(capi: CApi, runtime: Any) -> None:
    options = capi.new("TemporalCoreConnectionOptions")
    capi.lib.temporal_core_client_connect(runtime, options, capi.NULL, capi.NULL)


def test_unknown_compression(capi: CApi, runtime: Any) -> None:
    override = Override(capi)
    lender = capi.lend()
    options = lender.struct(
        "TemporalCoreConnectionOptions", target_url=lender.bytes("http://h"), **override.fields
    )
    capi.ffi.cast("uint32_t *", capi.ffi.addressof(options, "grpc_compression"))[0] = 2
    answer = capi.start(
        "TemporalCoreClientConnectCallback", "temporal_core_client_connect", runtime, options
    )
    _, fail = answer.wait()
    expected = f"Invalid options: grpc_compression has the invalid value 2{capi.interface_note}"
    assert capi.take_text(fail) == expected


class TestTls:
    """TLS material."""

    PEM = b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"

    @pytest.mark.parametrize("given", ["client_cert", "client_private_key"])
    def test_certificate_and_key_come_together(self, capi: CApi, runtime: Any, given: str) -> None:
        lender = capi.lend()
        tls = lender.struct("TemporalCoreClientTlsOptions", **{given: lender.bytes(self.PEM)})
        message = refusal(capi, runtime, "https://127.0.0.1:1", tls_options=tls)
        assert message == "Invalid options: Must have both client cert and private key or neither"

    @pytest.mark.parametrize(
        "pem",
        [
            pytest.param(b"no PEM at all", id="no-pem"),
            pytest.param(PEM, id="no-certificate"),
            pytest.param(
                b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", id="base64"
            ),
        ],
    )
    def test_unusable_ca(self, capi: CApi, runtime: Any, pem: bytes) -> None:
        lender = capi.lend()
        tls = lender.struct("TemporalCoreClientTlsOptions", server_root_ca_cert=lender.bytes(pem))
        message = refusal(capi, runtime, "https://127.0.0.1:1", tls_options=tls)
        reason = "Invalid options: tls_options.server_root_ca_cert is not a PEM certificate: "
        assert message.startswith(reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"randomization_factor": -0.1}, "randomization_factor", id="jitter-negative"),
        pytest.param(
            {"randomization_factor": float("nan")}, "randomization_factor", id="jitter-nan"
        ),
        pytest.param({"multiplier": float("nan")}, "multiplier", id="multiplier-nan"),
        pytest.param({"multiplier": float("inf")}, "multiplier", id="multiplier-infinite"),
        pytest.param({"multiplier": -1.0}, "multiplier", id="multiplier-negative"),
    ],
)
def test_impossible_retry_options(
    capi: CApi, runtime: Any, fields: dict[str, float], reason: str
) -> None:
    retry = capi.new("TemporalCoreClientRetryOptions", **{"multiplier": 1.5, **fields})
    message = refusal(capi, runtime, "http://127.0.0.1:1", retry_options=retry)
    assert message.startswith(f"Invalid options: retry_options.{reason}")


def test_impossible_keep_alive_and_dns_options(capi: CApi, runtime: Any) -> None:
    keep_alive = capi.new("TemporalCoreClientKeepAliveOptions", timeout_millis=1)
    message = refusal(capi, runtime, "http://127.0.0.1:1", keep_alive_options=keep_alive)
    assert "keep_alive_options.interval_millis" in message
    dns = capi.new("TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=999)
    message = refusal(capi, runtime, "http://127.0.0.1:1", dns_load_balancing_options=dns)
    assert "resolution_interval_millis must be at least 1000" in message


def test_invalid_header_name(capi: CApi, runtime: Any) -> None:
    lender = capi.lend()
    metadata = lender.array(["not a name\nvalue"])
    override = Override(capi)
    message = refusal(capi, runtime, "http://h", metadata=metadata, **override.fields)
    assert "not a name" in message


class TestOverride:
    """A gRPC override instead of a server."""

    def test_the_first_rpc_asks_for_the_system_information(self, capi: CApi, runtime: Any) -> None:
        override = Override(capi)
        with connection_to(override, runtime):
            assert [request.rpc for request in override.requests] == ["GetSystemInfo"]

    def test_headers_of_the_connection_reach_it(self, capi: CApi, runtime: Any) -> None:
        override = Override(capi)
        lender = capi.lend()
        with connection(
            capi,
            runtime,
            "http://override.invalid",
            metadata=lender.array(["x-one\nfirst", "dropped-without-a-newline"]),
            binary_metadata=lender.array([b"x-two-bin\n\x00\xff"]),
            api_key="secret",
            **override.fields,
        ):
            headers = override.requests[0].headers
        assert headers["client-name"] == "abi-tests"
        assert headers["client-version"] == "1.0.0"
        assert headers["x-one"] == "first"
        assert headers["x-two-bin"] == "AP8"
        assert headers["authorization"] == "Bearer secret"
        assert "dropped-without-a-newline" not in headers

    def test_binary_header_among_text_ones_fails_the_connect(
        self, capi: CApi, runtime: Any
    ) -> None:
        # With an override, because headers are checked only after connecting.
        override = Override(capi)
        lender = capi.lend()
        message = refusal(
            capi,
            runtime,
            "http://override.invalid",
            metadata=lender.array(["x-name-bin\nvalue"]),
            **override.fields,
        )
        assert message.startswith("Connection failed: ")
        assert "x-name-bin" in message
        assert override.requests == []

    def test_a_refused_system_information_call_fails_the_connect(
        self, capi: CApi, runtime: Any
    ) -> None:
        override = Override(capi, lambda _request: Response(status=7, message="go away"))
        message = refusal(capi, runtime, "http://override.invalid", **override.fields)
        assert message.startswith("Connection failed: ")
        assert "go away" in message


def test_many_connects_at_once_answer_once_each(capi: CApi, runtime: Any) -> None:
    port = unused_port()
    answers = [connect_answer(capi, runtime, f"http://127.0.0.1:{port}") for _ in range(64)]
    for answer in answers:
        success, fail = answer.wait()
        assert success == capi.NULL
        assert capi.take_text(fail)
        assert not answer.answered_again()
