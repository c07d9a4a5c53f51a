"""Volumes: directories that outlive containers. `Volumes` is all that other rooms use."""

from pogu.engine.volumes.options import ANONYMOUS_LABEL
from pogu.engine.volumes.volumes import Volumes

__all__ = ["ANONYMOUS_LABEL", "Volumes"]
