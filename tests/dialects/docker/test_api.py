"""Versions, headers, errors and what is not available, over a real server with a real engine."""

import json

import pytest

from pogu.dialects.docker.absent import NOT_A_MANAGER


def test_ping(api):
    for method in ("GET", "HEAD"):
        answer = api.at("").call(method, "/_ping")
        assert answer.status == 200
        assert answer.body == (b"OK" if method == "GET" else b"")
        assert answer.headers["Api-Version"] == "1.50"
        assert answer.headers["Docker-Experimental"] == "false"
        assert answer.headers["Ostype"] == "linux"
        assert answer.headers["Builder-Version"] == "1"
        assert answer.headers["Swarm"] == "inactive"
        assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
        assert answer.headers["Pragma"] == "no-cache"
        assert answer.headers["Server"].startswith("Pogu/")


@pytest.mark.parametrize("version", ["", "1.24", "1.41", "1.50"])
def test_every_path_has_a_form_with_and_without_version(api, version):
    assert api.at(version).get("/version").json["ApiVersion"] == "1.50"
    assert api.at(version).get("/containers/json").status == 200


def test_versions_out_of_range(api):
    new = api.at("1.99").get("/version")
    assert new.status == 400
    assert new.message == "client version 1.99 is too new. Maximum supported API version is 1.50"
    old = api.at("1.23").get("/version")
    assert old.status == 400
    assert old.headers["Content-Type"].startswith("text/plain")
    assert b"client version 1.23 is too old. Minimum supported API version is 1.24" in old.body
    assert new.headers["Api-Version"] == "1.50"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nosuch"), ("POST", "/version"), ("PUT", "/containers/json"), ("GET", "/"), ("GET", "/containers")],
)
def test_what_is_not_there_is_a_page_not_found(api, method, path):
    answer = api.call(method, path)
    assert (answer.status, answer.json) == (404, {"message": "page not found"})


def test_operations_are_not_there_before_their_version(api):
    assert api.at("1.24").post("/containers/prune").status == 404
    assert api.at("1.29").get("/distribution/busybox/json").status == 404


def test_options_are_always_allowed(api):
    assert api.call("OPTIONS", "/containers/json").status == 200


@pytest.mark.parametrize("path", ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs", "/nodes/x"])
def test_swarm_is_not_there(api, path):
    answer = api.get(path)
    assert (answer.status, answer.message) == (503, NOT_A_MANAGER)


def test_other_things_that_are_not_there(api):
    assert api.get("/plugins").json == []
    assert api.get("/plugins/x/json").message == 'plugin "x" not found'
    assert api.post("/swarm/leave").status == 503
    assert api.post("/swarm/init", {}).status == 501


def test_the_description_is_served(api):
    description = api.at("").get("/openapi.json").json
    assert description["openapi"].startswith("3.")
    assert "/containers/{name}/json" in description["paths"]


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"", {"Content-Type": "application/json"}, "EOF"),
        (b"{", {"Content-Type": "application/json"}, "invalid JSON"),
        (b"{}", {"Content-Type": "text/plain"}, "unsupported Content-Type header (text/plain): must be"),
        (b"{}", {}, "malformed Content-Type header"),
        (b'{"Image": 5}', {"Content-Type": "application/json"}, "cannot unmarshal number into Go struct field"),
        (b"{}", {"Content-Type": "application/json; charset=utf-8"}, "config cannot be empty"),
        (json.dumps({"Image": "x" * 5_000_000}).encode(), {"Content-Type": "application/json"}, "larger than"),
    ],
)
def test_bad_bodies_are_refused(api, body, headers, message):
    answer = api.call("POST", "/containers/create", body, headers=headers)
    assert answer.status in (400, 413)
    assert message in answer.message


@pytest.mark.parametrize("filters", ["x", "[]", '{"status":["x"]}', '{"nosuch":["x"]}', '{"health":["x"]}'])
def test_bad_filters_are_refused(api, filters):
    answer = api.get("/containers/json", filters=filters)
    assert answer.status == 400
    assert "invalid filter" in answer.message
