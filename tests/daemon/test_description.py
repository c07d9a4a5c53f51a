"""The daemon's description of itself tells what is needed and no secrets."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from pogu.daemon.description import masked
from tests.running import RunningDaemon


def test_secrets_are_masked() -> None:
    assert masked("http-proxy", "http://u:p@x") == "xxxxx"
    assert masked("no-proxy", "localhost") == "localhost"
    assert masked("tlskey", "/path/key.pem") == "/path/key.pem"
    assert masked("log-opts", {"splunk-token": "abc", "max-size": "1m"}) == {"splunk-token": "xxxxx", "max-size": "1m"}


def _get(daemon: RunningDaemon, path: str) -> Any:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(daemon.socket))
    connection.request("GET", path)
    value = json.loads(connection.getresponse().read())
    connection.close()
    return value


def test_a_running_daemon(daemon: RunningDaemon) -> None:
    found = _get(daemon, "/_pogu/debug")
    assert daemon.process
    assert found["pid"] == daemon.process.pid
    assert found["listeners"] == [daemon.url]
    assert found["settings"]["bridge"] == daemon.bridge
    assert found["engine"]["images"] >= 1
    assert found["process"]["resident_kb"] > 1000
    assert "_Daemon.run at " in found["tasks"]
    assert found["cgroup"]["version"] in {1, 2}
