"""JSON bodies read the way Go's `encoding/json` reads them.

Clients rely on its leniency: field names match whatever their case, `null` leaves a field alone, unknown fields are
ignored. A wrong type is refused in its words (`json: cannot unmarshal string into Go struct field
CreateRequest.Tty of type bool`), which people search for.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from pogu.errors import InvalidArgument

T = TypeVar("T", bound=msgspec.Struct)

_INT64 = range(-(2**63), 2**63)
_GO_NAMES: dict[type, str] = {
    inspect.BoolType: "bool",
    inspect.IntType: "int64",
    inspect.FloatType: "float64",
    inspect.StrType: "string",
}
_ZERO: dict[type, Any] = {
    inspect.BoolType: False,
    inspect.IntType: 0,
    inspect.FloatType: 0.0,
    inspect.StrType: "",
}
_PYTHON: dict[type, tuple[type, ...]] = {
    inspect.BoolType: (bool,),
    inspect.IntType: (int, float),
    inspect.FloatType: (int, float),
    inspect.StrType: (str,),
    inspect.ListType: (list,),
    inspect.DictType: (dict,),
    inspect.StructType: (dict,),
    inspect.TypedDictType: (dict,),
}


def decode_json(data: bytes, type_: type[T]) -> T:
    """Return the request body `data` as a `type_`.

    Raises:
        InvalidArgument: it is not JSON, there is more after it, or a field has a wrong type or is missing.
    """
    raw = _parse(data)
    shape = _shape(type_)
    try:
        fitted = _fit(raw, shape, type_.__name__, "")
        return msgspec.convert(fitted, type_)
    except msgspec.ValidationError as e:
        raise InvalidArgument(f"invalid JSON: {e}") from None
    except RecursionError:
        raise InvalidArgument("invalid JSON: exceeded max depth") from None


@cache
def _shape(type_: type) -> inspect.Type:
    """Return what a type looks like; finding that out for a create request takes 4 ms."""
    return inspect.type_info(type_)


def _parse(data: bytes) -> Any:
    if not data.strip():
        raise InvalidArgument("invalid JSON: got EOF while reading request body")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError) as e:
        text = str(e)
        if "truncated" in text:
            raise InvalidArgument("invalid JSON: unexpected EOF") from None
        if "trailing" in text:
            raise InvalidArgument("unexpected content after JSON") from None
        raise InvalidArgument(f"invalid JSON: {text}") from None
    except RecursionError:
        raise InvalidArgument("invalid JSON: exceeded max depth") from None


@lru_cache(maxsize=256)
def _fields(struct: type) -> tuple[dict[str, inspect.Field], dict[str, inspect.Field]]:
    """Return a struct's (or typed dictionary's) fields by their encoded names, and by those names in lower case."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType | inspect.TypedDictType)
    exact = {f.encode_name: f for f in info.fields}
    return exact, {name.lower(): f for name, f in exact.items()}


def _fit(value: Any, shape: inspect.Type, root: str, path: str) -> Any:
    """Return `value` with the field names of `shape` and Go's zero values for null; refuse a wrong type."""
    if isinstance(shape, inspect.UnionType):
        return _fit_union(value, shape, root, path)
    if value is None:
        return _zero(shape)
    if not _is_kind(value, shape):
        raise _mismatch(value, shape, root, path)
    if isinstance(shape, inspect.StructType | inspect.TypedDictType):
        return _fit_struct(value, shape, root, path)
    if isinstance(shape, inspect.ListType):
        return [_fit(item, shape.item_type, root, path) for item in value]
    if isinstance(shape, inspect.DictType):
        return {key: _fit(item, shape.value_type, root, path) for key, item in value.items()}
    if isinstance(shape, inspect.IntType):
        if int(value) != value or int(value) not in _INT64:
            raise _mismatch(value, shape, root, path, f"number {value}")
        return int(value)
    return value


def _fit_struct(
    value: dict[str, Any], shape: inspect.StructType | inspect.TypedDictType, root: str, path: str
) -> dict[str, Any]:
    exact, folded = _fields(shape.cls)
    fitted = {}
    for key, item in value.items():
        field = exact.get(key) or folded.get(key.lower())
        if field is not None and item is not None:
            name = field.encode_name
            fitted[name] = _fit(item, field.type, root, f"{path}.{name}" if path else name)
    return fitted


def _fit_union(value: Any, shape: inspect.UnionType, root: str, path: str) -> Any:
    options = [t for t in shape.types if not isinstance(t, inspect.NoneType)]
    if value is None and len(options) < len(shape.types):
        return None
    for option in options:
        if _is_kind(value, option):
            return _fit(value, option, root, path)
    raise _mismatch(value, options[0], root, path)


def _is_kind(value: Any, shape: inspect.Type) -> bool:
    kinds = _PYTHON.get(type(shape))
    if kinds is None:  # Any, and what else carries no demand
        return True
    if isinstance(value, bool):
        return kinds == (bool,)
    return isinstance(value, kinds)


def _zero(shape: inspect.Type) -> Any:
    if isinstance(shape, inspect.ListType):
        return []
    if isinstance(shape, inspect.DictType | inspect.StructType | inspect.TypedDictType):
        return {}
    return _ZERO.get(type(shape))


def _mismatch(value: Any, shape: inspect.Type, root: str, path: str, kind: str = "") -> InvalidArgument:
    kind = kind or _json_kind(value)
    target = f"struct field {root}.{path}" if path else "value"
    return InvalidArgument(f"invalid JSON: json: cannot unmarshal {kind} into Go {target} of type {_go_name(shape)}")


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    kinds: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def _go_name(shape: inspect.Type) -> str:
    if isinstance(shape, inspect.UnionType):
        return _go_name(next(t for t in shape.types if not isinstance(t, inspect.NoneType)))
    if isinstance(shape, inspect.ListType):
        return f"[]{_go_name(shape.item_type)}"
    if isinstance(shape, inspect.DictType):
        return f"map[string]{_go_name(shape.value_type)}"
    if isinstance(shape, inspect.StructType | inspect.TypedDictType):
        return shape.cls.__name__
    return _GO_NAMES.get(type(shape), "any")
