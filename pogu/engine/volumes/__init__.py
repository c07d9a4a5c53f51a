"""Volumes: directories that outlive containers. `Volumes` is all that other rooms use."""

from pogu.engine.volumes.options import ANONYMOUS_LABEL, LIST_FILTERS, PRUNE_FILTERS
from pogu.engine.volumes.volumes import Volumes

__all__ = ["ANONYMOUS_LABEL", "LIST_FILTERS", "PRUNE_FILTERS", "Volumes"]
