"""Networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pogu.dialects.docker.absent import NOT_A_MANAGER
from pogu.dialects.docker.call import Call, empty_response, json_response
from pogu.dialects.docker.filters import (
    Filters,
    check_keys,
    labels_match,
    matches_exactly,
    matches_pattern,
    truth,
)
from pogu.dialects.docker.rendering.networks import render_endpoint_resource, render_network
from pogu.dialects.docker.requests import NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest
from pogu.dialects.docker.routes import Route, done, filters, flag, found, listing, text
from pogu.engine.engine import Engine
from pogu.engine.model import EndpointSettings, Network
from pogu.errors import Forbidden, InvalidArgument, NotFound
from pogu.http import Response

_BUILTIN = ("bridge", "host", "none")
_LIST_FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")
_PRUNE_FILTERS = ("label", "label!", "until")


class NetworkRoutes:
    """Handlers of `/networks`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._networks = engine.networks

    async def list(self, call: Call) -> Response:
        filters = call.filters()
        check_keys(filters, _LIST_FILTERS)
        for kind in filters.get("type", ()):
            if kind not in ("builtin", "custom"):
                raise InvalidArgument(f"invalid filter: 'type'='{kind}'")
        dangling = truth(filters, "dangling")
        chosen = [n for n in self._networks.list() if _matches(n, filters) and self._is_dangling(n, dangling)]
        members = self._members(call) if call.version < (1, 28) else {}
        return json_response([render_network(n, call.version, members.get(n.id)) for n in chosen])

    def _is_dangling(self, network: Network, wanted: bool | None) -> bool:
        if wanted is None:
            return True
        if network.name in _BUILTIN:
            return not wanted
        used = any(
            e.network_id == network.id for c in self._engine.containers.list(all=True) for e in c.networks.values()
        )
        return wanted is not used

    def _members(self, call: Call) -> dict[str, dict[str, Any]]:
        """Return the running containers of each network, by the network's ID."""
        members: dict[str, dict[str, Any]] = {}
        for container in self._engine.containers.list(all=False):
            for endpoint in container.networks.values():
                if endpoint.network_id and endpoint.endpoint_id:
                    shown = render_endpoint_resource(container, endpoint)
                    members.setdefault(endpoint.network_id, {})[container.id] = shown
        return members

    async def inspect(self, call: Call) -> Response:
        verbose = call.text("verbose")
        if verbose and verbose not in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"):
            raise InvalidArgument(f"invalid value for verbose: {verbose}")
        network = self._networks.get(call.param("id"))
        if call.text("scope") not in ("", network.scope):
            raise NotFound(f"network {call.param('id')} not found")
        return json_response(render_network(network, call.version, self._members(call).get(network.id)))

    async def create(self, call: Call) -> Response:
        wanted = await call.body(NetworkCreateRequest)
        if wanted.ingress:
            raise Forbidden("Ingress network can only be global scope network")
        if wanted.driver == "overlay" or wanted.scope not in (None, "", "local"):
            raise Forbidden(NOT_A_MANAGER)
        ipv4 = wanted.enable_ipv4 if call.version >= (1, 48) else None
        network = await self._networks.create(
            wanted.name or "",
            wanted.driver or "bridge",
            wanted.ipam,
            internal=bool(wanted.internal),
            options=wanted.options or {},
            labels=wanted.labels or {},
            enable_ipv6=bool(wanted.enable_ipv6),
            enable_ipv4=True if ipv4 is None else ipv4,
            attachable=bool(wanted.attachable),
            config_only=bool(wanted.config_only),
            config_from=str((wanted.config_from or {}).get("Network") or ""),
        )
        return json_response({"Id": network.id, "Warning": ""}, 201)

    async def connect(self, call: Call) -> Response:
        wanted = await call.body(NetworkConnectRequest)
        settings = wanted.endpoint_config or EndpointSettings()
        await self._engine.containers.connect(call.param("id"), wanted.container or "", settings)
        return empty_response(200)

    async def disconnect(self, call: Call) -> Response:
        wanted = await call.body(NetworkDisconnectRequest)
        await self._engine.containers.disconnect(call.param("id"), wanted.container or "", bool(wanted.force))
        return empty_response(200)

    async def remove(self, call: Call) -> Response:
        await self._networks.remove(call.param("id"))
        return empty_response()

    async def prune(self, call: Call) -> Response:
        filters = call.filters()
        check_keys(filters, _PRUNE_FILTERS)
        return json_response({"NetworksDeleted": await self._networks.prune(filters) or None})

    def routes(self) -> Sequence[Route]:
        """Return the operations."""
        return [
            Route(
                "GET",
                "/networks",
                self.list,
                "NetworkList",
                "List networks",
                (filters(_LIST_FILTERS),),
                None,
                listing("The networks", "NetworkInspect"),
                (400, 500),
            ),
            Route(
                "GET",
                "/networks/{id}",
                self.inspect,
                "NetworkInspect",
                "Show a network",
                (flag("verbose", "Show more"), text("scope", "local, global or swarm")),
                None,
                found("The network", "NetworkInspect"),
                (400, 404, 500),
            ),
            Route(
                "POST",
                "/networks/create",
                self.create,
                "NetworkCreate",
                "Make a network",
                (),
                NetworkCreateRequest,
                found("Its ID", "NetworkCreated", 201),
                (400, 403, 404, 409, 500, 501),
            ),
            Route(
                "POST",
                "/networks/{id}/connect",
                self.connect,
                "NetworkConnect",
                "Connect a container",
                (),
                NetworkConnectRequest,
                done("Connected", 200),
                (400, 403, 404, 409, 500),
            ),
            Route(
                "POST",
                "/networks/{id}/disconnect",
                self.disconnect,
                "NetworkDisconnect",
                "Disconnect a container",
                (),
                NetworkDisconnectRequest,
                done("Disconnected", 200),
                (400, 403, 404, 409, 500),
            ),
            Route(
                "POST",
                "/networks/prune",
                self.prune,
                "NetworkPrune",
                "Remove unused networks",
                (filters(_PRUNE_FILTERS),),
                None,
                found("What was removed", "NetworkPruned"),
                (400, 500),
                since=(1, 25),
            ),
            Route(
                "DELETE",
                "/networks/{id}",
                self.remove,
                "NetworkDelete",
                "Remove a network",
                (),
                None,
                done("Removed"),
                (400, 403, 404, 409, 500),
            ),
        ]


def _matches(network: Network, filters: Filters) -> bool:
    kinds = filters.get("type")
    return (
        matches_exactly(filters, "driver", network.driver)
        and matches_pattern(filters, "id", network.id)
        and matches_pattern(filters, "name", network.name)
        and matches_exactly(filters, "scope", network.scope)
        and labels_match(filters, network.labels)
        and (not kinds or ("builtin" if network.name in _BUILTIN else "custom") in kinds)
    )
