"""Log lines as `GET /containers/{id}/logs` sends them."""

from __future__ import annotations

from urllib.parse import quote

from pogu.dialects.docker.times import render_log_time
from pogu.engine.logs import LogLine
from pogu.engine.model import Container


def attributes_of(container: Container) -> bytes:
    """Return what `--details` shows: the labels and variables that the log options name, as `k=v,k=v`."""
    options = (container.host_config.log_config and container.host_config.log_config.config) or {}
    labels = container.config.labels or {}
    variables = dict(v.split("=", 1) for v in container.config.env or () if "=" in v)
    chosen = {name: labels[name] for name in options.get("labels", "").split(",") if name in labels}
    chosen |= {name: variables[name] for name in options.get("env", "").split(",") if name in variables}
    return ",".join(f"{quote(k)}={quote(v)}" for k, v in sorted(chosen.items())).encode()


def render_line(line: LogLine, timestamps: bool, attributes: bytes | None) -> bytes:
    """Return a line with its time and attributes in front, where they are wanted (`attributes` is not None)."""
    data = line.data
    if attributes is not None:
        data = attributes + b" " + data
    if timestamps:
        data = render_log_time(line.time_ns).encode() + b" " + data
    return data
