"""What Docker has and this engine has not: answered the way Docker answers where it is not available."""

from __future__ import annotations

from collections.abc import Callable

from pogu.dialects.docker.call import Call, json_response
from pogu.dialects.docker.routes import Answer, Handler, Route, filters
from pogu.dialects.docker.version import MINIMUM, ApiVersion
from pogu.errors import NotFound, PoguError, Unavailable, Unsupported
from pogu.http import Response

NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
_NOT_IN_SWARM = "This node is not part of a swarm"
_NO_SWARM = "this version of Pogu runs containers on one machine; swarm mode is not available"
_NO_PLUGINS = "this version of Pogu has no plugins"

_PLUGIN_FILTERS = ("capability", "enable")

_MANAGER_PATHS = """
GET /swarm SwarmInspect
POST /swarm/update SwarmUpdate
GET /swarm/unlockkey SwarmUnlockkey
POST /swarm/unlock SwarmUnlock
GET /nodes NodeList
GET /nodes/{id} NodeInspect
DELETE /nodes/{id} NodeDelete
POST /nodes/{id}/update NodeUpdate
GET /services ServiceList
POST /services/create ServiceCreate
GET /services/{id} ServiceInspect
DELETE /services/{id} ServiceDelete
POST /services/{id}/update ServiceUpdate
GET /services/{id}/logs ServiceLogs
GET /tasks TaskList
GET /tasks/{id} TaskInspect
GET /tasks/{id}/logs TaskLogs
GET /secrets SecretList
POST /secrets/create SecretCreate
GET /secrets/{id} SecretInspect
DELETE /secrets/{id} SecretDelete
POST /secrets/{id}/update SecretUpdate
GET /configs ConfigList
POST /configs/create ConfigCreate
GET /configs/{id} ConfigInspect
DELETE /configs/{id} ConfigDelete
POST /configs/{id}/update ConfigUpdate
"""
_PLUGIN_ACTIONS = """
GET /plugins/privileges GetPluginPrivileges
POST /plugins/pull PluginPull
POST /plugins/create PluginCreate
"""
_PLUGIN_PATHS = """
GET /plugins/{name:path}/json PluginInspect
DELETE /plugins/{name:path} PluginDelete
POST /plugins/{name:path}/enable PluginEnable
POST /plugins/{name:path}/disable PluginDisable
POST /plugins/{name:path}/upgrade PluginUpgrade
POST /plugins/{name:path}/push PluginPush
POST /plugins/{name:path}/set PluginSet
"""


def _refuse(make: Callable[[Call], PoguError]) -> Handler:
    async def handler(call: Call) -> Response:
        raise make(call)

    return handler


def _routes(table: str, handler: Handler, errors: tuple[int, ...], since: ApiVersion = MINIMUM) -> list[Route]:
    rows = [line.split() for line in table.strip().splitlines()]
    return [
        Route(method, path, handler, operation, "Not available", errors=errors, since=since)
        for method, path, operation in rows
    ]


async def _no_plugins(call: Call) -> Response:
    return json_response([])


def absent_routes() -> list[Route]:
    """Return the operations that exist only to say no."""
    no_plugin = _refuse(lambda call: NotFound(f'plugin "{call.param("name")}" not found'))
    return [
        *_routes(_MANAGER_PATHS, _refuse(lambda call: Unavailable(NOT_A_MANAGER)), (503,)),
        *_routes(
            "POST /swarm/init SwarmInit\nPOST /swarm/join SwarmJoin",
            _refuse(lambda call: Unsupported(_NO_SWARM)),
            (501,),
        ),
        *_routes("POST /swarm/leave SwarmLeave", _refuse(lambda call: Unavailable(_NOT_IN_SWARM)), (503,)),
        Route(
            "GET",
            "/plugins",
            _no_plugins,
            "PluginList",
            "List plugins",
            (filters(_PLUGIN_FILTERS),),
            None,
            {200: Answer("None")},
            (),
        ),
        *_routes(_PLUGIN_ACTIONS, _refuse(lambda call: Unsupported(_NO_PLUGINS)), (501,)),
        *_routes(_PLUGIN_PATHS, no_plugin, (404,)),
    ]
