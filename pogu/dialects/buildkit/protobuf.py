"""The wire format of Protocol Buffers, read and written by tables that are made from annotated structs.

A message is a struct whose fields say their numbers: `name: Annotated[str, 4] = ""`. Whole numbers are taken for
`int32`, `int64` or an enumeration unless the annotation says otherwise (`Annotated[int, 2, UNSIGNED]`). A field whose
value is the type's empty one is not written (proto3); a message field is None where it is absent. Fields nobody knows
are skipped. Unlike the specification asks, a message field that comes twice is not merged: the last one counts.

Source: the encoding page of the Protocol Buffers documentation.
"""

from __future__ import annotations

import struct
import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from pogu.errors import InvalidArgument

_VARINT, _I64, _LEN, _GROUP, _GROUP_END, _I32 = 0, 1, 2, 3, 4, 5
_DEEPEST = 100  # messages in messages; what other implementations allow
_MASK = (1 << 64) - 1
_NOTHING = {_VARINT: 0, _I64: bytes(8), _LEN: b"", _I32: bytes(4)}


class Message(msgspec.Struct, kw_only=True):
    """Base of every message."""


M = TypeVar("M", bound=Message)
Bytes = bytes | memoryview


class Kind(NamedTuple):
    """How a scalar stands on the wire."""

    wire: int
    read: Callable[[Any], Any]
    """From what the wire type gives (int, or bytes) to the value; ValueError where it is not one."""
    write: Callable[[Any], bytes]
    """From the value to what follows the tag."""


def encode_varint(value: int) -> bytes:
    """Return a number of at most 64 bits, seven bits a byte, the lowest first; negative ones in two's complement."""
    value &= _MASK
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: Bytes, position: int) -> tuple[int, int]:
    """Return the number at `position` and the position behind it. Raises InvalidArgument if it is cut or too long."""
    result = shift = 0
    try:
        while (byte := data[position]) >= 0x80:
            result |= (byte & 0x7F) << shift
            shift += 7
            position += 1
            if shift > 63:
                raise InvalidArgument("a number in the message is longer than 64 bits")
    except IndexError:
        raise InvalidArgument("the message ends in the middle of a number") from None
    return (result | byte << shift) & _MASK, position + 1


def _sized(data: bytes) -> bytes:
    return encode_varint(len(data)) + data


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text(data: Bytes) -> str:
    return str(data, "utf-8")


SIGNED = Kind(_VARINT, _signed, encode_varint)
"""int32, int64 and enumerations."""
UNSIGNED = Kind(_VARINT, int, encode_varint)
"""uint32 and uint64."""
BOOL = Kind(_VARINT, bool, lambda value: b"\1" if value else b"\0")
DOUBLE = Kind(_I64, lambda data: struct.unpack("<d", data)[0], struct.Struct("<d").pack)
FLOAT = Kind(_I32, lambda data: struct.unpack("<f", data)[0], struct.Struct("<f").pack)
TEXT = Kind(_LEN, _text, lambda value: _sized(value.encode()))
NAME = Kind(_LEN, lambda data: str(data, "utf-8", "surrogateescape"),
            lambda value: _sized(value.encode("utf-8", "surrogateescape")))  # fmt: skip
"""A string that may hold a file name, which need not be UTF-8."""
BYTES = Kind(_LEN, bytes, _sized)
VIEW = Kind(_LEN, lambda data: data, _sized)
"""Bytes that are only looked at while what they were read from is there."""
_BY_TYPE: dict[type, Kind] = {int: SIGNED, bool: BOOL, float: DOUBLE, str: TEXT, bytes: BYTES}


class _Field(NamedTuple):
    name: str
    number: int
    kind: Kind | None
    message: type[Message] | None
    repeated: bool
    entry: tuple[_Field, _Field] | None  # of a map: key and value

    @property
    def wire(self) -> int:
        return _LEN if self.kind is None else self.kind.wire


class _Table(NamedTuple):
    by_number: dict[int, _Field]
    ordered: list[_Field]


@cache
def _table(type_: type[Message]) -> _Table:
    hints = get_type_hints(type_, include_extras=True)
    fields = [_field(name, hints[name]) for name in type_.__struct_fields__]
    fields.sort(key=lambda field: field.number)
    return _Table({field.number: field for field in fields}, fields)


def _field(name: str, hint: Any) -> _Field:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{name}: a field of a message says its number")
    inner, number, *rest = get_args(hint)
    kind = rest[0] if rest else None
    if get_origin(inner) is list:
        return _scalar(name, number, get_args(inner)[0], kind)._replace(repeated=True)
    if get_origin(inner) is dict:
        key, value = get_args(inner)
        return _Field(name, number, None, None, False, (_scalar("key", 1, key, kind), _scalar("value", 2, value, None)))
    return _scalar(name, number, inner, kind)


def _scalar(name: str, number: int, inner: Any, kind: Kind | None) -> _Field:
    if get_origin(inner) in (Union, types.UnionType):
        inner = next(arg for arg in get_args(inner) if arg is not type(None))
    if isinstance(inner, type) and issubclass(inner, Message):
        return _Field(name, number, None, inner, False, None)
    return _Field(name, number, kind or _BY_TYPE[inner], None, False, None)


