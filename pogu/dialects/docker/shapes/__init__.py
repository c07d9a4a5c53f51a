"""The shapes of answers, as the newest API version has them, for the description of what is served.

`SHAPES` are the named JSON schemas, `refer` and `list_of` what routes say of their answers. They are written apart
from the code that renders the answers on purpose: made-up requests hold the one against the other.
"""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import Shape, each, ref
from pogu.dialects.docker.shapes.containers import CONTAINERS
from pogu.dialects.docker.shapes.images import IMAGES
from pogu.dialects.docker.shapes.measures import MEASURES
from pogu.dialects.docker.shapes.networks import NETWORKS
from pogu.dialects.docker.shapes.system import SYSTEM
from pogu.dialects.docker.shapes.volumes import VOLUMES

SHAPES: dict[str, Shape] = CONTAINERS | MEASURES | IMAGES | NETWORKS | VOLUMES | SYSTEM

__all__ = ["SHAPES", "Shape", "list_of", "refer"]


def refer(name: str) -> Shape:
    """Return a reference to the shape of that name. Raises KeyError where there is none."""
    assert SHAPES[name]
    return ref(name)


def list_of(name: str) -> Shape:
    """Return a list of the shape of that name."""
    return each(refer(name))
