"""Why a container is not running, waits, or was ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pogu.engine.explaining.exits import explain_exit
from pogu.engine.explaining.facts import Facts
from pogu.engine.explaining.starting import explain_start_failure


@dataclass(frozen=True, slots=True)
class Said:
    """Sentences: a summary (of the state alone), reasons, and what to try."""

    summary: str = ""
    reasons: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def explain_state(facts: Facts) -> Said:
    """Say what state the container is in, and why."""
    state = facts.container.state
    if state.status == "created" and state.error:
        return _not_started(facts)
    return _STATES.get(state.status, _other)(facts)


def _created(facts: Facts) -> Said:
    name = facts.container.name
    return Said(
        f"{name} was created {facts.ago(facts.container.created)} and has never been started.",
        (),
        (f"pogu start {name}",),
    )


def _not_started(facts: Facts) -> Said:
    name, state = facts.container.name, facts.container.state
    reason, advice = explain_start_failure(state.error)
    return Said(f"{name} could not be started.", (reason, f"The error was: {state.error}"), advice)


def _running(facts: Facts) -> Said:
    name, state = facts.container.name, facts.container.state
    health = state.health
    if health is not None and health.status == "starting":
        return Said(
            f"{name} has been running since {facts.ago(state.started_at)} and waits for its first healthy probe.",
        )
    return Said(f"{name} is running; it was started {facts.ago(state.started_at)}.")


def _paused(facts: Facts) -> Said:
    name = facts.container.name
    return Said(
        f"{name} is paused: its processes are frozen and do nothing until they are let go on.",
        ("Somebody has paused it (`pogu pause`), or a commit that pauses it was interrupted.",),
        (f"pogu unpause {name}",),
    )


def _restarting(facts: Facts) -> Said:
    name, state = facts.container.name, facts.container.state
    policy = facts.container.host_config.restart_policy
    wait = f" The wait before the next try is {facts.delay:g} s; it doubles up to a minute." if facts.delay else ""
    reasons, advice = explain_exit(facts)
    return Said(
        f"{name} waits to be started again after exit code {state.exit_code}: "
        f"its restart policy is {policy.name if policy else 'no'}.{wait}",
        reasons,
        (*advice, f"To stop the restarts while you look: pogu update --restart no {name}"),
    )


def _exited(facts: Facts) -> Said:
    name, state = facts.container.name, facts.container.state
    if state.error and not facts.container.manually_stopped and state.exit_code in {125, 126, 127, 128}:
        return _not_started(facts)
    reasons, advice = explain_exit(facts)
    return Said(f"{name} ended {facts.ago(state.finished_at)} with exit code {state.exit_code}.", reasons, advice)


def _dead(facts: Facts) -> Said:
    name = facts.container.name
    return Said(
        f"{name} is dead: its removal has failed half way.",
        (facts.container.state.error,) if facts.container.state.error else (),
        (f"pogu rm -f {name}", "pogu system verify --repair"),
    )


def _removing(facts: Facts) -> Said:
    return Said(f"{facts.container.name} is being removed.")


def _other(facts: Facts) -> Said:
    return Said(f"{facts.container.name} is {facts.container.state.status}.")


_STATES: dict[str, Callable[[Facts], Said]] = {
    "created": _created,
    "running": _running,
    "paused": _paused,
    "restarting": _restarting,
    "exited": _exited,
    "dead": _dead,
    "removing": _removing,
}
