from __future__ import annotations

import pytest

from pogu.errors import Conflict, NotFound
from pogu.http import Request, Response, Router
from tests.http.conftest import Serve
from tests.http.wire import Answer, request


async def tell(asked: Request) -> Response:
    params = ",".join(f"{name}={value}" for name, value in asked.params.items())
    return Response(body=f"{asked.path} {params}".encode())


def named(name: str):  # type: ignore[no-untyped-def]
    async def handler(asked: Request) -> Response:
        params = ",".join(f"{key}={value}" for key, value in asked.params.items())
        return Response(body=f"{name} {params}".encode())

    return handler


async def ask(serve: Serve, router: Router, method: str, target: str) -> Answer:
    wire = await (await serve(router)).connect()
    await wire.send(request(target, method=method))
    answer = await wire.answer(method)
    wire.close()
    return answer


@pytest.fixture
def router() -> Router:
    router = Router()
    for method, pattern in [
        ("GET", "/containers/json"),
        ("GET", "/containers/{name}/json"),
        ("DELETE", "/containers/{name}"),
        ("POST", "/containers/{name}/attach"),
        ("GET", "/images/json"),
        ("GET", "/images/{name:path}/json"),
        ("GET", "/images/{name:path}/history"),
        ("DELETE", "/images/{name:path}"),
        ("GET", "/v{version}/containers/json"),
        ("GET", "/v{version}/images/{name:path}/json"),
        ("GET", "/{anything}/containers/json"),
        ("GET", "/"),
    ]:
        router.add(method, pattern, named(f"{method} {pattern}"))
    return router


@pytest.mark.parametrize(
    ("method", "target", "found"),
    [
        ("GET", "/containers/json", "GET /containers/json "),
        ("GET", "/containers/json?all=1", "GET /containers/json "),
        ("GET", "/containers/web/json", "GET /containers/{name}/json name=web"),
        ("GET", "/%63ontainers/w%20b/json", "GET /containers/{name}/json name=w b"),
        ("GET", "/containers/%2Fweb/json", "GET /containers/{name}/json name=/web"),
        ("DELETE", "/containers/json", "DELETE /containers/{name} name=json"),
        ("GET", "/images/json", "GET /images/json "),
        ("GET", "/images/json/json", "GET /images/{name:path}/json name=json"),
        ("GET", "/images/localhost:5000/a/b/json", "GET /images/{name:path}/json name=localhost:5000/a/b"),
        ("GET", "/images/a%2Fb/history", "GET /images/{name:path}/history name=a/b"),
        ("DELETE", "/images/json", "DELETE /images/{name:path} name=json"),
        ("DELETE", "/images/a/b/json", "DELETE /images/{name:path} name=a/b/json"),
        ("GET", "/v1.50/containers/json", "GET /v{version}/containers/json version=1.50"),
        ("GET", "/w1.50/containers/json", "GET /{anything}/containers/json anything=w1.50"),
        ("GET", "/v1.24/images/a/b/json", "GET /v{version}/images/{name:path}/json version=1.24,name=a/b"),
        ("GET", "http://docker/containers/json", "GET /containers/json "),
        ("GET", "/", "GET / "),
    ],
)
async def test_the_most_specific_route_with_the_method_wins(
    open_server: Serve, router: Router, method: str, target: str, found: str
) -> None:
    answer = await ask(open_server, router, method, target)
    assert (answer.status, answer.body.decode()) == (200, found)


@pytest.mark.parametrize(
    "target", ["/nope", "/containers//json", "/containers/json/", "/containers/web", "*", "/images/"]
)
async def test_no_route(open_server: Serve, router: Router, target: str) -> None:
    assert (await ask(open_server, router, "GET", target)).status == (405 if target == "/containers/web" else 404)


async def test_a_wrong_method_names_the_right_ones(open_server: Serve, router: Router) -> None:
    answer = await ask(open_server, router, "PUT", "/images/a/json")
    assert answer.status == 405
    assert answer.headers["allow"] == "DELETE, GET"


async def test_connect_is_no_path(open_server: Serve, router: Router) -> None:
    wire = await (await open_server(router)).connect()
    await wire.send(b"CONNECT registry:443 HTTP/1.1\r\nHost: registry\r\n\r\n")
    assert (await wire.answer("GET")).status == 404


async def test_the_hooks_render_failures(open_server: Serve) -> None:
    async def fails(_: Request) -> Response:
        raise NotFound("No such container: foo")

    async def later(asked: Request, error: Exception) -> Response:
        return Response(404, [], f"error {asked.path} {error}".encode())

    router = Router()
    router.add("GET", "/fails", fails)
    router.on_error = later
    router.on_not_found = lambda asked: Response(404, [], b"nothing at " + asked.path.encode())
    router.on_method_not_allowed = lambda asked, allowed: Response(405, [], ",".join(allowed).encode())
    assert (await ask(open_server, router, "GET", "/fails")).body == b"error /fails No such container: foo"
    assert (await ask(open_server, router, "GET", "/x")).body == b"nothing at /x"
    assert (await ask(open_server, router, "PUT", "/fails")).body == b"GET"


async def test_without_hooks_errors_have_their_usual_status(open_server: Serve) -> None:
    async def fails(_: Request) -> Response:
        raise Conflict("in use")

    router = Router()
    router.add("GET", "/", fails)
    answer = await ask(open_server, router, "GET", "/")
    assert (answer.status, answer.body) == (409, b"in use\n")


@pytest.mark.parametrize("pattern", ["containers", "/{", "/a}b", "/{a-b}", "/{a:int}"])
def test_malformed_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Router().add("GET", pattern, tell)


def test_a_route_is_registered_once(router: Router) -> None:
    with pytest.raises(ValueError, match="registered already"):
        router.add("GET", "/images/{name:path}/json", tell)
    with pytest.raises(ValueError, match="registered already"):
        router.add("GET", "/containers/{name}/json", tell)
