"""Images over the API."""

import io
import json
import tarfile

import pytest


@pytest.fixture
def tagged(api, unique):
    """A name of its own for the image."""
    assert api.post("/images/busybox/tag", repo=unique, tag="one").status == 201
    yield unique
    api.delete(f"/images/{unique}:one")


def test_the_list(api, tagged):
    (image,) = api.get("/images/json", filters={"reference": [tagged]}).json
    assert image["RepoTags"] == [f"{tagged}:one"]
    assert image["Id"].startswith("sha256:")
    assert image["Size"] > 0
    assert (image["Containers"], image["SharedSize"]) == (-1, -1)
    assert "VirtualSize" not in image
    (old,) = api.at("1.43").get("/images/json", filters={"reference": [tagged]}).json
    assert old["VirtualSize"] == old["Size"]
    (older,) = api.at("1.24").get("/images/json", filter=tagged).json
    assert older["Id"] == image["Id"]


def test_inspect(api, tagged):
    image = api.get(f"/images/{tagged}:one/json").json
    assert f"{tagged}:one" in image["RepoTags"]
    assert image["Id"] == api.get("/images/busybox/json").json["Id"]
    assert image["RootFS"]["Type"] == "layers"
    assert len(image["RootFS"]["Layers"]) == 1
    assert image["Config"]["Cmd"] == ["sh"]
    assert image["Os"] == "linux"
    assert "Hostname" not in image["Config"]
    assert "Hostname" in api.at("1.49").get(f"/images/{tagged}:one/json").json["Config"]
    assert "ContainerConfig" in api.at("1.44").get(f"/images/{tagged}:one/json").json
    short = image["Id"].removeprefix("sha256:")[:12]
    assert api.get(f"/images/{short}/json").json["Id"] == image["Id"]


def test_an_image_that_is_not_there(api):
    assert api.get("/images/nosuch/json").message == "No such image: nosuch:latest"
    assert api.get("/images/a/b/c:d/json").message == "No such image: a/b/c:d"
    assert api.delete("/images/nosuch").status == 404
    assert api.get("/images/nosuch/history").status == 404
    assert api.get("/images/nosuch/get").status == 404
    assert b"An image does not exist locally with the tag: nosuch" in api.post("/images/nosuch/push", tag="x").body


def test_bad_names(api):
    assert api.get("/images/UPPER/json").status in (400, 404)
    assert api.post("/images/busybox/tag", repo="UPPER").status == 400
    assert api.post("/images/busybox/tag").status == 400


def test_history(api):
    steps = api.get("/images/busybox/history").json
    assert steps[0]["Id"].startswith("sha256:")
    assert set(steps[0]) == {"Id", "Created", "CreatedBy", "Tags", "Size", "Comment"}


def test_a_pull_from_nowhere(api):
    answer = api.post("/images/create", fromImage="127.0.0.1:1/nosuch", tag="latest")
    assert answer.status == 503
    assert answer.message == (
        'Get "http://127.0.0.1:1/v2/nosuch/manifests/latest": dial tcp 127.0.0.1:1: connect: connection refused'
    )
    assert api.post("/images/create", fromImage="scratch").status == 403
    assert api.post("/images/create", fromImage="UPPER").status == 400


def test_import_and_remove(api, unique):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        member = tarfile.TarInfo("hello")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    answer = api.call(
        "POST", "/images/create", data.getvalue(), fromSrc="-", repo=unique, tag="x", changes=["CMD [\"/hello\"]"],
        message="made here",
    )  # fmt: skip
    image_id = answer.lines[-1]["status"]
    image = api.get(f"/images/{unique}:x/json").json
    assert image["Id"] == image_id
    assert image["Config"]["Cmd"] == ["/hello"]
    assert image["Comment"] == "made here"
    gone = api.delete(f"/images/{unique}:x").json
    assert gone[0] == {"Untagged": f"{unique}:x"}
    assert {"Deleted": image_id} in gone
    assert api.call("POST", "/images/create", b"x" * 2000, fromSrc="-").status == 400


