"""Containers over the API: made, started, changed, shown and removed."""

import pytest


def state(api, id_):
    return api.get(f"/containers/{id_}/json").json["State"]


def test_a_life(api, container):
    id_ = container("sleep", "600")
    assert len(id_) == 64
    assert state(api, id_)["Status"] == "created"
    assert api.post(f"/containers/{id_}/start").status == 204
    assert api.post(f"/containers/{id_}/start").status == 304
    running = state(api, id_)
    assert running["Running"]
    assert running["Pid"] > 0
    assert api.post(f"/containers/{id_}/kill").status == 204
    assert api.post(f"/containers/{id_}/wait").json["StatusCode"] == 137
    assert state(api, id_)["ExitCode"] == 137
    assert api.post(f"/containers/{id_}/stop").status == 304
    assert api.post(f"/containers/{id_}/kill").status == 409
    assert api.delete(f"/containers/{id_}").status == 204
    assert api.get(f"/containers/{id_}/json").status == 404


def test_names(api, container, unique):
    id_ = container("true", name=unique)
    for ref in (unique, f"/{unique}", id_, id_[:12]):
        assert api.get(f"/containers/{ref}/json").json["Id"] == id_
    taken = api.post("/containers/create", {"Image": "busybox"}, name=unique)
    assert taken.status == 409
    assert f'The container name "/{unique}" is already in use by container "{id_}"' in taken.message
    assert api.post(f"/containers/{unique}/rename", name=f"{unique}x").status == 204
    assert api.get(f"/containers/{unique}/json").message == f"No such container: {unique}"
    assert api.get(f"/containers/{unique}x/json").json["Name"] == f"/{unique}x"
    assert api.post(f"/containers/{id_}/rename", name="").status == 400
    assert api.post(f"/containers/{id_}/rename", name="bad name").status == 400


def test_an_image_that_is_not_there(api):
    answer = api.post("/containers/create", {"Image": "nosuch"})
    assert (answer.status, answer.message) == (404, "No such image: nosuch:latest")


def test_a_program_that_is_not_there(api, container):
    id_ = container("/nosuch")
    answer = api.post(f"/containers/{id_}/start")
    assert answer.status == 400
    assert "no such file or directory" in answer.message or "executable file not found" in answer.message
    assert state(api, id_)["ExitCode"] == 127


def test_inspect_shows_what_was_asked_for(api, container, unique):
    id_ = container(
        "sh",
        "-c",
        "true",
        name=unique,
        Env=["A=b"],
        Labels={"x": "y"},
        WorkingDir="/tmp",
        User="1:1",
        StopSignal="SIGINT",
        Healthcheck={"Test": ["CMD", "true"], "Interval": 5_000_000_000},
        HostConfig={
            "Memory": 64 << 20,
            "NanoCpus": 500_000_000,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
            "PortBindings": {"80/tcp": [{"HostPort": "0"}]},
            "Binds": ["/tmp:/data:ro"],
            "Tmpfs": {"/t": "size=1m"},
        },
    )
    shown = api.get(f"/containers/{id_}/json").json
    config, host = shown["Config"], shown["HostConfig"]
    assert (shown["Name"], shown["Path"], shown["Args"]) == (f"/{unique}", "sh", ["-c", "true"])
    assert "A=b" in config["Env"]
    assert config["Labels"]["x"] == "y"
    assert (config["WorkingDir"], config["User"], config["StopSignal"]) == ("/tmp", "1:1", "SIGINT")
    assert config["Healthcheck"] == {"Test": ["CMD", "true"], "Interval": 5_000_000_000}
    assert (host["Memory"], host["NanoCpus"]) == (64 << 20, 500_000_000)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "0"}]}
    assert host["Tmpfs"] == {"/t": "size=1m"}
    bind = shown["Mounts"][0]
    assert (bind["Type"], bind["Source"], bind["Destination"], bind["RW"]) == ("bind", "/tmp", "/data", False)
    assert shown["Volumes"] == {"/data": "/tmp"}
    sized = api.get(f"/containers/{id_}/json", size="1").json
    assert sized["SizeRootFs"] >= sized["SizeRw"] >= 0


