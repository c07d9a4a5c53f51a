"""Volumes over the API."""

import pytest


@pytest.fixture
def volume(api, unique):
    answer = api.post("/volumes/create", {"Name": unique, "Labels": {unique: "1"}})
    assert answer.status == 201, answer.body
    yield unique
    api.delete(f"/volumes/{unique}", force="1")


def test_create_and_inspect(api, volume):
    shown = api.get(f"/volumes/{volume}").json
    assert (shown["Name"], shown["Driver"], shown["Scope"]) == (volume, "local", "local")
    assert shown["Mountpoint"].startswith("/")
    assert shown["Labels"] == {volume: "1"}
    assert shown["CreatedAt"]
    again = api.post("/volumes/create", {"Name": volume})
    assert (again.status, again.json["Mountpoint"]) == (201, shown["Mountpoint"])


def test_an_anonymous_volume_has_a_long_name(api):
    name = api.post("/volumes/create", {}).json["Name"]
    assert len(name) == 64
    assert api.delete(f"/volumes/{name}").status == 204


def test_a_volume_that_is_not_there(api):
    answer = api.get("/volumes/nosuch")
    assert (answer.status, answer.message) == (404, "get nosuch: no such volume")
    assert api.delete("/volumes/nosuch").status == 404
    assert api.delete("/volumes/nosuch", force="1").status == 204


def test_filters(api, volume):
    def names(**filters):
        return [v["Name"] for v in api.get("/volumes", filters=filters).json["Volumes"]]

    assert names(name=[volume]) == [volume]
    assert names(label=[f"{volume}=1"]) == [volume]
    assert volume in names(dangling=["true"])
    assert volume not in names(dangling={"false": True})
    assert volume in names(driver=["local"])
    assert api.get("/volumes", filters={"dangling": ["x"]}).status == 400


def test_a_volume_in_use_is_kept(api, volume, container):
    id_ = container("true", HostConfig={"Binds": [f"{volume}:/data"]})
    refused = api.delete(f"/volumes/{volume}")
    assert refused.status == 409
    assert "volume is in use" in refused.message
    assert id_ in refused.message
    mount = api.get(f"/containers/{id_}/json").json["Mounts"][0]
    assert (mount["Type"], mount["Name"], mount["Destination"]) == ("volume", volume, "/data")


def test_what_is_refused(api):
    assert api.post("/volumes/create", {"Name": "a/b"}).status == 400
    assert api.post("/volumes/create", {"Name": 5}).status == 400
    assert api.post("/volumes/create", {"ClusterVolumeSpec": {}}).status == 503
    assert api.call("PUT", "/volumes/x", {}).status == 503


def test_prune(api, unique):
    api.post("/volumes/create", {"Name": unique, "Labels": {unique: ""}})
    named = api.post("/volumes/prune", filters={"label": [unique]}).json
    assert named["VolumesDeleted"] is None
    every = api.post("/volumes/prune", filters={"label": [unique], "all": ["true"]}).json
    assert every["VolumesDeleted"] == [unique]
    api.post("/volumes/create", {"Name": unique, "Labels": {unique: ""}})
    assert api.at("1.41").post("/volumes/prune", filters={"label": [unique]}).json["VolumesDeleted"] == [unique]
