"""`/metrics` is what Prometheus reads."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.daemon.conftest import Make


def test_metrics_of_a_running_daemon(make_daemon: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    daemon = make_daemon("--metrics-addr", f"127.0.0.1:{port}")
    daemon.start()
    daemon.docker("network", "ls")
    daemon.docker("inspect", "nobody", check=False)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = {f.name: f for f in text_string_to_metric_families(answer.read().decode())}
    assert {s.labels["state"]: s.value for s in families["pogu_containers"].samples}["running"] == 0
    assert families["pogu_networks"].samples[0].value == 3
    counts = {(s.labels["class"], s.labels["status"]): s.value for s in families["pogu_api_requests"].samples}
    assert counts["networks", "200"] == 1
    assert counts["containers", "404"] == 1
    latency = {s.labels["class"]: s for s in families["pogu_api_request_seconds"].samples if s.name.endswith("_count")}
    assert latency["networks"].value >= 1
    assert families["process_resident_memory_bytes"].samples[0].value > 1 << 20
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")


def test_a_taken_metrics_address_stops_the_start(make_daemon: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        daemon = make_daemon("--metrics-addr", f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(RuntimeError, match="failed to start daemon"):
            daemon.start()
