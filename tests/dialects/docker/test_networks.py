"""Networks over the API."""

import pytest


@pytest.fixture
def network(api, unique):
    answer = api.post("/networks/create", {"Name": unique, "Labels": {unique: "1"}})
    assert answer.status == 201, answer.body
    yield unique
    api.delete(f"/networks/{unique}")


def test_the_networks_that_are_always_there(api):
    names = {n["Name"]: n["Driver"] for n in api.get("/networks").json}
    assert names["bridge"] == "bridge"
    assert names["host"] == "host"
    assert names["none"] == "null"
    assert api.delete("/networks/bridge").status == 403


def test_create_and_inspect(api, network):
    shown = api.get(f"/networks/{network}").json
    assert (shown["Name"], shown["Driver"], shown["Scope"]) == (network, "bridge", "local")
    assert shown["IPAM"]["Config"][0]["Subnet"]
    assert shown["Labels"] == {network: "1"}
    assert shown["Containers"] == {}
    assert api.get(f"/networks/{shown['Id'][:12]}").json["Id"] == shown["Id"]
    assert "EnableIPv4" in shown
    assert "EnableIPv4" not in api.at("1.47").get(f"/networks/{network}").json


def test_a_network_that_is_not_there(api):
    answer = api.get("/networks/nosuch")
    assert (answer.status, answer.message) == (404, "network nosuch not found")
    assert api.delete("/networks/nosuch").status == 404


def test_filters(api, network):
    def names(**filters):
        return [n["Name"] for n in api.get("/networks", filters=filters).json]

    assert names(label=[network]) == [network]
    assert names(name=[network]) == [network]
    assert network in names(type=["custom"])
    assert network not in names(type=["builtin"])
    assert network in names(driver={"bridge": True})
    assert network in names(dangling=["true"])
    assert network not in names(dangling=["false"])
    assert api.get("/networks", filters={"type": ["x"]}).status == 400
    assert api.get("/networks", filters={"x": ["x"]}).status == 400


def test_connect_and_disconnect(api, network, container):
    id_ = container("sleep", "600")
    api.post(f"/containers/{id_}/start")
    connect = {"Container": id_, "EndpointConfig": {"Aliases": ["other"]}}
    assert api.post(f"/networks/{network}/connect", connect).status == 200
    endpoint = api.get(f"/containers/{id_}/json").json["NetworkSettings"]["Networks"][network]
    assert endpoint["IPAddress"]
    assert "other" in endpoint["Aliases"]
    shown = api.get(f"/networks/{network}").json["Containers"][id_]
    assert shown["IPv4Address"].startswith(endpoint["IPAddress"] + "/")
    in_use = api.delete(f"/networks/{network}")
    assert in_use.status in (403, 409)
    assert "has active endpoints" in in_use.message
    assert api.post(f"/networks/{network}/disconnect", {"Container": id_}).status == 200
    assert network not in api.get(f"/containers/{id_}/json").json["NetworkSettings"]["Networks"]


def test_what_is_refused(api, network):
    assert api.post("/networks/create", {"Name": network}).status == 409
    assert api.post("/networks/create", {"Name": ""}).status == 400
    assert api.post("/networks/create", {"Name": 5}).status == 400
    bad = {"Name": f"{network}x", "IPAM": {"Config": [{"Subnet": "x"}]}}
    assert api.post("/networks/create", bad).status == 400
    assert api.post(f"/networks/{network}/connect", {"Container": "nosuch"}).status == 404
    assert api.get(f"/networks/{network}", verbose="x").status == 400


def test_prune(api, unique):
    api.post("/networks/create", {"Name": unique, "Labels": {unique: ""}})
    assert api.post("/networks/prune", filters={"label": [unique]}).json == {"NetworksDeleted": [unique]}


def test_containers_of_a_network_find_one_another_by_name(api, network, container, unique):
    other = container("sleep", "600", name=f"{unique}other", HostConfig={"NetworkMode": network})
    api.post(f"/containers/{other}/start")
    asker = container("ping", "-c", "1", "-W", "5", f"{unique}other", HostConfig={"NetworkMode": network})
    api.post(f"/containers/{asker}/start")
    assert api.post(f"/containers/{asker}/wait").json["StatusCode"] == 0
    assert api.get(f"/containers/{other}/json").json["NetworkSettings"]["Networks"][network]["DNSNames"] == [
        f"{unique}other",
        other[:12],
    ]
