"""Consumers written for Temporal's own interface, without knowledge of this project."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.abi.capi import CApi, config
from tests.support.abi.grpc_override import Override, connection_to
from tests.support.ci.skips import require_program

PROGRAMS = Path(__file__).with_name("drop_in")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
ZIG = [sys.executable, "-m", "ziglang"]


def run(program: Path) -> None:
    """Run a program that must succeed."""
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "compiler",
    [
        pytest.param(["cc", "-xc", "-std=c11"], id="c"),
        pytest.param(["c++", "-xc++", "-std=c++11"], id="c++"),
    ],
)
def test_worker_in_upstreams_spelling_compiles_and_runs(
    compiler: list[str], tmp_path: Path
) -> None:
    require_program(compiler[0])
    program = tmp_path / "program"
    command = [*compiler, *WARNINGS, *config("--cflags").split(), str(PROGRAMS / "program.c")]
    command += ["-xnone", "-o", str(program), *config("--libs").split(), "-Wl,--gc-sections"]
    subprocess.run(command, check=True)
    run(program)


def test_zig_has_the_unions_at_the_same_paths_as_upstream(tmp_path: Path) -> None:
    program = tmp_path / "program"
    command = [*ZIG, "build-exe", str(PROGRAMS / "program.zig"), f"-femit-bin={program}", "-lc"]
    # Zig's own linker does not accept as many sections as an archive without LTO has.
    command += ["-fllvm", "-flld"]
    command += [f"-I{config('--includedir')}", config("--libfiles")]
    command += config("--system-libs").split()
    subprocess.run(command, check=True, cwd=tmp_path)
    run(program)


class ByteArrayRef(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


LogCallback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)


class LoggingOptions(ctypes.Structure):
    _fields_ = (("filter", ByteArrayRef), ("forward_to", LogCallback))


class TelemetryOptions(ctypes.Structure):
    _fields_ = (("logging", ctypes.POINTER(LoggingOptions)), ("metrics", ctypes.c_void_p))


class RuntimeOptions(ctypes.Structure):
    _fields_ = (
        ("telemetry", ctypes.POINTER(TelemetryOptions)),
        ("worker_heartbeat_interval_millis", ctypes.c_uint64),
        ("runtime_info_data", ctypes.c_void_p),
        ("runtime_info_size", ctypes.c_size_t),
        ("disable_environment_info", ctypes.c_bool),
    )


class RuntimeOrFail(ctypes.Structure):
    _fields_ = (("runtime", ctypes.c_void_p), ("fail", ctypes.c_void_p))


def test_structs_declared_by_hand_like_upstreams_forward_logs(capi: CApi) -> None:
    """As bindings for .NET, Perl, the JVM and PHP declare them, following temporalio 1.34.0."""
    library = ctypes.CDLL(str(capi.library))
    library.temporal_core_runtime_new.restype = RuntimeOrFail
    library.temporal_core_forwarded_log_message.restype = ByteArrayRef
    library.temporal_core_forwarded_log_message.argtypes = [ctypes.c_void_p]
    messages: list[bytes] = []

    def receive(_level: int, log: int) -> None:
        message = library.temporal_core_forwarded_log_message(log)
        messages.append(ctypes.string_at(message.data, message.size))

    callback = LogCallback(receive)
    filter_text = b"warn"
    logging = LoggingOptions(ByteArrayRef(filter_text, len(filter_text)), callback)
    telemetry = TelemetryOptions(ctypes.pointer(logging), None)
    options = RuntimeOptions(ctypes.pointer(telemetry), 0, None, 0, False)
    assert ctypes.sizeof(LoggingOptions) == 24
    made = library.temporal_core_runtime_new(ctypes.byref(options))
    assert made.fail is None
    runtime = capi.ffi.cast("TemporalCoreRuntime *", made.runtime)
    dns = capi.new("TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=1_000)
    with connection_to(Override(capi), runtime, dns_load_balancing_options=dns):
        pass
    capi.lib.temporal_core_runtime_free(runtime)
    assert any(message.startswith(b"dns_load_balancing_options is ignored") for message in messages)
