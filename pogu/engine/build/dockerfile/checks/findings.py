"""What the checks have found so far."""

from __future__ import annotations

from pogu.engine.build.dockerfile.checks.options import CheckOptions
from pogu.engine.build.dockerfile.checks.rules import Rule
from pogu.engine.build.dockerfile.instructions import Instruction
from pogu.engine.build.progress import Warned


class Findings:
    """Takes what is found, unless it is not wanted."""

    def __init__(self, options: CheckOptions, vertex: str) -> None:
        self.all: list[Warned] = []
        self._options = options
        self._vertex = vertex

    def add(self, rule: Rule, where: Instruction, message: str) -> None:
        """Take a finding at an instruction, whose comments may say that it is not wanted."""
        if self._options.with_comments(where.comments).wants(rule):
            self._add(rule, message, where.first_line, where.last_line)

    def add_at_line(self, rule: Rule, line: int, message: str) -> None:
        if self._options.wants(rule):
            self._add(rule, message, line, line)

    def _add(self, rule: Rule, message: str, first: int, last: int) -> None:
        self.all.append(
            Warned(
                vertex=self._vertex,
                rule=rule.name,
                message=message,
                detail=rule.description,
                url=rule.url,
                first_line=first,
                last_line=last,
            )
        )
