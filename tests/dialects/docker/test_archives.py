"""Files in and out of containers over the API."""

import base64
import io
import json
import tarfile

import pytest


def packed(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def unpacked(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() if m.isfile() else None for m in tar}


def stat(answer):
    return json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))


@pytest.fixture(params=["stopped", "running"])
def target(request, api, container):
    id_ = container("sleep", "600")
    if request.param == "running":
        api.post(f"/containers/{id_}/start")
    return id_


def test_there_and_back(api, target):
    put = api.call("PUT", f"/containers/{target}/archive", packed(a=b"one", b=b"two"), path="/tmp")
    assert put.status == 200, put.body
    got = api.get(f"/containers/{target}/archive", path="/tmp/a")
    assert got.headers["Content-Type"] == "application/x-tar"
    assert unpacked(got.body) == {"a": b"one"}
    facts = stat(got)
    assert (facts["name"], facts["size"], facts["linkTarget"]) == ("a", 3, "")
    whole = unpacked(api.get(f"/containers/{target}/archive", path="/tmp/.").body)
    assert [content for name, content in whole.items() if name.endswith("/b")] == [b"two"]


def test_a_look_at_a_file(api, target):
    facts = stat(api.call("HEAD", f"/containers/{target}/archive", path="/etc"))
    assert facts["name"] == "etc"
    assert facts["mode"] & 1 << 31  # Go's bit for a directory
    assert facts["mtime"].endswith("Z")


def test_what_is_not_there(api, target):
    for method in ("GET", "HEAD"):
        answer = api.call(method, f"/containers/{target}/archive", path="/nosuch")
        assert answer.status == 404
    assert (
        "Could not find the file /nosuch in container"
        in api.get(f"/containers/{target}/archive", path="/nosuch").message
    )
    assert api.call("PUT", f"/containers/{target}/archive", packed(a=b""), path="/nosuch").status == 404


def test_what_is_refused(api, target):
    assert api.get(f"/containers/{target}/archive").message == "bad parameter: path cannot be empty"
    assert api.call("PUT", f"/containers/{target}/archive", packed(a=b""), path="/bin/busybox").status == 400
    assert api.call("PUT", f"/containers/{target}/archive", b"no archive" * 100, path="/tmp").status == 400
    assert api.get(f"/containers/{target}/archive", path="/tmp\0x").status == 400


def test_nothing_escapes(api, target, tmp_path):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        inside = tarfile.TarInfo("out/escaped")
        tar.addfile(inside, io.BytesIO())
        above = tarfile.TarInfo("../../../../../../../../" + str(tmp_path) + "/above")
        tar.addfile(above, io.BytesIO())
    api.call("PUT", f"/containers/{target}/archive", data.getvalue(), path="/tmp")
    assert list(tmp_path.iterdir()) == []


def test_export(api, target):
    names = unpacked(api.get(f"/containers/{target}/export").body)
    assert "bin/busybox" in names
    assert "etc" in names or "etc/" in names
