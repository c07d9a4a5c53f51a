"""Rules: which users may do what with which repositories. A rule only gives; what no rule gives is not allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pogu.registry.access import CATALOG, Action, Need
from pogu.registry.patterns import matches

ANONYMOUS = "anonymous"
"""The name in rules of whoever does not say who they are."""
EVERYBODY = "*"
"""Stands in rules for every user who has said who they are."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Users (or `@group`, `*`, `anonymous`) may do these actions in repositories of a pattern."""

    pattern: str
    users: frozenset[str]
    actions: frozenset[Action]


class Rules:
    """All rules of a registry. `allows` is asked with "" for an unknown user."""

    def __init__(self, rules: Sequence[Rule], groups: Mapping[str, Sequence[str]] | None = None) -> None:
        self._rules = rules
        self._groups: dict[str, set[str]] = {}
        for group, users in (groups or {}).items():
            for user in users:
                self._groups.setdefault(user, set()).add(f"@{group}")

    def allows(self, user: str, need: Need) -> bool:
        """Whether some rule allows it. The list of repositories may be asked for by whoever may pull anything."""
        names = {user, EVERYBODY, ANONYMOUS} | self._groups.get(user, set()) if user else {ANONYMOUS}
        if need.repository == CATALOG:
            return any(names & rule.users and "pull" in rule.actions for rule in self._rules)
        return any(
            need.action in rule.actions and names & rule.users and matches(rule.pattern, need.repository)
            for rule in self._rules
        )


def default_rules(anonymous_pull: bool) -> list[Rule]:
    """Without rules of one's own: who is known may do anything, who is not may pull if that is wanted."""
    everything: frozenset[Action] = frozenset({"pull", "push", "delete"})
    rules = [Rule("**", frozenset({EVERYBODY}), everything)]
    if anonymous_pull:
        rules.append(Rule("**", frozenset({ANONYMOUS}), frozenset({"pull"})))
    return rules
