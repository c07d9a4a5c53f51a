"""The build cache as the API shows it."""

from __future__ import annotations

from typing import Any

from pogu.engine.build.cache import CacheUsage


def render_cache_usage(usage: CacheUsage) -> dict[str, Any]:
    """Return a record of the build cache."""
    return {
        "ID": usage.id,
        "Type": "regular",
        "Description": usage.description,
        "InUse": usage.in_use,
        "Shared": usage.shared,
        "Size": usage.size,
        "CreatedAt": usage.created,
        "LastUsedAt": usage.last_used,
        "UsageCount": usage.uses,
    }
