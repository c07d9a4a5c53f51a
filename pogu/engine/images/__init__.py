"""Images: references, the content store, and everything that adds, names, shows and removes images.

Call `Images`; it returns `Image`, `ImageSummary` and `HistoryEntry`. `reference` and `platform` parse what people
write, `merging` completes a container's settings from its image's, and
`bootstrap` makes base images of Debian packages.
"""

from pogu.engine.images.images import DiskUsage, Images, PruneReport
from pogu.engine.images.listing import LIST_FILTERS
from pogu.engine.images.loading import Loaded
from pogu.engine.images.merging import merge_config
from pogu.engine.images.platform import Platform, host_platform, parse_platform
from pogu.engine.images.progress import Progress
from pogu.engine.images.pruning import PRUNE_FILTERS
from pogu.engine.images.record import HistoryEntry, Image, ImageSummary
from pogu.engine.images.reference import Reference, parse_reference, parse_repo_tag

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
    "host_platform",
    "merge_config",
    "parse_platform",
    "parse_reference",
    "parse_repo_tag",
]
