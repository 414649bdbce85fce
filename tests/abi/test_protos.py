"""The package's protobuf files match the archive, which knows each of their fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.rpc import outcome, start_call
from tests.support.programs.protoc import compile_protos

PACKAGE = "temporal.api.workflowservice.v1"
DEEPEST = 8  # of nested messages; for example, a failure has a cause, which is a failure


@pytest.fixture(scope="module")
def pool(package_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DescriptorPool:
    """The descriptors that protoc generates from the files."""
    service = f"{PACKAGE.replace('.', '/')}/service.proto"
    protodir = package_dir / "share" / "proto"
    pool = DescriptorPool()
    for file in compile_protos(protodir, [service], tmp_path_factory.mktemp("protoc")).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def value(field: Any) -> Any:
    """Return a value other than the default."""
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    if field.type == FieldDescriptor.TYPE_STRING:
        return field.name
    if field.type == FieldDescriptor.TYPE_BYTES:
        return field.name.encode()
    return True if field.type == FieldDescriptor.TYPE_BOOL else 1


def fill(message: Message, depth: int = 1) -> int:
    """Set all fields, also of nested messages, and return their number. A oneof keeps the last."""
    count = 0
    for field in message.DESCRIPTOR.fields:
        target = getattr(message, field.name)
        inner = field.message_type
        if inner is not None and depth == DEEPEST:
            continue
        if inner is not None and inner.GetOptions().map_entry:
            held = inner.fields_by_name["value"]
            if held.message_type is None:
                target[value(inner.fields_by_name["key"])] = value(held)
            else:
                count += fill(target[value(inner.fields_by_name["key"])], depth + 1)
        elif field.is_repeated:
            if inner is None:
                target.append(value(field))
            else:
                count += fill(target.add(), depth + 1)
        elif inner is None:
            setattr(message, field.name, value(field))
        else:
            target.SetInParent()
            count += fill(target, depth + 1)
        count += 1
    return count


@pytest.mark.parametrize(
    "rpc", ["UpdateWorkflowExecution", "RespondWorkflowTaskCompleted", "PollWorkflowTaskQueue"]
)
def test_archive_passes_every_field_of_requests_and_responses(
    capi: CApi, pool: DescriptorPool, rpc: str
) -> None:
    method = pool.FindServiceByName(f"{PACKAGE}.WorkflowService").FindMethodByName(rpc)
    request = GetMessageClass(method.input_type)()
    response = GetMessageClass(method.output_type)()
    assert fill(request) > 10
    assert fill(response) > 3

    def respond(sent: Request) -> Response:
        return Response(response.SerializeToString() if sent.rpc == rpc else b"")

    override = Override(capi, respond)
    with capi.runtime() as runtime, connection_to(override, runtime) as client:
        ended = outcome(capi, start_call(capi, client, rpc, request.SerializeToString()))
    # The archive decodes and encodes both, and would drop unknown fields.
    assert type(request).FromString(override.requests[-1].proto) == request
    assert type(response).FromString(ended.success or b"") == response
