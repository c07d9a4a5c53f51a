"""The commands that belong to the daemon: `pogu up`, `pogu down`, `pogu system check`."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.pflag import Flag, command, switch, value
from pogu.daemon.lock import read_pid
from pogu.daemon.settings.options import OPTIONS, Kind, Option
from pogu.daemon.settings.resolve import DEFAULT_RUN, Sources, resolve
from pogu.daemon.settings.values import MANY

_PREFIX = "opt_"  # keeps option names apart from the command's own


def _declare(option: Option) -> Flag:
    """Return the flag of one thing a daemon can be told; values stay text until they are merged."""
    name = _PREFIX + option.key.replace("-", "_")
    if option.kind is Kind.SWITCH:
        return Flag([*option.flags, name], "switch", help=option.help)
    kind = "many" if option.kind in MANY else "value"
    return Flag([*option.flags, name], kind, metavar=option.kind.value, help=option.help)


@command("up", help="Start the daemon")
@switch("-d", "--detach", help="Run in the background; return when it is ready")
@switch("--validate", help="Check the configuration and exit")
@switch("-v", "--version", help="Print version information and quit")
@value("--config", help="Configuration file, TOML (default /etc/pogu/pogu.toml)")
@value("--config-file", help="Configuration file, JSON (default /etc/pogu/daemon.json)")
@value("--start-timeout", type=float, default=60.0, metavar="seconds", help="How long --detach waits")
def up(session: Session, /, **given: Any) -> None:
    """Start the daemon."""
    started = time.monotonic()
    if given["version"]:
        from pogu import __version__

        print(f"Pogu version {__version__}")
        return
    settings = resolve(_sources(session, given))
    if given["validate"]:
        print("configuration OK")
        return
    from pogu.daemon.process import start

    if not given["detach"]:
        raise Exit(start(settings, _print_line, started))
    from pogu.daemon.detach import detach

    log_file = Path(settings.get("log-file") or settings.root / "daemon.log").absolute()
    raise Exit(detach(lambda ready: start(settings, ready, started), log_file, given["start_timeout"]))


up.flags.extend(_declare(option) for option in OPTIONS if option.flags)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _sources(session: Session, given: dict[str, Any]) -> Sources:
    flags: dict[str, list[str]] = {}
    for option in OPTIONS:
        said = given.get(_PREFIX + option.key.replace("-", "_"))
        if said is None or said == ():
            continue
        flags[option.key] = (
            [str(said).lower()] if isinstance(said, bool) else [said] if isinstance(said, str) else list(said)
        )
    for key in ("debug", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"):  # `pogu -D up` and `pogu up -D`
        if key in session.options:
            flags.setdefault(key, [session.options[key]])
    if "host" in session.options:
        flags.setdefault("hosts", [session.options["host"]])
    return Sources(flags, *(Path(given[name]) if given[name] else None for name in ("config", "config_file")))


@command("down", help="Stop the daemon. Containers go on running unless --containers is given")
@switch("--containers", help="Stop all containers too")
@value("--run", default=str(DEFAULT_RUN), help="The daemon's run directory")
@value("-p", "--pidfile", help="The daemon's pid file (default <run>/pogu.pid)")
@value("-t", "--timeout", type=float, default=120.0, metavar="seconds", help="How long to wait for its end")
def down(session: Session, /, *, containers: bool, run: str, pidfile: str | None, timeout: float) -> None:
    """Stop the daemon."""
    path = Path(pidfile or Path(run) / "pogu.pid")
    pid = read_pid(path)
    try:
        handle = os.pidfd_open(pid) if pid else None
    except ProcessLookupError:
        handle = None
    if handle is None:
        print(f"no Pogu daemon is running (by {path})", file=sys.stderr)
        return
    if containers:
        from pogu.cli.connect import connect

        session.options.setdefault("host", f"unix://{Path(run).absolute() / 'pogu.sock'}")
        connect(session).request("POST", "/_pogu/shutdown", query={"containers": "true"}).read()
    else:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
    if not select.select([handle], [], [], timeout)[0]:
        raise Failed(f"the daemon (process {pid}) is still running after {timeout:g} s")


@command("check", help="Say what this host lacks to run containers, and how to get it")
@value("--format", "form", choices=("text", "json"), default="text", help="text or json")
@value("--root", default="/var/lib/pogu", help="The daemon's root directory, for its disk")
def check(_session: Session, /, *, form: str, root: str) -> None:
    """Print what the host lacks; exit code 1 when something required is missing."""
    from pogu.daemon.hostcheck import check_host, render_json, render_text

    findings = check_host(Path(root))
    print(render_json(findings) if form == "json" else render_text(findings))
    if any(finding.level == "missing" for finding in findings):
        raise Exit(1)
