"""One thing that was looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

LEVELS = ("ok", "note", "warning", "missing")
_MARKS = {"ok": "ok", "note": "--", "warning": "!!", "missing": "XX"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at (`subject`), how it stands and what to do.

    `level` is ok, note (worth knowing), warning (something will not work) or missing (containers will not run).
    """

    subject: str
    level: str
    text: str
    remedy: str = ""


def found(subject: str, text: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(subject, "ok", text)


def render_text(findings: Sequence[Finding]) -> str:
    """Return lines for people, what is wrong last, with its remedy under it."""
    lines = []
    for finding in sorted(findings, key=lambda f: LEVELS.index(f.level)):
        lines.append(f"[{_MARKS[finding.level]}] {finding.subject}: {finding.text}")
        if finding.remedy:
            lines.append(f"       {finding.remedy}")
    count = {level: sum(f.level == level for f in findings) for level in LEVELS}
    if count["missing"]:
        lines.append(f"\nThis host cannot run containers yet: {count['missing']} of the things above are missing.")
    elif count["warning"]:
        lines.append(f"\nThis host can run containers; {count['warning']} of the things above will not work.")
    else:
        lines.append("\nThis host can run containers.")
    return "\n".join(lines)


def render_json(findings: Sequence[Finding]) -> str:
    """Return `{"ok": …, "findings": [{"subject", "level", "text", "remedy"}…]}`."""
    ok = not any(f.level == "missing" for f in findings)
    return json.dumps({"ok": ok, "findings": [asdict(f) for f in findings]}, indent=2)
