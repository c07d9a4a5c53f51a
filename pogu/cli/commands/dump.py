"""`pogu debug dump`: one archive that says what a maintainer asks first."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

from pogu.cli.client import Client
from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.pflag import command, value
from pogu.errors import PoguError

_SECRET = "xxxxx"  # noqa: S105 # what stands in place of one


@command("dump", help="Write an archive for a bug report: version, settings, state, log; no secrets")
@value("-o", "--output", help="File to write (default pogu-debug-TIME.tar.gz)")
def dump(session: Session, /, *, output: str | None) -> None:
    """Write the archive and print its name. Environment variables and labels of containers are left out."""
    client = connect(session)
    path = Path(output or f"pogu-debug-{time.strftime('%Y%m%dT%H%M%S')}.tar.gz")
    parts = {
        "version.json": _ask(client, "/version"),
        "info.json": _ask(client, "/info"),
        "containers.json": _containers(client),
        "images.json": _ask(client, "/images/json"),
        "networks.json": _ask(client, "/networks"),
        "volumes.json": _ask(client, "/volumes"),
        "host-check.json": _host_check(),
    }
    daemon = _ask(client, "/_pogu/debug")
    if isinstance(daemon, dict):
        parts["tasks.txt"] = daemon.pop("tasks", "")
        parts["log.txt"] = "\n".join(daemon.pop("log", []))
        parts["mounts.txt"] = "\n".join(daemon.pop("mounts", []))
    parts["daemon.json"] = daemon
    with tarfile.open(path, "w:gz") as archive:
        for name, content in parts.items():
            _add(archive, f"pogu-debug/{name}", content)
    print(path)


def _ask(client: Client, path: str, **query: Any) -> Any:
    """Return an answer, or the error in its place: a dump of a sick daemon is the one that is needed."""
    try:
        return client.get(path, **query)
    except PoguError as e:
        return {"error": e.message}


def _containers(client: Client) -> Any:
    found = _ask(client, "/containers/json", all=True)
    if not isinstance(found, list):
        return found
    details = [_ask(client, f"/containers/{entry['Id']}/json") for entry in found]
    for each in details:
        config = each.get("Config") or {}
        config["Env"] = [f"{entry.partition('=')[0]}={_SECRET}" for entry in config.get("Env") or []]
        config["Labels"] = dict.fromkeys(config.get("Labels") or {}, _SECRET)
    return details


def _host_check() -> Any:
    import importlib

    check = importlib.import_module("pogu.daemon.hostcheck")  # the daemon's room is above this one: only by name
    return json.loads(check.render_json(check.check_host(Path("/var/lib/pogu"))))


def _add(archive: tarfile.TarFile, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False)
    data = text.encode() + b"\n"
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(data), int(time.time()), 0o644
    archive.addfile(member, io.BytesIO(data))