def test_a_running_container_has_a_network(api, container):
    id_ = container("sleep", "600", HostConfig={"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}})
    api.post(f"/containers/{id_}/start")
    settings = api.get(f"/containers/{id_}/json").json["NetworkSettings"]
    assert settings["IPAddress"]
    assert settings["IPAddress"] == settings["Networks"]["bridge"]["IPAddress"]
    assert settings["MacAddress"]
    assert settings["SandboxKey"]
    (binding,) = settings["Ports"]["80/tcp"]
    assert binding["HostIp"] == "127.0.0.1"
    assert int(binding["HostPort"]) > 0
    (line,) = api.get("/containers/json", filters={"id": [id_]}).json
    (port,) = line["Ports"]
    assert (port["IP"], port["PrivatePort"], port["Type"]) == ("127.0.0.1", 80, "tcp")
    assert port["PublicPort"] == int(binding["HostPort"])


def test_the_list_and_its_filters(api, container, unique):
    running = container("sleep", "600", name=f"{unique}a", Labels={unique: "1"})
    api.post(f"/containers/{running}/start")
    stopped = container("true", name=f"{unique}b", Labels={unique: "2"})

    def ids(**filters):
        everything = {"label": [unique], **filters}
        return [c["Id"] for c in api.get("/containers/json", all="1", filters=everything).json]

    assert ids() == [stopped, running]
    assert ids(status=["running"]) == [running]
    assert ids(status={"created": True}) == [stopped]
    assert ids(name=[f"{unique}a"]) == [running]
    assert ids(label=[f"{unique}=2"]) == [stopped]
    assert ids(ancestor=["busybox"]) == [stopped, running]
    assert ids(network=["bridge"]) == [stopped, running]
    assert ids(before=[stopped]) == [running]
    assert ids(since=[running]) == [stopped]
    assert ids(id=[running[:12]]) == [running]
    (line,) = api.get("/containers/json", filters={"label": [unique]}).json
    assert line["Id"] == running
    assert line["Names"] == [f"/{unique}a"]
    assert (line["Image"], line["Command"], line["State"]) == ("busybox", "sleep 600", "running")
    assert line["Status"].startswith(("Up ", "Less"))
    assert "SizeRootFs" not in line
    (sized,) = api.get("/containers/json", filters={"label": [unique]}, size="true").json
    assert sized["SizeRootFs"] > 0


def test_limit(api, container):
    newest = [container("true") for _ in range(3)][-1]
    assert [c["Id"] for c in api.get("/containers/json", limit="1").json] == [newest]
    assert api.get("/containers/json", limit="x").status == 400


def test_pause(api, container):
    id_ = container("sleep", "600")
    assert api.post(f"/containers/{id_}/pause").status == 409
    api.post(f"/containers/{id_}/start")
    assert api.post(f"/containers/{id_}/pause").status == 204
    (line,) = api.get("/containers/json", filters={"id": [id_]}).json
    assert line["State"] == "paused"
    assert line["Status"].endswith("(Paused)")
    assert api.post(f"/containers/{id_}/pause").status == 409
    assert api.post(f"/containers/{id_}/unpause").status == 204
    assert state(api, id_)["Status"] == "running"


def test_update(api, container):
    id_ = container("sleep", "600", HostConfig={"Memory": 64 << 20})
    api.post(f"/containers/{id_}/start")
    changes = {"Memory": 128 << 20, "MemorySwap": -1, "RestartPolicy": {"Name": "always"}}
    assert api.post(f"/containers/{id_}/update", changes).status == 200
    host = api.get(f"/containers/{id_}/json").json["HostConfig"]
    assert (host["Memory"], host["RestartPolicy"]["Name"]) == (128 << 20, "always")
    assert api.post(f"/containers/{id_}/update", {"Memory": "x"}).status == 400


def test_top(api, container):
    id_ = container("sleep", "600")
    api.post(f"/containers/{id_}/start")
    top = api.get(f"/containers/{id_}/top").json
    assert "PID" in top["Titles"]
    assert "sleep 600" in top["Processes"][0][-1]
    assert api.get(f"/containers/{id_}/top", ps_args="-o pid,comm").json["Titles"] == ["PID", "COMMAND"]


def test_changes(api, container):
    id_ = container("sh", "-c", "echo x > /new; rm /etc/passwd")
    assert api.get(f"/containers/{id_}/changes").json is None
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    changes = {c["Path"]: c["Kind"] for c in api.get(f"/containers/{id_}/changes").json}
    assert changes["/new"] == 1
    assert changes["/etc"] == 0
    assert changes["/etc/passwd"] == 2


def test_a_running_container_is_removed_only_by_force(api, container):
    id_ = container("sleep", "600")
    api.post(f"/containers/{id_}/start")
    refused = api.delete(f"/containers/{id_}")
    assert refused.status == 409
    assert "container is running" in refused.message
    assert api.delete(f"/containers/{id_}", force="1").status == 204


def test_prune_takes_the_stopped_ones(api, container, unique):
    id_ = container("true", Labels={unique: ""})
    pruned = api.post("/containers/prune", filters={"label": [unique]}).json
    assert pruned["ContainersDeleted"] == [id_]
    assert pruned["SpaceReclaimed"] >= 0
    assert api.post("/containers/prune", filters={"label": [unique]}).json["ContainersDeleted"] is None


def test_a_start_with_a_body_is_refused(api, container):
    id_ = container("true")
    assert "removed in v1.24" in api.post(f"/containers/{id_}/start", {"Binds": ["/:/x"]}).message
    assert api.post(f"/containers/{id_}/start", {}).status == 204


@pytest.mark.parametrize(
    "path",
    [
        "/containers/nosuch/json",
        "/containers/nosuch/top",
        "/containers/nosuch/changes",
        "/containers/nosuch/stats",
        "/containers/nosuch/logs?stdout=1",
        "/containers/nosuch/export",
        "/containers/nosuch/archive?path=/",
    ],
)
def test_a_container_that_is_not_there(api, path):
    path, _, query = path.partition("?")
    answer = api.get(path, **dict(p.split("=") for p in query.split("&") if p))
    assert (answer.status, answer.message) == (404, "No such container: nosuch")


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "pause", "unpause", "wait", "attach", "update"])
def test_verbs_on_a_container_that_is_not_there(api, verb):
    answer = api.post(f"/containers/nosuch/{verb}")
    assert (answer.status, answer.message) == (404, "No such container: nosuch")


def test_log_drivers(api, container):
    def asked(**log):
        return api.post("/containers/create", {"Image": "busybox", "HostConfig": {"LogConfig": log}})

    unknown = asked(Type="asdf")
    assert (unknown.status, unknown.message) == (400, "logger: no log driver named 'asdf' is registered")
    assert asked(Type="fluentd").status == 501
    id_ = container("true", HostConfig={"LogConfig": {"Type": "", "Config": {"max-file": "100"}}})
    config = api.get(f"/containers/{id_}/json").json["HostConfig"]["LogConfig"]
    assert config == {"Type": "json-file", "Config": {"max-file": "100"}}


def test_a_link_is_removed_and_the_containers_stay(api, container, unique):
    container("true", name=f"{unique}a")
    id_ = container("true", name=f"{unique}b", HostConfig={"Links": [f"{unique}a:alias"]})
    assert api.delete(f"/containers/{unique}b/alias", link="1").status == 204
    assert api.get(f"/containers/{id_}/json").json["HostConfig"]["Links"] == []
    assert api.get(f"/containers/{unique}a/json").status == 200
    assert api.delete(f"/containers/{unique}b/alias", link="1").status == 404
    assert api.delete(f"/containers/{unique}b", link="1").status == 409
