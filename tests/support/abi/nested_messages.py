"""Protobuf messages nested as deep as one likes, by their descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

DECODER_LIMIT = 100
"""How many messages deep the library decodes; one more is a decode failure."""

Path: TypeAlias = tuple[FieldDescriptor, ...]
"""Fields that lead from a message into messages inside it."""


def nested(path: Path, loop: Path, depth: int, end: Path = ()) -> bytes:
    """Encode a message with messages in it.

    Args:
        path: from the message to one that can hold itself.
        loop: from that one to itself, gone through as often as ``depth`` needs.
        depth: the number of messages that are inside one another, the outermost not counted.
        end: the innermost of them, from where ``path`` leads to.
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
    """Encode groups inside groups, of a field that no message has: a decoder skips them."""
    return _varint(1000 << 3 | 3) * depth + _varint(1000 << 3 | 4) * depth


def longest_path(descriptor: Descriptor, above: frozenset[Descriptor] = frozenset()) -> Path:
    """Give the fields that lead deepest into a message, through no type twice."""
    above |= {descriptor}
    paths: list[Path] = [
        (field, *longest_path(field.message_type, above))
        for field in _message_fields(descriptor)
        if field.message_type not in above
    ]
    return max(paths, key=len, default=())


def ways_to_nest(descriptor: Descriptor) -> Iterator[tuple[Path, Path]]:
    """Give the shortest way to each type in a message that can hold itself, and its loop."""
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
    """Each message type in a message, and the fields that lead there; breadth first."""
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
