"""One warm connection to a daemon's socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any


class Api(http.client.HTTPConnection):
    """Docker's API over a local socket, one request after another on one connection."""

    def __init__(self, path: Path) -> None:
        super().__init__("daemon", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        """Make a request and return the body of its answer; RuntimeError for an error status."""
        data = None if body is None else json.dumps(body)
        self.request(method, f"/v1.41{path}", data, {"Content-Type": "application/json"} if data else {})
        answer = self.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content!r}")
        return content

    def create(self, *command: str, **settings: Any) -> str:
        """Create a container of the busybox image and return its ID."""
        body = {"Image": "busybox", "Cmd": list(command), **settings}
        return str(json.loads(self.call("POST", "/containers/create", body))["Id"])

    def run(self, *command: str, **settings: Any) -> None:
        """Create, start, wait for and remove a container."""
        id_ = self.create(*command, **settings)
        self.call("POST", f"/containers/{id_}/start")
        self.call("POST", f"/containers/{id_}/wait")
        self.call("DELETE", f"/containers/{id_}")
