"""Protobuf messages nested to any depth, made from their descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

DECODER_LIMIT = 100
"""The depth of messages that the library decodes; one more is a decode failure."""

Path: TypeAlias = tuple[FieldDescriptor, ...]
"""A path of fields from a message to a nested message."""


def nested(path: Path, loop: Path, depth: int, end: Path = ()) -> bytes:
    """Encode a message with nested messages.

    Args:
        path: fields from the message to a type that can contain itself.
        loop: fields from that type to itself, repeated as often as ``depth`` needs.
        depth: the number of nested messages, without the outermost.
        end: fields of the innermost messages, starting at the end of ``path``.
    """
    until_end = depth - len(end)
    fields = [
        path[i] if i < len(path) else loop[(i - len(path)) % len(loop)] for i in range(until_end)
    ]
    encoded = b""
    for field in reversed([*fields, *end]):
        encoded = _varint(field.number << 3 | 2) + _varint(len(encoded)) + encoded
    return encoded


def nested_groups(depth: int) -> bytes:
    """Encode nested groups of an unknown field, which a decoder skips."""
    return _varint(1000 << 3 | 3) * depth + _varint(1000 << 3 | 4) * depth


def longest_path(descriptor: Descriptor, above: frozenset[Descriptor] = frozenset()) -> Path:
    """Return the longest path into a message that visits no type twice."""
    above |= {descriptor}
    paths: list[Path] = [
        (field, *longest_path(field.message_type, above))
        for field in _message_fields(descriptor)
        if field.message_type not in above
    ]
    return max(paths, key=len, default=())


def ways_to_nest(descriptor: Descriptor) -> Iterator[tuple[Path, Path]]:
    """Yield the shortest path to each type that can contain itself, and the loop of that type."""
    for reached, path in _shortest_paths(descriptor).items():
        inside = {
            type_: (field, *rest)
            for field in _message_fields(reached)
            for type_, rest in _shortest_paths(field.message_type).items()
            if type_ is reached
        }
        if reached in inside:
            yield path, inside[reached]


def _shortest_paths(descriptor: Descriptor) -> dict[Descriptor, Path]:
    """Return the shortest path to each message type in a message, breadth first."""
    paths: dict[Descriptor, Path] = {descriptor: ()}
    for type_ in (queue := [descriptor]):
        for field in _message_fields(type_):
            if field.message_type not in paths:
                paths[field.message_type] = (*paths[type_], field)
                queue.append(field.message_type)
    return paths


def _message_fields(descriptor: Descriptor) -> list[Any]:
    return [field for field in descriptor.fields if field.message_type is not None]


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
