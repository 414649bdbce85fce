"""How much of its caller's stack an export needs, starting with the first call in a process.

The program runs each export on a thread whose stack it has filled with a pattern. In a second run,
threads have only the promised stack, with a guard page below it.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import temporalio.bridge.proto as bridge
import trustme
from google.protobuf.message import Message
from temporalio.api.cloud.cloudservice.v1 import service_pb2 as cloud
from temporalio.api.history.v1 import message_pb2 as history
from temporalio.api.operatorservice.v1 import service_pb2 as operator
from temporalio.api.testservice.v1 import service_pb2 as testing
from temporalio.api.workflowservice.v1 import service_pb2 as workflow
from temporalio.bridge.proto.health.v1 import health_pb2 as health
from temporalio.bridge.proto.nexus import nexus_pb2
from temporalio.bridge.proto.workflow_completion import workflow_completion_pb2

from tests.support.abi.capi import function_names
from tests.support.abi.nested_messages import (
    DECODER_LIMIT,
    longest_path,
    nested,
    nested_groups,
    ways_to_nest,
)
from tests.support.abi.rpc import SERVICES
from tests.support.programs.c_program import build_program

HERE = Path(__file__).parent

STACK = 64 << 10
"""Bytes that docs/process.md promises to be enough, including the thread's own data."""

MESSAGES: dict[str, type[Message]] = {
    "completion": workflow_completion_pb2.WorkflowActivationCompletion,
    "activity": bridge.ActivityTaskCompletion,
    "nexus": nexus_pb2.NexusTaskCompletion,
    "heartbeat": bridge.ActivityHeartbeat,
    "history": history.History,
}
DEPTHS = (16, 24, 32, 64, DECODER_LIMIT, DECODER_LIMIT + 1)
"""Includes low depths, in case only deep messages are decoded on another thread."""
LINK_CHECK = re.compile(r"_abi_[0-9a-f]{16}$")
"""The function that TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE calls, which does nothing."""
SERVICE_DEFINITIONS = dict(zip(SERVICES, (workflow, operator, cloud, testing, health), strict=True))


def deepest(descriptor: Any, depth: int) -> Iterator[bytes]:
    """Messages nested to this depth, one for each way to nest them."""
    yield nested_groups(depth)
    for path, loop in ways_to_nest(descriptor):
        yield nested(path, loop, depth)
        repeated = loop[-1].message_type
        assert repeated is not None
        end = longest_path(repeated)
        yield nested(path, loop, depth, end)


def temporal_executable() -> Path:
    """The Temporal server in the environment that runs the tests."""
    return Path(sysconfig.get_path("scripts")) / "temporal"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the arguments that the program passes to the calls."""
    directory = tmp_path_factory.mktemp("inputs")
    for kind, message in MESSAGES.items():
        for depth in DEPTHS:
            for number, encoded in enumerate(deepest(message.DESCRIPTOR, depth)):
                (directory / f"{kind}.{depth}.{number}").write_bytes(encoded)
        (directory / f"{kind}.cut.0").write_bytes(encoded[:-1])
    (directory / "rpcs").mkdir()
    for number, definition in enumerate(SERVICE_DEFINITIONS.values(), start=1):
        (service,) = definition.DESCRIPTOR.services_by_name.values()
        for method in service.methods:
            for depth in DEPTHS[-2:]:
                for way, encoded in enumerate(deepest(method.input_type, depth)):
                    name = f"{number}.{method.name}.{depth}.{way}"
                    (directory / "rpcs" / name).write_bytes(encoded)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
    profiles = [
        f'[profile.p{i}]\naddress = "host:{i}"\nnamespace = "n"\napi_key = "{"k" * 500}"\n'
        f'[profile.p{i}.tls]\nserver_name = "s"\n[profile.p{i}.grpc_meta]\nname = "value"\n'
        for i in range(300)
    ]
    (directory / "config.toml").write_text("".join(profiles), encoding="utf-8")
    (directory / "nested.toml").write_text("deep = " + "[" * 5000 + "]" * 5000, encoding="utf-8")
    (directory / "broken.toml").write_text("".join(profiles) + "[profile", encoding="utf-8")
    variables = ", ".join(f'"TEMPORAL_GRPC_META_NAME_{i}": "value"' for i in range(300))
    (directory / "environment.json").write_text("{" + variables + "}", encoding="utf-8")
    (directory / "nested.json").write_text("[" * 5000 + "]" * 5000, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that calls each export."""
    return build_program(HERE / "stack_use.c", tmp_path_factory.mktemp("stack-use"))


def run(program: Path, scratch: Path, *arguments: str | Path) -> str:
    """Run the program and return what it wrote."""
    results = scratch / "results"
    with (scratch / "output").open("w") as output:
        ended = subprocess.run(
            [program, *arguments[:4], results, *arguments[4:]],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
        )
    written = results.read_text()
    last = written.rpartition("\n")[2] or "no call"
    assert ended.returncode == 0, f"{last} ended the program"
    return written


@pytest.mark.parametrize(
    ("logs", "metrics"),
    [
        ("console", "prometheus"),
        ("forwarded", "custom"),
    ],
)
def test_every_call_needs_less_than_64_kib_of_its_callers_stack(
    logs: str, metrics: str, program: Path, inputs: Path, declared: str, tmp_path: Path
) -> None:
    # A server takes a second to start: one is enough.
    server = [temporal_executable()] if metrics == "prometheus" else []
    arguments: list[str | Path] = [logs, metrics, inputs, *server]
    used: defaultdict[str, int] = defaultdict(int)
    for line in run(program, tmp_path, "painted", *arguments).splitlines():
        name, size = line.split()
        used[name] = max(used[name], int(size))
    functions = {name for name in function_names(declared) if not LINK_CHECK.search(name)}
    assert functions - set(used) == set(), "exports that the program does not call"
    assert set(used) - functions == {"nothing"}
    print("\n".join(f"{size:7} {name}" for name, size in sorted(used.items())))
    assert {name: size for name, size in used.items() if size >= STACK} == {}


@pytest.mark.parametrize(
    ("logs", "metrics"), [("console", "otlp-grpc"), ("forwarded", "otlp-http")]
)
def test_a_thread_with_a_stack_of_64_kib_can_make_every_call(
    logs: str, metrics: str, program: Path, inputs: Path, tmp_path: Path
) -> None:
    run(program, tmp_path, "guarded", logs, metrics, inputs)