def decode(type_: type[M], data: Bytes) -> M:
    """Read a message. Raises InvalidArgument for whatever is not one."""
    return _decode(type_, data, _DEEPEST)


def _decode(type_: type[M], data: Bytes, depth: int) -> M:
    if depth == 0:
        raise InvalidArgument(f"the message has more than {_DEEPEST} levels")
    known = _table(type_).by_number
    values: dict[str, Any] = {}
    position, end = 0, len(data)
    while position < end:
        tag, position = decode_varint(data, position)
        field = known.get(tag >> 3)
        raw, position = _raw(data, position, tag, depth)
        if field is None:
            continue
        try:
            _take(values, field, tag & 7, raw, depth)
        except (ValueError, struct.error):
            raise InvalidArgument(f"field {field.number} ({field.name}) of the message holds no such value") from None
    return type_(**values)


def _raw(data: Bytes, position: int, tag: int, depth: int) -> tuple[Any, int]:
    """Return what a tag announces, as the wire type has it, and the position behind it."""
    wire = tag & 7
    if tag >> 3 == 0:
        raise InvalidArgument("the message has a field of number 0")
    if wire == _VARINT:
        return decode_varint(data, position)
    if wire == _LEN:
        size, position = decode_varint(data, position)
    elif wire in (_I64, _I32):
        size = 8 if wire == _I64 else 4
    elif wire == _GROUP:
        return None, _behind_group(data, position, tag >> 3, depth - 1)
    else:
        raise InvalidArgument(f"the message has a field of the unknown type {wire}")
    if position + size > len(data):
        raise InvalidArgument("the message ends in the middle of a field")
    return data[position : position + size], position + size


def _behind_group(data: Bytes, position: int, number: int, depth: int) -> int:
    """Skip a group, a form of old; nobody writes it any more."""
    if depth == 0:
        raise InvalidArgument(f"the message has more than {_DEEPEST} levels")
    while True:
        tag, position = decode_varint(data, position)
        if tag & 7 == _GROUP_END:
            if tag >> 3 != number:
                raise InvalidArgument("a group in the message is not closed")
            return position
        _, position = _raw(data, position, tag, depth)


def _take(values: dict[str, Any], field: _Field, wire: int, raw: Any, depth: int) -> None:
    if field.entry is not None:
        key, value = _entry(field.entry, raw, wire, depth)
        values.setdefault(field.name, {})[key] = value
    elif field.repeated and wire == _LEN and field.wire != _LEN:
        values.setdefault(field.name, []).extend(_packed(field, raw))
    elif wire != field.wire:
        raise ValueError(wire)
    else:
        value = _value(field, raw, depth)
        if field.repeated:
            values.setdefault(field.name, []).append(value)
        else:
            values[field.name] = value


def _value(field: _Field, raw: Any, depth: int) -> Any:
    if field.message is not None:
        return _decode(field.message, raw, depth - 1)
    assert field.kind is not None
    return field.kind.read(raw)


def _packed(field: _Field, data: Bytes) -> list[Any]:
    values: list[Any] = []
    position = 0
    while position < len(data):
        raw, position = _raw(data, position, 1 << 3 | field.wire, 1)
        values.append(_value(field, raw, 1))
    return values


def _entry(fields: tuple[_Field, _Field], data: Any, wire: int, depth: int) -> tuple[Any, Any]:
    if wire != _LEN:
        raise ValueError(wire)
    found: dict[str, Any] = {}
    position = 0
    while position < len(data):
        tag, position = decode_varint(data, position)
        raw, position = _raw(data, position, tag, depth)
        for field in fields:
            if field.number == tag >> 3:
                _take(found, field, tag & 7, raw, depth - 1)
    return tuple(found[field.name] if field.name in found else _empty(field, depth) for field in fields)


def _empty(field: _Field, depth: int) -> Any:
    """Return the value of a map's key or value that was left out."""
    if field.message is not None:
        return _decode(field.message, b"", depth - 1)
    assert field.kind is not None
    return field.kind.read(_NOTHING[field.wire])


def encode(message: Message) -> bytes:
    """Write a message, its fields in the order of their numbers."""
    out: list[bytes] = []
    for field in _table(type(message)).ordered:
        value = getattr(message, field.name)
        if field.entry is not None:
            for pair in value.items():
                inner = b"".join(_written(part, item) for part, item in zip(field.entry, pair, strict=True))
                out.append(_tag(field.number, _LEN) + _sized(inner))
        elif field.repeated:
            out += _repeated(field, value)
        elif value or (field.message is not None and value is not None):
            out.append(_written(field, value))
    return b"".join(out)


def _repeated(field: _Field, values: list[Any]) -> list[bytes]:
    if not values or field.wire == _LEN:
        return [_written(field, value) for value in values]
    assert field.kind is not None
    return [_tag(field.number, _LEN) + _sized(b"".join(map(field.kind.write, values)))]


def _written(field: _Field, value: Any) -> bytes:
    if field.message is not None:
        return _tag(field.number, _LEN) + _sized(encode(value))
    assert field.kind is not None
    return _tag(field.number, field.kind.wire) + field.kind.write(value)


@cache
def _tag(number: int, wire: int) -> bytes:
    return encode_varint(number << 3 | wire)
