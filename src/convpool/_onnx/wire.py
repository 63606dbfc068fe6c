"""Weights where they stand: protobuf's wire format, as far as finding them needs it.

A parser of protobuf copies every byte of a file, and each look at a field copies it again. Weights
are nearly all of a file, so their bytes are cut out of what the parser is given, and read in place.

model: field 7 = graph;  graph: field 5 = constant;  constant: field 9 = its bytes
"""

from collections.abc import Iterator

GRAPH, CONSTANT, BYTES = 7, 5, 9
SMALLEST = 1024  # bytes worth cutting out

Field = tuple[int, int, int, int]  # number, where its key, its contents and what follows it begin


def cut(content: memoryview) -> tuple[bytes, list[memoryview | None]]:
    """A model without its weights, and those of each constant, None where they are still in it.

    What is not understood stays as it is, for the parser to judge.
    """
    weights: list[memoryview | None] = []
    try:
        return _without(content, (GRAPH, CONSTANT), weights), weights
    except (IndexError, ValueError):
        return bytes(content), []


def _without(message: memoryview, path: tuple[int, ...], weights: list[memoryview | None]) -> bytes:
    """A message whose fields on the path are written anew."""
    parts: list[bytes | memoryview] = []
    for number, key, start, end in _fields(message):
        if number != path[0]:
            parts.append(message[key:end])
            continue
        if len(path) > 1:
            inner = _without(message[start:end], path[1:], weights)
        else:
            inner = _constant(message[start:end], weights)
        parts += [_varint(number << 3 | 2), _varint(len(inner)), inner]
    return b"".join(parts)


def _constant(message: memoryview, weights: list[memoryview | None]) -> bytes:
    """A constant without its bytes."""
    found = None
    parts: list[memoryview] = []
    for number, key, start, end in _fields(message):
        if number == BYTES and end - start >= SMALLEST:
            found = message[start:end]
        else:
            parts.append(message[key:end])
    weights.append(found)
    return b"".join(parts)


def _fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message; ValueError or IndexError where it is none."""
    at, size = 0, len(message)
    while at < size:
        key = at
        tag, at = _read_varint(message, at)
        kind = tag & 7
        start = at
        if kind == 0:
            _, at = _read_varint(message, at)
        elif kind == 2:
            length, start = _read_varint(message, at)
            at = start + length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(kind)
        if at > size:
            raise IndexError
        # Contents of another kind are not what the path means.
        yield (tag >> 3 if kind == 2 else 0), key, start, at


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError(shift)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
