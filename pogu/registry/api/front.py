"""The front door: every request of a registry, from its path to its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pogu.errors import Cancelled, PoguError
from pogu.http import Request, Response
from pogu.registry.access import ANYBODY, CATALOG, Action, Identity, Need
from pogu.registry.api import Call, Endpoint, Site, blobs, lists, manifests, uploading
from pogu.registry.events import Origin
from pogu.registry.names import check_name
from pogu.registry.refusals import Refused, refusal, render
from pogu.registry.targets import METHODS, Kind, Target, parse_target

log = logging.getLogger(__name__)

_VERSION = ("Docker-Distribution-API-Version", "registry/2.0")

_ENDPOINTS: dict[tuple[Kind, str], Endpoint] = {
    ("base", "GET"): lists.base,
    ("catalog", "GET"): lists.catalog,
    ("tags", "GET"): lists.tags,
    ("referrers", "GET"): lists.referrers,
    ("manifest", "GET"): manifests.get,
    ("manifest", "PUT"): manifests.put,
    ("manifest", "DELETE"): manifests.delete,
    ("blob", "GET"): blobs.get,
    ("blob", "DELETE"): blobs.delete,
    ("uploads", "POST"): uploading.start,
    ("upload", "GET"): uploading.status,
    ("upload", "PATCH"): uploading.patch,
    ("upload", "PUT"): uploading.finish,
    ("upload", "DELETE"): uploading.cancel,
}
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_DELETIONS: frozenset[tuple[Kind, str]] = frozenset({("manifest", "DELETE"), ("blob", "DELETE")})

Witness = Callable[[Request, Target | None, Identity, Response], None]
"""Is told of every answer: for the audit log and the metrics."""


class Front:
    """The handler of a registry's API."""

    def __init__(self, site: Site, witnesses: list[Witness] | None = None) -> None:
        self._site = site
        self._witnesses = witnesses or []

    async def __call__(self, request: Request) -> Response:
        """Answer a request; what is refused gets the specification's body."""
        target = parse_target(request.route_path)
        identity = ANYBODY
        try:
            identity = await self._site.access.identify(request)
            response = await self._answer(request, target, identity)
        except Cancelled:
            raise
        except PoguError as error:
            response = self._refused(request, error)
        except OSError as error:
            response = self._failed(request, error)
        response.headers.append(_VERSION)
        for witness in self._witnesses:
            witness(request, target, identity, response)
        return response

    async def _answer(self, request: Request, target: Target | None, identity: Identity) -> Response:
        site = self._site
        if target is None:
            raise Refused("NAME_UNKNOWN", "there is nothing at this address", status=404)
        method = "GET" if request.method == "HEAD" else request.method
        endpoint = _ENDPOINTS.get((target.kind, method))
        if endpoint is None:
            allowed = ", ".join(METHODS[target.kind])
            raise Refused("UNSUPPORTED", f"the method must be one of {allowed}", headers=[("Allow", allowed)])
        if target.name:
            check_name(target.name)
        site.access.require(request, identity, needs(target, method))
        if method in _CHANGES and site.read_only:
            raise Refused("UNSUPPORTED", "this registry takes no changes")
        if (target.kind, method) in _DELETIONS and not site.deletion:
            raise Refused("UNSUPPORTED", "this registry does not delete")
        base = site.addresses.base(request)
        return await endpoint(site, Call(request, target, identity, self._origin(request, identity), base))

    def _origin(self, request: Request, identity: Identity) -> Origin:
        if request.method not in _CHANGES:
            return _NOBODY
        headers = request.headers
        return Origin(
            identity.name,
            self._site.addresses.client(request),
            request.method,
            headers.get("host", ""),
            headers.get("user-agent", ""),
        )

    def _refused(self, request: Request, error: PoguError) -> Response:
        try:
            return render(refusal(error))
        except PoguError:
            log.exception("%s %s failed", request.method, request.path)
            return render(Refused("UNSUPPORTED", "internal error", status=500))

    def _failed(self, request: Request, error: OSError) -> Response:
        """The disk or the object store fails: nothing was acknowledged, and the client may try again."""
        log.error("%s %s failed: %s", request.method, request.path, error)
        status = 507 if error.errno in _FULL else 503
        what = "there is no room left for this" if status == 507 else "the storage fails"
        return render(Refused("UNSUPPORTED", what, status=status))


_NOBODY = Origin()
_FULL = (28, 122)  # ENOSPC, EDQUOT

_CATALOG_NEED = [Need(CATALOG, "pull")]


def needs(target: Target, method: str) -> list[Need]:
    """What a request must be allowed to do."""
    if target.kind == "base":
        return []
    if target.kind == "catalog":
        return _CATALOG_NEED
    if method == "GET" and target.kind != "upload":
        return [Need(target.name, "pull")]
    action: Action = "delete" if (target.kind, method) in _DELETIONS else "push"
    return [Need(target.name, action)]
