"""A daemon to attack, and a canary: a folder of the host that every attack aims at and that must stay as it is."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.running import RunningDaemon, eventually

SECRET = b"the host's secret\n"
MARK = "pogu-escaped"  # the name of every file that attacks try to make


@dataclass
class Reply:
    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


class Canary:
    """A folder outside the daemon's directories; `state()` is all there is to see of it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pogu-canary.", dir="/var/tmp"))
        (self.folder / "sub").mkdir()
        (self.folder / "secret").write_bytes(SECRET)
        (self.folder / "sub" / "file").write_bytes(SECRET)
        (self.folder / "passwd").write_text("mole:x:4711:4711::/:/bin/sh\n")

    def state(self) -> dict[str, Any]:
        found = {}
        for path in (self.folder, *sorted(self.folder.rglob("*"))):
            info = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
            names = sorted(os.listxattr(path, follow_symlinks=False))
            found[str(path)] = (info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_mtime_ns, names, content)
        return found

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Target:
    """The daemon under attack."""

    def __init__(self) -> None:
        self.daemon = RunningDaemon()
        self.canary = Canary()
        self.aim = str(self.canary.folder)

    def open(self) -> None:
        self.daemon.start()
        self.daemon.load_image("busybox")

    def close(self) -> None:
        self.daemon.close()
        self.canary.remove()

    def ask(self, method: str, path: str, body: Any = None, /, *, kind: str = "", **query: Any) -> Reply:
        """Send one request; whatever it is, the answer is no failure of the daemon's own, and comes in time."""
        fields = {k: v if isinstance(v, str) else json.dumps(v) for k, v in query.items()}
        target = quote(path, safe="/:%@") + (f"?{urlencode(fields)}" if fields else "")
        headers = {}
        if body is not None and not isinstance(body, bytes):
            body, kind = json.dumps(body).encode(), "application/json"
        if body is not None:
            headers["Content-Type"] = kind or "application/x-tar"
        connection = Connection(self.daemon.socket)
        try:
            # an answer may come before all of the body is sent
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body, headers)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.read(), answer.headers)
        finally:
            connection.close()
        if reply.status == 500 and path.endswith("/start"):  # what the runtime cannot do is 500 in Docker too
            assert "OCI runtime create failed" in reply.text, reply.text
        else:
            assert reply.status != 500, f"{method} {target}: {reply.text[:1000]}\n{self.daemon.log()[-3000:]}"
        return reply

    def make(self, image: str, **settings: Any) -> str:
        """Create a container; returns its ID."""
        reply = self.ask("POST", "/containers/create", {"Image": image, **settings})
        assert reply.status == 201, reply.text
        return str(reply.json["Id"])

    def run(self, image: str, *command: str, **settings: Any) -> tuple[int, str]:
        """Run a container to its end and remove it; returns its exit code and output, -1 and why it did not start."""
        id = self.make(image, Cmd=list(command), **settings)
        try:
            started = self.ask("POST", f"/containers/{id}/start")
            if started.status != 204:
                return -1, started.text
            code = self.ask("POST", f"/containers/{id}/wait").json["StatusCode"]
            logs = self.ask("GET", f"/containers/{id}/logs", stdout="1", stderr="1")
            return code, logs.text
        finally:
            self.remove(id)

    def remove(self, id: str) -> None:
        assert self.ask("DELETE", f"/containers/{id}", force="1", v="1").status == 204

    def holdings(self) -> dict[str, set[str]]:
        """All objects the daemon tells of, and the directories it keeps for containers and volumes."""
        root = self.daemon.root
        return {
            "containers": {c["Id"] for c in self.ask("GET", "/containers/json", all="1").json},
            "images": {i["Id"] for i in self.ask("GET", "/images/json", all="1").json},
            "names": {t for i in self.ask("GET", "/images/json").json for t in i["RepoTags"] or ()},
            "volumes": {v["Name"] for v in self.ask("GET", "/volumes").json["Volumes"] or ()},
            "networks": {n["Id"] for n in self.ask("GET", "/networks").json},
            "container folders": _names(root / "containers"),
            "layers": _names(root / "overlay" / "layers"),
            "writable layers": _names(root / "overlay" / "containers"),
            "unfinished": _names(root / "content" / "ingest"),
            "held parts": _names(self.daemon.run_dir / "subpaths"),
            "home": _names(self.daemon.home) - {"config"},
        }

    @contextlib.contextmanager
    def unharmed(self) -> Iterator[None]:
        """Within, nothing outside changes, the daemon does not stumble, and no object is left or lost."""
        canary, holdings, log = self.canary.state(), self.holdings(), len(self.daemon.log())
        yield
        assert self.canary.state() == canary, "the host's folder has changed"
        assert not (found := self._marks()), found
        changed: dict[str, set[str]] = {}

        def settled() -> bool:  # directories are deleted after the answer
            now = self.holdings()
            changed.clear()
            changed.update({k: now[k] ^ v for k, v in holdings.items() if now[k] != v})
            return not changed

        try:
            eventually(settled, timeout=10)
        except AssertionError:
            raise AssertionError(f"left or lost: {changed}") from None
        said = self.daemon.log()[log:]
        assert "Traceback" not in said, said

    def _marks(self) -> list[str]:
        """Return files that an attack has made in a folder on the way to the daemon's layers, or at the root."""
        root, run = self.daemon.root, self.daemon.run_dir
        ways = [root / "overlay" / "layers" / "x" / "fs", root / "volumes" / "x", run / "x", Path.cwd() / "x"]
        ways += [Path("/etc/x"), Path("/tmp/x"), Path("/dev/x")]
        folders = {parent for way in ways for parent in way.parents}
        return [str(f / MARK) for f in folders if os.path.lexists(f / MARK)]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


class Connection(http.client.HTTPConnection):
    """HTTP over the daemon's socket. An answer that takes longer than a minute is a hang."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
