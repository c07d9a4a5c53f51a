"""What is wrong with a container besides its state: health, a loop of restarts, the network."""

from __future__ import annotations

from pogu.engine.explaining.facts import Facts
from pogu.engine.explaining.state import Said

_LOOP = 3  # restarts that are no accident any more
_TIMED_OUT = -1  # exit code of a probe that was given up


def explain_health(facts: Facts) -> Said:
    """Say why the container is unhealthy, or what its first probe has to wait for."""
    state, config = facts.container.state, facts.container.config
    health = state.health
    if health is None or not state.running or health.status not in {"unhealthy", "starting"}:
        return Said()
    test = " ".join((config.healthcheck.test or [])[1:]) if config.healthcheck else ""
    if health.status == "starting" and not health.failing_streak:
        return Said(reasons=(f"Its probe (`{test}`) has not succeeded yet.",))
    last = health.log[-1] if health.log else None
    reasons = [f"It is {health.status}: its probe (`{test}`) has failed {health.failing_streak} times in a row."]
    advice = [f"Try the probe by hand: pogu exec {facts.container.name} {test or 'COMMAND'}"]
    if last is not None and last.exit_code == _TIMED_OUT:
        reasons.append("The last probe was given up because it took too long.")
        advice.append("Give it longer: --health-timeout")
    elif last is not None:
        output = last.output.strip()
        reasons.append(f"The last probe ended with {last.exit_code}" + (f" and said: {output}" if output else "."))
        if last.exit_code in {126, 127}:
            advice.append("The probe's program is not in the image: use one that is, or add it.")
    if config.healthcheck and health.status == "starting":
        advice.append("Does it need longer to come up? --health-start-period")
    return Said(reasons=tuple(reasons), advice=tuple(advice))


def explain_restarts(facts: Facts) -> Said:
    """Say that a container is started again and again."""
    container = facts.container
    policy = container.host_config.restart_policy
    if container.restart_count < _LOOP or not policy or policy.name in {None, "", "no"}:
        return Said()
    reasons = [f"Its restart policy ({policy.name}) has started it {container.restart_count} times again."]
    if policy.name == "on-failure" and 0 < policy.maximum_retry_count <= container.restart_count:
        reasons.append(f"That is as often as the policy allows ({policy.maximum_retry_count}): it is left as it is.")
    return Said(reasons=tuple(reasons), advice=(f"pogu logs --tail 50 {container.name}",))


def explain_network(facts: Facts) -> Said:
    """Say why a container cannot be reached, or reaches nothing."""
    container = facts.container
    mode = container.host_config.network_mode or "default"
    if mode == "none":
        return Said(
            reasons=("It has no network: it was created with --network none.",),
            advice=("Create it anew with a network; `none` cannot be changed afterwards.",),
        )
    if mode.startswith("container:") or mode == "host":
        return Said()
    if not container.networks:
        return Said(
            reasons=("It has no network: it was disconnected from all.",),
            advice=(f"pogu network connect bridge {container.name}",),
        )
    if set(container.networks) <= facts.internal:
        names = ", ".join(sorted(container.networks))
        return Said(
            reasons=(f"It reaches nothing outside: its networks ({names}) are internal.",),
            advice=(f"pogu network connect bridge {container.name}",),
        )
    return Said()
