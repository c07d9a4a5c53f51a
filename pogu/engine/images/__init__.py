"""Images: references, the content store, and everything that adds, names, shows and removes images.

Call `Images`; it returns `Image`, `ImageSummary` and `HistoryEntry`. `reference` and `platform` parse what people
write, `merging` completes a container's settings from its image's, and
`bootstrap` makes base images of Debian packages.

Names are imported when they are first used: the command needs only what reads references, and `pogu.engine.registries`,
which the engine's images are made of, reads them too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pogu.engine.images.images import DiskUsage, Images, PruneReport
    from pogu.engine.images.listing import LIST_FILTERS
    from pogu.engine.images.loading import Loaded
    from pogu.engine.images.merging import merge_config
    from pogu.engine.images.platform import Platform, host_platform, parse_platform
    from pogu.engine.images.progress import Progress
    from pogu.engine.images.pruning import PRUNE_FILTERS
    from pogu.engine.images.record import HistoryEntry, Image, ImageSummary
    from pogu.engine.images.reference import Reference, parse_reference, parse_repo_tag
    from pogu.engine.images.variants import Variant

_HOMES = {
    "images": "DiskUsage Images PruneReport",
    "listing": "LIST_FILTERS",
    "loading": "Loaded",
    "merging": "merge_config",
    "platform": "Platform host_platform parse_platform",
    "progress": "Progress",
    "pruning": "PRUNE_FILTERS",
    "record": "HistoryEntry Image ImageSummary",
    "reference": "Reference parse_reference parse_repo_tag",
    "variants": "Variant",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "LIST_FILTERS",
    "PRUNE_FILTERS",
    "DiskUsage",
    "HistoryEntry",
    "Image",
    "ImageSummary",
    "Images",
    "Loaded",
    "Platform",
    "Progress",
    "PruneReport",
    "Reference",
    "Variant",
    "host_platform",
    "merge_config",
    "parse_platform",
    "parse_reference",
    "parse_repo_tag",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
