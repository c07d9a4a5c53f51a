"""The build cache as the API shows it."""

from __future__ import annotations

from pogu.dialects.docker.rendering.build_cache import render_cache_usage
from pogu.engine.build.cache import CacheUsage


def test_a_record() -> None:
    moment = "2024-05-01T10:00:00.123456789Z"
    usage = CacheUsage(
        id="abc", description="RUN true", size=7, created=moment, last_used=moment, uses=2, in_use=False, shared=True
    )
    assert render_cache_usage(usage) == {
        "ID": "abc",
        "Type": "regular",
        "Description": "RUN true",
        "InUse": False,
        "Shared": True,
        "Size": 7,
        "CreatedAt": moment,
        "LastUsedAt": moment,
        "UsageCount": 2,
    }
