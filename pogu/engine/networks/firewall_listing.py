"""Reading the firewall table back: members of sets and maps from libnftables' JSON (libnftables-json(5)) as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def elements(objects: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield `NAME { MEMBER }` for every member of every set and map in a listing."""
    for found in objects:
        holder: dict[str, Any] = found.get("map") or found.get("set") or {}
        for member in holder.get("elem", ()):
            yield f"{holder['name']} {{ {_member(member)} }}"


def plain(element: str) -> str:
    """Return a member in nft's notation the way a listing says it: without quotes, single addresses without length."""
    words = element.replace('"', "").split(" ")
    return " ".join(w.removesuffix("/32") if "." in w else w.removesuffix("/128") for w in words)


def _member(value: Any) -> str:
    if isinstance(value, list):  # of a map
        return f"{_member(value[0])} : {_member(value[1])}"
    if isinstance(value, dict):
        if "elem" in value:
            return _member(value["elem"]["val"])
        if "concat" in value:
            return " . ".join(_member(v) for v in value["concat"])
        if "prefix" in value:
            return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    return str(value)
