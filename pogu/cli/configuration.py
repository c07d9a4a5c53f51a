"""The folder and file of settings that the docker command has, and that this one shares with it.

The folder is `--config`, else `DOCKER_CONFIG`, else `~/.docker`; the file in it is `config.json`. Only what is known
here is read; whatever else the file holds is kept when it is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FILE = "config.json"


def folder(options: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the settings; it need not exist."""
    given = options.get("config") or environ.get("DOCKER_CONFIG")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".docker"


def load(place: Path) -> dict[str, Any]:
    """Return the settings of the folder `place`, none where there is no file; what is wrong with it is a warning."""
    path = place / _FILE
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as e:
        return _warned(path, str(e))
    import json

    try:
        found = json.loads(text or "{}")
    except ValueError as e:
        return _warned(path, str(e))
    return found if isinstance(found, dict) else _warned(path, "it holds no JSON object")


def _warned(path: Path, reason: str) -> dict[str, Any]:
    print(f"WARNING: Error parsing config file ({path}): {reason}", file=sys.stderr)
    return {}


def change(place: Path, key: str, value: Any) -> None:
    """Set a key of the file, or take it away (None); a change is whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    import json

    settings = load(place)
    if value == settings.get(key):
        return
    settings.setdefault("auths", {})
    settings.pop(key, None) if value is None else settings.update({key: value})
    place.mkdir(0o700, parents=True, exist_ok=True)
    path = place / _FILE
    temporary = path.with_name(f".{_FILE}.{os.getpid()}")
    try:
        temporary.touch(0o600)
        temporary.write_text(json.dumps(settings, indent="\t", ensure_ascii=False), "utf-8")
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path.resolve())
    finally:
        temporary.unlink(missing_ok=True)
