"""What a daemon is told: flags, TOML and `daemon.json`, checked and merged into one `Settings`.

`OPTIONS` is the one table of everything that can be said; `resolve` merges what was said; `reload` says what changed.
"""

from pogu.daemon.settings.options import BY_KEY, OPTIONS, Kind, Option
from pogu.daemon.settings.resolve import Settings, resolve

__all__ = ["BY_KEY", "OPTIONS", "Kind", "Option", "Settings", "resolve"]
