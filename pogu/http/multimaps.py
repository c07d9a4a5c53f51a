"""Header fields and query parameters: ordered, one name may occur several times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import overload
from urllib.parse import parse_qsl

from pogu.errors import InvalidArgument

MAX_QUERY_FIELDS = 1000


class Headers:
    """Header fields in the order received; names compare without regard to case and are kept in lower case."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = [(name.lower(), value) for name, value in items]

    @classmethod
    def adopt(cls, items: list[tuple[str, str]]) -> Headers:
        """Take over a list whose names are in lower case already (the parser's), without copying it."""
        headers = cls.__new__(cls)
        headers._items = items
        return headers

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a field, or the default."""
        wanted = name.lower()
        for known, value in self._items:
            if known == wanted:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Every value of a field in the order received."""
        wanted = name.lower()
        return [value for known, value in self._items if known == wanted]

    def tokens(self, name: str) -> list[str]:
        """The elements of a comma-separated list field over all its lines, in lower case (RFC 9110, 5.6.1)."""
        elements = (element.strip().lower() for value in self.get_all(name) for element in value.split(","))
        return [element for element in elements if element]

    def items(self) -> list[tuple[str, str]]:
        """All fields as (lower-case name, value)."""
        return list(self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"


class Query:
    """The query part of a request target, decoded when first used (`application/x-www-form-urlencoded`).

    Bytes that are not UTF-8 read as U+FFFD, so that every value can be sent back in an answer; use `get_file_name`
    where the value names a file. More than a thousand parameters raise InvalidArgument.
    """

    __slots__ = ("_pairs", "raw")

    def __init__(self, raw: str = "") -> None:
        self.raw = raw
        self._pairs: list[tuple[str, str]] | None = None if raw else []

    def _decoded(self) -> list[tuple[str, str]]:
        if self._pairs is None:
            self._pairs = _parse(self.raw, "replace")
        return self._pairs

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a parameter, or the default. A parameter without `=` has the value ""."""
        for known, value in self._decoded():
            if known == name:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Every value of a parameter, in order."""
        return [value for known, value in self._decoded() if known == name]

    def get_file_name(self, name: str) -> str | None:
        """The first value, for use as a file name: bytes that are not UTF-8 survive as `os.fsencode` wants them."""
        for known, value in _parse(self.raw, "surrogateescape"):
            if known == name:
                return value
        return None

    def items(self) -> list[tuple[str, str]]:
        """All parameters as (name, value), in order."""
        return list(self._decoded())

    def __contains__(self, name: object) -> bool:
        return any(known == name for known, _ in self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def __repr__(self) -> str:
        return f"Query({self.raw!r})"


def _parse(raw: str, errors: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw, keep_blank_values=True, errors=errors, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise InvalidArgument(f"the query has more than {MAX_QUERY_FIELDS} parameters") from error
