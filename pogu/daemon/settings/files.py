"""Reading configuration files: TOML (`pogu.toml`) and JSON (`daemon.json`), with the same keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pogu.daemon.settings.options import BY_KEY, Kind
from pogu.errors import InvalidArgument

DEFAULT_TOML = Path("/etc/pogu/pogu.toml")
DEFAULT_JSON = Path("/etc/pogu/daemon.json")


def read(path: Path, *, required: bool) -> dict[str, Any]:
    """Return the flat keys and raw values of one file; nothing where it is missing and not `required`.

    A file whose name ends in `.toml` is TOML, any other JSON (UTF-8, a byte order mark is allowed, empty is `{}`).

    Raises:
        InvalidArgument: it cannot be read or parsed, or has keys that are no option.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as e:
        if not required:
            return {}
        raise _failure(path, f"open {path}: no such file or directory") from e
    except (OSError, UnicodeDecodeError) as e:
        raise _failure(path, str(e)) from e
    values = _flatten(_parse(path, text))
    unknown = [key for key in values if key not in BY_KEY]
    if unknown:
        names = ", ".join(unknown)
        raise _failure(path, f"the following directives don't match any configuration option: {names}")
    return values


def _parse(path: Path, text: str) -> dict[str, Any]:
    if path.suffix == ".toml":
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            raise _failure(path, str(e)) from e
    import json

    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError as e:
        raise _failure(path, f"invalid JSON: {e}") from e
    if not isinstance(value, dict):
        raise _failure(path, "the file must hold a JSON object")
    return value


# Options whose value is an object; any other object is a group of keys, such as `proxies` (moby does the same).
_OBJECTS = frozenset(
    option.key
    for option in BY_KEY.values()
    if option.kind in {Kind.MAP, Kind.ULIMITS, Kind.RUNTIMES, Kind.NETWORK_OPTS, Kind.FEATURES, Kind.OBJECT}
)


def _flatten(values: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and key not in _OBJECTS:
            flat.update(value)
        else:
            flat[_ALIASES.get(key, key)] = value
    return flat


_ALIASES = {"root": "data-root", "run": "exec-root"}


def _failure(path: Path, reason: str) -> InvalidArgument:
    return InvalidArgument(f"unable to configure the Pogu daemon with file {path}: {reason}")