def test_save_and_load(api, unique, container):
    id_ = container("sh", "-c", f"echo {unique} > /mark")
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    image_id = api.post("/commit", container=id_, repo=unique, tag="x").json["Id"]
    archive = api.get(f"/images/{unique}:x/get").body
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
    assert manifest[0]["RepoTags"] == [f"{unique}:x"]
    assert len(manifest[0]["Layers"]) == 2
    api.delete(f"/images/{unique}:x")
    loaded = api.call("POST", "/images/load", archive, quiet="0")
    assert loaded.lines[-1]["stream"] == f"Loaded image: {unique}:x\n"
    assert api.get(f"/images/{unique}:x/json").json["Id"] == image_id
    several = api.get("/images/get", names=[f"{unique}:x", "busybox"]).body
    assert several[257:262] == b"ustar"
    api.delete(f"/images/{unique}:x")


def test_a_broken_archive_is_told_in_the_stream(api):
    answer = api.call("POST", "/images/load", b"x" * 5000)
    assert answer.lines[-1]["errorDetail"]["message"] == answer.lines[-1]["error"]


def test_commit(api, container, unique):
    id_ = container("sh", "-c", "echo x > /x")
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    body = {"Env": ["C=d"]}
    made = api.post("/commit", body, container=id_, repo=unique, tag="t", comment="why", author="me", changes="USER 5")
    assert made.status == 201
    image = api.get(f"/images/{unique}:t/json").json
    assert image["Id"] == made.json["Id"]
    assert (image["Author"], image["Comment"], image["Config"]["User"]) == ("me", "why", "5")
    assert "C=d" in image["Config"]["Env"]
    api.delete(f"/images/{unique}:t")
    assert api.post("/commit", container="nosuch").status == 404


def test_an_image_in_use_is_kept(api, container, unique):
    api.post("/images/busybox/tag", repo=unique)
    id_ = container("true", image=unique)
    image_id = api.get("/images/busybox/json").json["Id"]
    refused = api.delete(f"/images/{image_id}")
    assert refused.status == 409
    assert api.delete(f"/images/{unique}").json == [{"Untagged": f"{unique}:latest"}]
    assert api.get("/containers/json", all="1", filters={"id": [id_]}).json[0]["Image"] == image_id


def test_prune(api, container, unique):
    id_ = container("sh", "-c", f"echo {unique} > /x")
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    image_id = api.post("/commit", container=id_, changes=f"LABEL {unique}=1").json["Id"]
    pruned = api.post("/images/prune", filters={"label": [unique]}).json
    assert {"Deleted": image_id} in pruned["ImagesDeleted"]
    assert pruned["SpaceReclaimed"] > 0
    assert api.post("/images/prune", filters={"label": [unique]}).json["ImagesDeleted"] is None


def test_a_container_that_ends_just_now_is_committed_all_the_same(api, container):
    for _ in range(10):
        id_ = container("true")
        api.post(f"/containers/{id_}/start")
        made = api.post("/commit", container=id_)
        assert made.status == 201, made.body
        assert api.delete(f"/images/{made.json['Id']}").status == 200


def test_what_is_here_for_each_platform(api, tagged):
    (image,) = api.get("/images/json", filters={"reference": [tagged]}, manifests=True).json
    (manifest,) = image["Manifests"]
    assert (manifest["Kind"], manifest["Available"]) == ("image", True)
    assert manifest["ID"] == manifest["Descriptor"]["digest"]
    assert manifest["ImageData"]["Platform"]["os"] == "linux"
    assert manifest["ImageData"]["Size"]["Unpacked"] == image["Size"]
    assert manifest["Size"]["Total"] == manifest["Size"]["Content"] + image["Size"]
    assert api.get(f"/images/{tagged}:one/json", manifests=True).json["Manifests"][0]["ID"] == manifest["ID"]
    assert "Manifests" not in api.get("/images/json").json[0]
    assert "Manifests" not in api.at("1.46").get("/images/json", manifests=True).json[0]
    assert "Manifests" not in api.at("1.47").get(f"/images/{tagged}:one/json", manifests=True).json
