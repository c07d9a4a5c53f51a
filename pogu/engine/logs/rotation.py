"""Rotation: when a spool has grown too large, it is renamed, the supervisor opens a new one, and the oldest goes.

Bounded logs are the default, which Docker's `json-file` does not have (moby#27957): five files of 20 MB, as its `local`
driver keeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.logs.files import spool_files
from pogu.errors import InvalidArgument

DEFAULT_SIZE = 20 << 20  # bytes of one file
DEFAULT_FILES = 5
UNKEPT_SIZE = 64 << 20  # bytes that the driver `none` keeps at most, for clients that are attached
_SIZE = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))? ?([kKmMgGtT]?)[iI]?[bB]?")
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_OPTIONS = {
    "json-file": ("max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"),
    "local": ("max-file", "max-size", "compress"),
    "none": (),
}
_MODES = ("mode", "max-buffer-size")


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """`size` bytes of one file, 0 for no limit; `files` that are kept, the one being written included."""

    size: int = DEFAULT_SIZE
    files: int = DEFAULT_FILES


def rotation_policy(driver: str, options: Mapping[str, str]) -> RotationPolicy:
    """Return the policy that log options ask for: `max-size` (`10m`, -1 for no limit) and `max-file`.

    Raises:
        InvalidArgument: an option that the driver does not have, or a value that cannot be.
    """
    known = _OPTIONS.get(driver, ())
    for name in options:
        if name not in known and name not in _MODES:
            raise InvalidArgument(f"unknown log opt '{name}' for {driver} log driver")
    _check_mode(options)
    if driver == "none":
        return RotationPolicy(UNKEPT_SIZE, 2)
    return RotationPolicy(_size(options.get("max-size", "")), _files(options.get("max-file", "")))


def _check_mode(options: Mapping[str, str]) -> None:
    """Raise InvalidArgument, in dockerd's words, for a way of logging that there is not, or a buffer where none is."""
    mode = options.get("mode", "")
    if mode not in ("", "blocking", "non-blocking"):
        raise InvalidArgument(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in options:
        if mode != "non-blocking":
            raise InvalidArgument("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
        if not _SIZE.fullmatch(options["max-buffer-size"]):
            raise InvalidArgument(f"error parsing option max-buffer-size: invalid size: '{options['max-buffer-size']}'")


def _size(text: str) -> int:
    if not text:
        return DEFAULT_SIZE
    if text == "-1":
        return 0
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"invalid size: '{text}'")
    number = float(f"{match[1]}.{match[2] or 0}")
    size = int(number * (1 << _UNITS[match[3].lower()]))
    if size <= 0:
        raise InvalidArgument(f"max-size must be a positive number: '{text}'")
    return size


def _files(text: str) -> int:
    if not text:
        return DEFAULT_FILES
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < 1:
        raise InvalidArgument(f"max-file must be a positive number: '{text}'")
    return int(text)


def is_full(path: Path, policy: RotationPolicy) -> bool:
    """Tell whether the file being written has reached its size."""
    try:
        return policy.size > 0 and path.stat().st_size >= policy.size
    except FileNotFoundError:
        return False


def shift(path: Path, policy: RotationPolicy) -> None:
    """Rename every file to the next number, the one being written to `.1`, and delete what is too much.

    The supervisor goes on writing into the renamed file until it is told to open a new one. With a single file kept
    the old one stays until the next rotation all the same: readers may be in the middle of it.
    """
    keep = max(2, policy.files)
    for file in spool_files(path):
        number = 0 if file == path else int(file.name.rpartition(".")[2])
        if number + 1 >= keep:
            file.unlink(missing_ok=True)
        else:
            file.rename(path.with_name(f"{path.name}.{number + 1}"))
