"""Where this machine gets its Debian packages from, so that a base image is made of, and later uses, the same.

Formats: sources.list(5), one line each and deb822; apt.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

DEFAULT_MIRROR = "http://deb.debian.org/debian"
SECURITY_MIRROR = "http://deb.debian.org/debian-security"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"  # is in every Debian image too
_ONE_LINE = re.compile(r"deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s+(.*)")
_WITHOUT_UPDATES = ("sid", "unstable", "experimental")

# Settings without which this machine's mirror or proxy could not be used
_SETTING = re.compile(
    r"Acquire::(?:Check-Valid-Until|Check-Date|ForceIPv[46]|Retries|Allow\w+Repositories|"
    r"(?:http|https|ftp)(?:::.*)?::(?:Proxy|Proxy::.*|Proxy-Auto-Detect|Verify-\w+|CaInfo|Timeout|Pipeline-Depth))"
    r"\s+\"(.*)\";"
)
_LOCAL_ONLY = re.compile(r"CaInfo|Proxy-Auto-Detect|//(?:127\.|localhost|\[::1\])")


@dataclass(frozen=True, slots=True)
class Source:
    """One archive and suite, binary packages of the component main."""

    uri: str
    suite: str
    options: str = ""  # what stands in brackets

    def line(self) -> str:
        return f"deb {f'[{self.options}] ' if self.options else ''}{self.uri} {self.suite} main"


def host_sources(root: Path = Path("/etc/apt")) -> list[Source]:
    """Return the Debian archives that this machine uses, in order; none if it does not use apt."""
    found: list[Source] = []
    files = [root / "sources.list", *sorted(root.glob("sources.list.d/*"))]
    for path in files:
        if path.suffix == ".list" and path.is_file():
            found += _one_line(path.read_text(errors="replace"))
        elif path.suffix == ".sources" and path.is_file():
            found += _deb822(path.read_text(errors="replace"))
    return list(dict.fromkeys(found))


def sources_for(suite: str, host_suite: str, sources: list[Source]) -> list[Source]:
    """Return the sources for another suite: this machine's where it is Debian's, renamed, or Debian's own mirrors."""
    own = [s for s in sources if _family(s.suite, host_suite) is not None]
    if not own:
        updates = [] if suite in _WITHOUT_UPDATES else [f"{suite}-updates"]
        security = [] if suite in _WITHOUT_UPDATES else [Source(SECURITY_MIRROR, f"{suite}-security")]
        return [*(Source(DEFAULT_MIRROR, s) for s in (suite, *updates)), *security]
    renamed = [replace(s, suite=suite + (_family(s.suite, host_suite) or "")) for s in own]
    if suite in _WITHOUT_UPDATES:
        renamed = [s for s in renamed if s.suite == suite]
    return list(dict.fromkeys(renamed))


def _family(suite: str, host_suite: str) -> str | None:
    """Return what follows the release's name (`-updates`), None for a suite of something else."""
    rest = suite.removeprefix(host_suite)
    return rest if host_suite and suite.startswith(host_suite) and (not rest or rest[0] in "-/") else None


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match and "main" in match[4].split():
            yield Source(match[2], match[3], _options(match[1] or ""))


def _deb822(text: str) -> Iterator[Source]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        if "main" not in fields.get("components", "").split():
            continue
        signed = fields.get("signed-by", "")
        options = _options(f"signed-by={signed}" if signed else "")
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, options)


def _fields(stanza: str) -> dict[str, str]:
    """Return the fields of a deb822 paragraph, names in lower case, continuation lines joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += f" {line.strip()}"
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _options(text: str) -> str:
    """Keep the options that mean the same in an image: a key that is there, and trust without one."""
    kept = [o for o in text.split() if o in (f"signed-by={_KEYRING}", "trusted=yes", "check-valid-until=no")]
    return " ".join(kept)


def apt_settings(dump: str) -> list[str]:
    """Return the lines of `apt-config dump` that reaching this machine's mirrors may need."""
    lines = []
    for line in dump.splitlines():
        match = _SETTING.fullmatch(line.strip())
        if match and match[1] and not (match[1] == "0" and "Repositories" in line):
            lines.append(line.strip())
    return lines


def portable(settings: list[str]) -> list[str]:
    """Return the settings that still make sense inside a container."""
    return [line for line in settings if not _LOCAL_ONLY.search(line)]
