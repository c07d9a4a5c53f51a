"""What builds have done, kept for the next ones.

A record says under a key (a digest of a step and of all that goes into it) which layers came of it. A record of a
build with a session
keeps its layers; one of a classic build lives as long as the images that the build left.
"""

from pogu.engine.build.cache.cache import BuildCache, CacheUsage
from pogu.engine.build.cache.pruning import PRUNE_FILTERS

__all__ = ["PRUNE_FILTERS", "BuildCache", "CacheUsage"]
