"""How an image's configuration completes the settings a person gave (moby's rules for create and commit)."""

from __future__ import annotations

import copy

from pogu.engine.model import ContainerConfig, HealthConfig


def merge_config(wanted: ContainerConfig, image: ContainerConfig) -> ContainerConfig:
    """Return `wanted` with the image's values where it has none; maps and environment are united, `wanted` winning.

    An image's command is taken only with its entrypoint: another entrypoint means another command.
    """
    merged = copy.deepcopy(wanted)
    merged.user = wanted.user or image.user
    merged.working_dir = wanted.working_dir or image.working_dir
    merged.stop_signal = wanted.stop_signal or image.stop_signal
    merged.env = _environment(wanted.env or [], image.env or []) or None
    merged.labels = {**(image.labels or {}), **(wanted.labels or {})}
    if image.exposed_ports or wanted.exposed_ports:
        merged.exposed_ports = {**(image.exposed_ports or {}), **(wanted.exposed_ports or {})}
    merged.volumes = {**(image.volumes or {}), **(wanted.volumes or {})} or None
    if wanted.shell is None:
        merged.shell = copy.deepcopy(image.shell)
    _command(merged, image)
    merged.healthcheck = _health(wanted.healthcheck, image.healthcheck)
    return merged


def _environment(wanted: list[str], image: list[str]) -> list[str]:
    names = {line.partition("=")[0] for line in wanted}
    return [*wanted, *(line for line in image if line.partition("=")[0] not in names)]


def _command(merged: ContainerConfig, image: ContainerConfig) -> None:
    if merged.entrypoint:
        return
    if not merged.cmd:
        merged.cmd = copy.deepcopy(image.cmd)
    if merged.entrypoint is None:
        merged.entrypoint = copy.deepcopy(image.entrypoint)


def _health(wanted: HealthConfig | None, image: HealthConfig | None) -> HealthConfig | None:
    if image is None or wanted is None:
        return copy.deepcopy(wanted or image)
    return HealthConfig(
        test=wanted.test or image.test,
        interval=wanted.interval or image.interval,
        timeout=wanted.timeout or image.timeout,
        retries=wanted.retries or image.retries,
        start_period=wanted.start_period or image.start_period,
        start_interval=wanted.start_interval or image.start_interval,
    )
