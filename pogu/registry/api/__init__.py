"""The specification's endpoints: HTTP requests to calls of `repositories` and `uploads`, and their results to answers.

`front.Front` is the handler to serve. One module for each kind of thing: `blobs`, `uploading`, `manifests`, `lists`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from pogu.http import Request, Response
from pogu.registry.access import Access, Identity, OpenAccess
from pogu.registry.addresses import Addresses
from pogu.registry.events import Origin
from pogu.registry.quotas import Quotas
from pogu.registry.repositories import Repositories, StoredManifest
from pogu.registry.targets import Target
from pogu.registry.uploads import Uploads


class Upstream(Protocol):
    """Another registry that answers for what is not here (see `cache`)."""

    async def manifest(self, site: Site, call: Call, reference: str) -> StoredManifest:
        """The manifest from there, or from here where that is as good. Raises Refused (MANIFEST_UNKNOWN)."""

    async def blob(self, site: Site, call: Call, digest: str) -> Response:
        """The answer with a blob that is not here. Raises Refused (BLOB_UNKNOWN)."""


@dataclass(slots=True)
class Site:
    """Everything that the endpoints of one registry work with."""

    repositories: Repositories
    uploads: Uploads
    access: Access = field(default_factory=OpenAccess)
    addresses: Addresses = field(default_factory=Addresses)
    quotas: Quotas | None = None
    upstream: Upstream | None = None
    max_upload: int | None = None
    """Bytes of one blob, None for no limit."""
    idle_seconds: float = 60.0
    """How long an upload's sender may be silent."""
    deletion: bool = True
    """Whether clients may delete at all."""
    read_only: bool = False
    """Whether nothing can be pushed or deleted: a cache, or a registry under maintenance."""


@dataclass(slots=True)
class Call:
    """One request, understood: its endpoint, who asks, and where the answer's addresses begin."""

    request: Request
    target: Target
    identity: Identity
    origin: Origin
    base: str
    """What comes before `/v2/` in an address: "" or `https://host/prefix`."""

    @property
    def name(self) -> str:
        """The repository."""
        return self.target.name

    def blob_url(self, digest: str) -> str:
        """Where a blob is pulled."""
        return f"{self.base}/v2/{self.name}/blobs/{digest}"

    def upload_url(self, upload: str) -> str:
        """Where an upload goes on."""
        return f"{self.base}/v2/{self.name}/blobs/uploads/{upload}"

    def manifest_url(self, reference: str) -> str:
        """Where a manifest is pulled."""
        return f"{self.base}/v2/{self.name}/manifests/{reference}"


Endpoint = Callable[[Site, Call], Awaitable[Response]]
