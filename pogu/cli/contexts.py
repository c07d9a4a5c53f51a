"""Named daemons, in the store of the docker command, so that both commands have the same contexts.

`<config>/contexts/meta/<SHA-256 of the name>/meta.json` is a context, `<config>/contexts/tls/<the same>/docker/` its
certificates (`ca.pem`, `cert.pem`, `key.pem`). The context `default` is what the options and the environment say, and
is not stored.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pogu.errors import InvalidArgument, NotFound

DEFAULT = "default"
TLS_FILES = ("ca.pem", "cert.pem", "key.pem")
_ENDPOINT = "docker"
_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"


@dataclass
class Context:
    """One context: `endpoint` has `Host` and `SkipTLSVerify`, `metadata` may have `Description`."""

    name: str
    metadata: dict[str, Any] = field(default_factory=dict)
    endpoint: dict[str, Any] = field(default_factory=lambda: {"SkipTLSVerify": False})
    tls: dict[str, bytes] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return str(self.endpoint.get("Host", ""))

    def document(self) -> dict[str, Any]:
        """Return what `meta.json` holds."""
        return {"Name": self.name, "Metadata": self.metadata, "Endpoints": {_ENDPOINT: self.endpoint}}


class Store:
    """The contexts of a configuration folder."""

    def __init__(self, place: Path) -> None:
        self._place = place / "contexts"

    def meta_folder(self, name: str) -> Path:
        return self._place / "meta" / _digest(name)

    def tls_folder(self, name: str) -> Path:
        return self._place / "tls" / _digest(name)

    def names(self) -> list[str]:
        """Return the names of the stored contexts, sorted."""
        return sorted(str(json.loads(path.read_text("utf-8"))["Name"]) for path in self._place.glob("meta/*/meta.json"))

    def load(self, name: str) -> Context:
        """Return a stored context.

        Raises:
            NotFound: there is none of the name.
            InvalidArgument: its file cannot be understood.
        """
        path = self.meta_folder(name) / "meta.json"
        try:
            return from_document(json.loads(path.read_text("utf-8")), dict(self._tls(name)))
        except FileNotFoundError:
            reason = f"open {path}: no such file or directory"
            raise NotFound(f'context "{name}": context not found: {reason}') from None
        except ValueError as e:
            raise InvalidArgument(f'context "{name}": {path}: {e}') from e

    def exists(self, name: str) -> bool:
        return (self.meta_folder(name) / "meta.json").exists()

    def save(self, context: Context) -> None:
        """Write a context, in place of one of the same name."""
        folder = self.meta_folder(context.name)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".meta.json.{os.getpid()}"
        temporary.write_text(json.dumps(context.document(), separators=(",", ":"), ensure_ascii=False), "utf-8")
        temporary.replace(folder / "meta.json")
        shutil.rmtree(self.tls_folder(context.name), ignore_errors=True)
        for name, content in context.tls.items():
            path = self.tls_folder(context.name) / _ENDPOINT / name
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_bytes(content)

    def remove(self, name: str) -> None:
        """Remove a context. Raises NotFound."""
        if not self.meta_folder(name).exists():
            raise NotFound(f'context "{name}" does not exist')
        shutil.rmtree(self.meta_folder(name))
        shutil.rmtree(self.tls_folder(name), ignore_errors=True)

    def _tls(self, name: str) -> Iterator[tuple[str, bytes]]:
        for file in TLS_FILES:
            path = self.tls_folder(name) / _ENDPOINT / file
            if path.exists():
                yield file, path.read_bytes()


def from_document(document: Mapping[str, Any], tls: dict[str, bytes]) -> Context:
    """Return the context of a `meta.json`. Raises ValueError for one that has another form."""
    try:
        endpoint = dict((document.get("Endpoints") or {}).get(_ENDPOINT) or {})
        return Context(str(document["Name"]), dict(document.get("Metadata") or {}), endpoint, tls)
    except (KeyError, TypeError, AttributeError):
        raise ValueError("it does not describe a context") from None


def check_name(name: str) -> None:
    """Raise InvalidArgument for a name that no stored context may have."""
    if name == DEFAULT:
        raise InvalidArgument(f'"{DEFAULT}" is a reserved context name')
    if not re.fullmatch(_NAME, name):
        raise InvalidArgument(f'context name "{name}" is invalid, names are validated against regexp "{_NAME}"')


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
