"""The names of what the daemon and the store of contexts have; none where there is no daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pogu.cli import configuration
from pogu.cli.client import Client
from pogu.cli.contexts import DEFAULT, Store
from pogu.cli.invoke import Session
from pogu.errors import PoguError

_STATUS = {"running": ["running"], "stopped": ["created", "exited"], "paused": ["paused"]}


class Names:
    """Asks when it is asked. `client` is made only then, because an address may be wrong."""

    def __init__(self, session: Session, connect: Callable[[Session], Client]) -> None:
        self._session = session
        self._connect = connect

    def containers(self, state: str = "") -> list[str]:
        """Return the names of containers: all, or the `running`, `stopped` or `paused` ones."""
        filters = {"status": _STATUS[state]} if state else None
        found = self._get("/containers/json", all=True, filters=filters) or []
        return [name.lstrip("/") for entry in found for name in entry["Names"] if "/" not in name[1:]]

    def images(self) -> list[str]:
        """Return the names of images, without the tag where that is `latest`."""
        tags = [tag for entry in self._get("/images/json") or [] for tag in entry.get("RepoTags") or []]
        return [tag.removesuffix(":latest") for tag in tags if not tag.startswith("<none>")]

    def networks(self) -> list[str]:
        return [entry["Name"] for entry in self._get("/networks") or []]

    def volumes(self) -> list[str]:
        return [entry["Name"] for entry in (self._get("/volumes") or {}).get("Volumes") or []]

    def contexts(self) -> list[str]:
        return [DEFAULT, *Store(configuration.folder(self._session.options)).names()]

    def _get(self, path: str, **query: Any) -> Any:
        try:
            return self._connect(self._session).get(path, **query)
        except (PoguError, OSError):
            return None
