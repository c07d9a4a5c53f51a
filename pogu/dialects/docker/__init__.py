"""The Docker dialect: Docker's Engine API, v1.24 to v1.50, in front of an engine.

`DockerApi(engine)` is a handler for `pogu.http.Server`. A module here is a noun of the API (`containers`, `images`…)
with its handlers and its part of the route table; `rendering` has the shapes of answers, `decoding` and `requests`
those of bodies, `frames` and `hijack` the streams, `errors` the statuses.
"""

from pogu.dialects.docker.api import DockerApi

__all__ = ["DockerApi"]
