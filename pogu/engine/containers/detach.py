"""Detach keys: `ctrl-p,ctrl-q` and what people set instead, found in a terminal's input."""

from __future__ import annotations

from pogu.errors import InvalidArgument

DEFAULT = b"\x10\x11"  # ctrl-p, ctrl-q
_CONTROL = {
    **{chr(c): c - 96 for c in range(ord("a"), ord("z") + 1)},
    "@": 0,
    "[": 27,
    "\\": 28,
    "]": 29,
    "^": 30,
    "_": 31,
}


def parse_detach_keys(text: str | None, noun: str = "detach") -> bytes:
    """Return the bytes of a comma-separated key sequence; each key is one character or `ctrl-` and one.

    `noun` is what dockerd calls the keys: "detach", or for an exec "escape".

    Raises:
        InvalidArgument: a key is neither.
    """
    if not text:
        return DEFAULT
    keys = bytearray()
    for key in text.split(","):
        name = key.removeprefix("ctrl-") if key.startswith("ctrl-") else ""
        if name in _CONTROL:
            keys.append(_CONTROL[name])
        elif len(key) == 1 and ord(key) < 128:
            keys.append(ord(key))
        else:
            raise InvalidArgument(f"Invalid {noun} keys ({text}) provided")
    return bytes(keys)


class DetachScanner:
    """Looks for the keys in what is typed; what may be their beginning is held back until that is decided."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return (what to pass on, whether the keys were typed); after the keys nothing is passed on."""
        data = self._held + data
        at = data.find(self._keys)
        if at >= 0:
            self._held = b""
            return data[:at], True
        keep = next((n for n in range(min(len(self._keys) - 1, len(data)), 0, -1) if data.endswith(self._keys[:n])), 0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep], False
