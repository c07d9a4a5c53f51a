"""Info, version, events, disk usage and logging in."""

import time

import pytest


def test_version_names_engine_and_parts(api):
    version = api.get("/version").json
    assert (version["ApiVersion"], version["MinAPIVersion"], version["Os"]) == ("1.50", "1.24", "linux")
    assert version["Platform"]["Name"] == "Pogu"
    names = [c["Name"] for c in version["Components"]]
    assert names[0] == "Engine"
    assert "conmon" in names
    assert version["Components"][0]["Details"]["KernelVersion"] == version["KernelVersion"]


def test_info_has_what_the_command_prints(api, engine_root):
    info = api.get("/info").json
    assert info["DockerRootDir"] == str(engine_root)
    assert info["Driver"] in ("overlay2", "vfs")
    assert info["NCPU"] > 0
    assert info["MemTotal"] > 1 << 20
    assert info["OSType"] == "linux"
    assert info["CgroupVersion"] in ("1", "2")
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["Plugins"]["Network"][0] == "bridge"
    assert info["DefaultRuntime"] in info["Runtimes"]
    assert info["Containers"] == info["ContainersRunning"] + info["ContainersPaused"] + info["ContainersStopped"]
    assert info["ID"] == api.get("/info").json["ID"]
    wanted = "ServerVersion SecurityOptions KernelVersion OperatingSystem Architecture Name Labels RegistryConfig"
    assert set(wanted.split()) <= set(info)


def test_info_by_version(api):
    assert "FirewallBackend" in api.get("/info").json
    old = api.at("1.48").get("/info").json
    assert "FirewallBackend" not in old
    assert old["RuncCommit"]["Expected"] == old["RuncCommit"]["ID"]


def test_events_of_the_past_are_replayed_and_filtered(api, container):
    began = time.time()
    id_ = container("true")
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    answer = api.get("/events", since=f"{began:.9f}", until=f"{time.time():.9f}", filters={"container": [id_]})
    actions = [e["Action"] for e in answer.lines]
    assert actions[0] == "create"
    assert actions.index("start") < actions.index("die")
    start = next(e for e in answer.lines if e["Action"] == "start")
    assert (start["status"], start["id"], start["from"]) == ("start", id_, "busybox")
    assert start["Type"] == "container"
    assert start["Actor"]["ID"] == id_
    assert start["scope"] == "local"
    assert start["timeNano"] // 1_000_000_000 == start["time"]
    die = next(e for e in answer.lines if e["Action"] == "die")
    assert die["Actor"]["Attributes"]["exitCode"] == "0"
    only = api.get("/events", since=f"{began:.9f}", until=f"{time.time():.9f}", filters={"event": {"die": True}})
    assert {e["Action"] for e in only.lines} == {"die"}


def test_the_answer_to_events_begins_before_any_event(api, unique):
    with api.stream("GET", "/events", filters={"volume": [unique]}) as answer:
        assert answer.status == 200
        api.post("/volumes/create", {"Name": unique})
        assert unique in answer.readline().decode()
    api.delete(f"/volumes/{unique}")


@pytest.mark.parametrize("query", [{"since": "x"}, {"until": "1.x"}, {"since": "5", "until": "4"}, {"filters": "x"}])
def test_bad_questions_about_events(api, query):
    assert api.get("/events", **query).status == 400


def test_disk_usage(api, container, unique):
    container("true")
    api.post("/volumes/create", {"Name": unique})
    usage = api.get("/system/df").json
    assert usage["LayersSize"] > 0
    assert "busybox:latest" in [tag for image in usage["Images"] for tag in image["RepoTags"]]
    assert all(image["Containers"] >= 0 and image["SharedSize"] >= 0 for image in usage["Images"])
    assert all("SizeRootFs" in c for c in usage["Containers"])
    volume = next(v for v in usage["Volumes"] if v["Name"] == unique)
    assert volume["UsageData"] == {"RefCount": 0, "Size": 0}
    assert all(each["Size"] >= 0 and each["UsageCount"] > 0 for each in usage["BuildCache"])
    api.delete(f"/volumes/{unique}")


def test_disk_usage_of_some_kinds(api):
    assert set(api.get("/system/df", type=["volume", "build-cache"]).json) == {"Volumes", "BuildCache"}
    assert set(api.get("/system/df", type="image").json) == {"LayersSize", "Images"}
    assert api.get("/system/df", type="nosuch").message == "unknown object type: nosuch"
    assert "Containers" in api.at("1.41").get("/system/df", type="image").json
