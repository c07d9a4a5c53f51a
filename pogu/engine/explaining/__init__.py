"""Why a container is as it is, in sentences: from its record, events, exit code, health probes and last lines.

`explain(engine, ref)` gathers the facts and returns an `Explanation`; the rules are pure functions over `Facts`.
"""

from pogu.engine.explaining.explanation import Explanation, explain_facts
from pogu.engine.explaining.facts import Facts, Happening
from pogu.engine.explaining.gathering import explain

__all__ = ["Explanation", "Facts", "Happening", "explain", "explain_facts"]
