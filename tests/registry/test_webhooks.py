"""Events: told to endpoints that answer, kept for those that do not, also over a crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.registry.client import Client, digest
from tests.registry.serving import process
from tests.running import eventually


class Endpoint:
    """An HTTP server that keeps what it is told; `status` is what it answers."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(dict(self.headers))
                if outer.status == 200:
                    outer.events += body["events"]
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?x=1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    try:
        yield running
    finally:
        running.close()


def until(condition: Callable[[], bool]) -> None:
    eventually(condition, timeout=40, step=0.02)


def config(tmp_path: Path, *hooks: str) -> Path:
    path = tmp_path / "registry.toml"
    path.write_text("".join(f"[[webhook]]\n{hook}\n" for hook in hooks))
    return path


def test_a_push_is_told_with_what_who_and_where(tmp_path: Path, name: str) -> None:
    with endpoint() as hook:
        file = config(tmp_path, f'url = "{hook.url}"\nheaders = {{ Authorization = "Bearer s" }}')
        with process("--config", str(file)) as registry, Client(registry.url) as client:
            pushed = client.push_image(name, "v1", b"layer")
            until(lambda: any(event["target"].get("tag") for event in hook.events))
    event = next(event for event in hook.events if event["target"].get("tag"))
    assert event["action"] == "push" and event["id"] and event["timestamp"].endswith("Z")
    target = event["target"]
    assert (target["repository"], target["tag"], target["digest"]) == (name, "v1", pushed)
    assert event["request"]["method"] == "PUT" and event["request"]["addr"] == "127.0.0.1"
    blobs = {event["target"]["digest"] for event in hook.events if "tag" not in event["target"]}
    assert digest(b"layer") in blobs
    assert hook.requests[0]["Content-Type"] == "application/vnd.docker.distribution.events.v1+json"
    assert hook.requests[0]["Authorization"] == "Bearer s"


def test_only_what_an_endpoint_wants(tmp_path: Path, name: str) -> None:
    with endpoint() as pushes, endpoint() as deletions:
        file = config(tmp_path, f'url = "{pushes.url}"', f'url = "{deletions.url}"\nactions = ["delete"]')
        with process("--config", str(file)) as registry, Client(registry.url) as client:
            pushed = client.push_image(name, "v1", b"layer")
            client.delete(f"/v2/{name}/manifests/{pushed}")
            until(lambda: bool(deletions.events) and any(event["target"].get("tag") for event in pushes.events))
    assert [event["action"] for event in deletions.events] == ["delete"]
    assert {event["action"] for event in pushes.events} == {"push"}


def test_an_endpoint_that_is_away_gets_it_later_also_after_a_crash(tmp_path: Path, name: str) -> None:
    with endpoint() as hook:
        hook.status = 503
        file = config(tmp_path, f'url = "{hook.url}"')
        with process("--config", str(file)) as registry:
            with Client(registry.url) as client:
                client.push_image(name, "v1", b"layer")
            until(lambda: bool(hook.requests))
            registry.kill()
            hook.status = 200
            registry.start()
            until(lambda: any(event["target"].get("tag") == "v1" for event in hook.events))
            waiting = registry.root / "records" / "events"
            until(lambda: not list(waiting.iterdir()))
