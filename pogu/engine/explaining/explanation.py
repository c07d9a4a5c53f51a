"""The rules put together: one about the state, and those about health, restarts and the network."""

from __future__ import annotations

from dataclasses import dataclass, field

from pogu.engine.explaining.facts import Facts
from pogu.engine.explaining.state import Said, explain_state
from pogu.engine.explaining.surroundings import explain_health, explain_network, explain_restarts

_SHOWN_LINES = 10


@dataclass(slots=True)
class Explanation:
    """`summary` is the state in a sentence, `reasons` say why, `advice` what to try, `lines` what was printed last."""

    summary: str
    reasons: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def explain_facts(facts: Facts) -> Explanation:
    """Return why the container is as it is. It never fails: what is not known is not said."""
    state = explain_state(facts)
    explanation = Explanation(state.summary, list(state.reasons), list(state.advice))
    for rule in (explain_health, explain_restarts, explain_network):
        said: Said = rule(facts)
        explanation.reasons += said.reasons
        explanation.advice += [advice for advice in said.advice if advice not in explanation.advice]
    if not facts.container.state.running or explanation.reasons:
        explanation.lines = list(facts.lines[-_SHOWN_LINES:])
    return explanation
