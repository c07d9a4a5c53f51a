"""SIGHUP applies what a running daemon can change, says what, and survives a file that is wrong."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from pogu.daemon.reload import reload, reload_attributes
from pogu.daemon.settings.engine import engine_config
from tests.daemon.conftest import Make
from tests.daemon.settings.test_resolve import settings
from tests.running import eventually


def test_a_running_daemon_takes_new_values(make_daemon: Make) -> None:
    daemon = make_daemon("--config-file")
    path = daemon.home / "daemon.json"
    path.write_text('{"labels": ["a=1"], "mtu": 1400}')
    daemon._flags += (str(path),)
    daemon.start()
    assert daemon.docker("info", "-f", "{{json .Labels}} {{.Debug}}").out == '["a=1"] false'
    path.write_text('{"labels": ["a=2"], "mtu": 1300, "debug": true, "max-concurrent-downloads": 7}')
    assert daemon.process
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "mtu has changed in the configuration: restart" in daemon.log())
    assert daemon.docker("info", "-f", "{{json .Labels}} {{.Debug}}").out == '["a=2"] true'
    assert 'reloaded labels: [\\"a=2\\"], was [\\"a=1\\"]' in daemon.log()
    assert "reloaded max-concurrent-downloads: 7, was 3" in daemon.log()
    until = str(int(time.time()) + 1)
    wanted = ("--since", "60s", "--until", until, "--filter", "event=reload", "--format", "{{json .}}")
    events = daemon.docker("events", *wanted)
    assert json.loads(events.out)["Actor"]["Attributes"]["max-concurrent-downloads"] == "7"

    path.write_text("{broken")
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "cannot reload the configuration" in daemon.log())
    assert daemon.docker("info", "-f", "{{json .Labels}}").out == '["a=2"]'


def test_what_needs_a_restart_keeps_its_old_value(tmp_path: Path) -> None:
    before = settings(tmp_path, labels=["a=1"], mtu=1400, log_level="warn")
    config = engine_config(before)
    settings(tmp_path, labels=["b=2"], mtu=1300)  # the files change
    after = reload(before, config)
    assert (after.get("labels"), after.get("mtu"), after.get("log-level")) == (["b=2"], 1400, "info")
    assert (config.labels, config.mtu) == (["b=2"], 1400)
    assert reload_attributes(after)["labels"] == '["b=2"]'


def test_a_setting_that_is_gone_goes_back_to_its_default(tmp_path: Path) -> None:
    before = settings(tmp_path, shutdown_timeout=40)
    config = engine_config(before)
    settings(tmp_path)
    assert reload(before, config).get("shutdown-timeout") == 15
    assert config.shutdown_timeout == 15
