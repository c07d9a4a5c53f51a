"""Processes added to a running container, over the API."""

import socket

import pytest

from pogu.dialects.docker.frames import STDERR, STDOUT, FrameReader

from .http_client import read_all


@pytest.fixture
def running(api, container):
    id_ = container("sleep", "600")
    api.post(f"/containers/{id_}/start")
    return id_


def prepare(api, id_, *cmd, **config):
    body = {"Cmd": list(cmd), "AttachStdout": True, "AttachStderr": True, **config}
    answer = api.post(f"/containers/{id_}/exec", body)
    assert answer.status == 201, answer.body
    return answer.json["Id"]


def test_output_and_exit_code(api, running):
    exec_id = prepare(api, running, "sh", "-c", "echo out; echo err >&2; exit 7")
    before = api.get(f"/exec/{exec_id}/json").json
    assert (before["Running"], before["ExitCode"], before["ContainerID"]) == (False, None, running)
    assert before["ProcessConfig"]["entrypoint"] == "sh"
    assert before["ProcessConfig"]["arguments"] == ["-c", "echo out; echo err >&2; exit 7"]
    with api.upgrade(f"/exec/{exec_id}/start", {"Detach": False, "Tty": False}) as (headers, sock):
        assert headers["content-type"] == "application/vnd.docker.multiplexed-stream"
        frames = FrameReader().feed(read_all(sock))
    assert (STDOUT, b"out\n") in frames
    assert (STDERR, b"err\n") in frames
    after = api.get(f"/exec/{exec_id}/json").json
    assert (after["Running"], after["ExitCode"]) == (False, 7)


def test_input(api, running):
    exec_id = prepare(api, running, "cat", AttachStdin=True)
    with api.upgrade(f"/exec/{exec_id}/start", {}) as (_, sock):
        sock.sendall(b"hello\n")
        sock.shutdown(socket.SHUT_WR)
        assert FrameReader().feed(read_all(sock)) == [(STDOUT, b"hello\n")]
    assert api.get(f"/exec/{exec_id}/json").json["ExitCode"] == 0


def test_environment_user_and_directory(api, running):
    exec_id = prepare(api, running, "sh", "-c", "echo $A $(id -u) $(pwd)", Env=["A=b"], User="5", WorkingDir="/tmp")
    with api.upgrade(f"/exec/{exec_id}/start", {}) as (_, sock):
        assert FrameReader().feed(read_all(sock)) == [(STDOUT, b"b 5 /tmp\n")]


def test_a_terminal(api, running):
    exec_id = prepare(
        api, running, "sh", "-c", "until [ \"$(stty size)\" != '' ]; do sleep 0.05; done; stty size; tty", Tty=True
    )
    with api.upgrade(f"/exec/{exec_id}/start", {"Tty": True, "ConsoleSize": [30, 90]}) as (headers, sock):
        assert headers["content-type"] == "application/vnd.docker.raw-stream"
        shown = read_all(sock)
    assert b"30 90\r\n" in shown
    assert b"/dev/pts/" in shown


def test_detached(api, running):
    exec_id = prepare(api, running, "sh", "-c", "echo x > /tmp/detached; sleep 600")
    assert api.post(f"/exec/{exec_id}/start", {"Detach": True}).status == 200
    assert api.get(f"/exec/{exec_id}/json").json["Running"]
    assert exec_id in api.get(f"/containers/{running}/json").json["ExecIDs"]


def test_a_program_that_is_not_there(api, running):
    exec_id = prepare(api, running, "nosuch")
    with api.upgrade(f"/exec/{exec_id}/start", {}) as (_, sock):
        shown = b"".join(data for _, data in FrameReader().feed(read_all(sock)))
    assert b'exec: "nosuch": executable file not found in $PATH' in shown
    assert api.get(f"/exec/{exec_id}/json").json["ExitCode"] == 127


def test_what_is_refused(api, running, container):
    assert api.post(f"/containers/{running}/exec", {"Cmd": []}).message == "No exec command specified"
    assert api.post(f"/containers/{running}/exec", {"Cmd": 5}).status == 400
    stopped = container("true")
    refused = api.post(f"/containers/{stopped}/exec", {"Cmd": ["true"]})
    assert refused.status == 409
    assert "is not running" in refused.message
    assert api.get("/exec/nosuch/json").message == "No such exec instance: nosuch"
    assert api.post("/exec/nosuch/start", {}).message == "No such exec instance: nosuch"
    assert api.post("/exec/nosuch/resize", h="x", w="1").status == 400


def test_a_process_starts_once(api, running):
    exec_id = prepare(api, running, "true")
    with api.upgrade(f"/exec/{exec_id}/start", {}) as (_, sock):
        read_all(sock)
    assert api.post(f"/exec/{exec_id}/start", {"Detach": True}).status == 409
