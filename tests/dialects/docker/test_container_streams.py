"""Attach, logs, wait and stats over the API."""

import base64
import os
import re
import socket
import threading

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request, TextMessage

from pogu.dialects.docker.frames import STDERR, STDOUT, FrameReader

from .http_client import read_all

BOTH = {"stream": "1", "stdout": "1", "stderr": "1"}


def joined(frames, stream):
    return b"".join(data for number, data in frames if number == stream)


def test_attach_before_start_misses_nothing(api, container):
    id_ = container("sh", "-c", "echo out; echo err >&2")
    with api.upgrade(f"/containers/{id_}/attach", **BOTH) as (headers, sock):
        assert headers["content-type"] == "application/vnd.docker.multiplexed-stream"
        assert headers["upgrade"] == "tcp"
        api.post(f"/containers/{id_}/start")
        frames = FrameReader().feed(read_all(sock))
    assert joined(frames, STDOUT) == b"out\n"
    assert joined(frames, STDERR) == b"err\n"


def test_only_the_wanted_stream_comes(api, container):
    id_ = container("sh", "-c", "echo out; echo err >&2")
    with api.upgrade(f"/containers/{id_}/attach", stream="1", stderr="1") as (_, sock):
        api.post(f"/containers/{id_}/start")
        assert FrameReader().feed(read_all(sock)) == [(STDERR, b"err\n")]


def test_before_1_42_the_stream_is_called_raw(api, container):
    id_ = container("true")
    with api.at("1.41").upgrade(f"/containers/{id_}/attach", **BOTH) as (headers, sock):
        assert headers["content-type"] == "application/vnd.docker.raw-stream"
        api.post(f"/containers/{id_}/start")
        read_all(sock)


def test_input_reaches_the_container_and_its_end_too(api, container):
    id_ = container("cat", OpenStdin=True, StdinOnce=True)
    with api.upgrade(f"/containers/{id_}/attach", stdin="1", **BOTH) as (_, sock):
        api.post(f"/containers/{id_}/start")
        sock.sendall(b"hello\n" * 1000)
        sock.shutdown(socket.SHUT_WR)
        assert joined(FrameReader().feed(read_all(sock)), STDOUT) == b"hello\n" * 1000
    assert api.post(f"/containers/{id_}/wait").json["StatusCode"] == 0


def test_a_terminal_is_raw_and_lets_go_at_its_keys(api, container):
    id_ = container("sh", Tty=True, OpenStdin=True)
    with api.upgrade(f"/containers/{id_}/attach", stdin="1", detachKeys="ctrl-a,x", **BOTH) as (headers, sock):
        assert headers["content-type"] == "application/vnd.docker.raw-stream"
        api.post(f"/containers/{id_}/start")
        assert api.post(f"/containers/{id_}/resize", h="33", w="77").status == 200
        sock.sendall(b"stty size\n")
        seen = b""
        while b"33 77" not in seen:
            piece = sock.recv(4096)
            assert piece, seen
            seen += piece
        sock.sendall(b"\x01x")
        read_all(sock)
    assert api.get(f"/containers/{id_}/json").json["State"]["Running"]


def test_bad_detach_keys_are_refused(api, container):
    id_ = container("true")
    assert api.post(f"/containers/{id_}/attach", detachKeys="ctrl-1", **BOTH).status == 400


def test_attach_with_logs_gives_the_past(api, container):
    id_ = container("echo", "before")
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    answer = api.call("POST", f"/containers/{id_}/attach", logs="1", stdout="1")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/vnd.docker.raw-stream"
    assert answer.frames == [(STDOUT, b"before\n")]


class Socket:
    """A WebSocket client."""

    def __init__(self, api, target):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(api.path))
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.sock.sendall(self.protocol.send(Request(host="x", target=target)))
        self.pending = []
        assert isinstance(self.next(), AcceptConnection)

    def next(self):
        while not self.pending:
            data = self.sock.recv(65536)
            self.protocol.receive_data(data or None)
            self.pending = list(self.protocol.events())
        return self.pending.pop(0)

    def send(self, data):
        self.sock.sendall(self.protocol.send(BytesMessage(data=data)))


def test_attach_by_websocket(api, container):
    id_ = container("cat", OpenStdin=True)
    api.post(f"/containers/{id_}/start")
    target = f"/v1.50/containers/{id_}/attach/ws?stream=1&stdin=1&stdout=1"
    client = Socket(api, target)
    client.send(b"hello")
    message = client.next()
    assert isinstance(message, BytesMessage)
    assert bytes(message.data) == b"hello"
    api.post(f"/containers/{id_}/kill")
    assert isinstance(client.next(), CloseConnection)
    client.sock.close()


def test_before_1_28_websockets_carry_text(api, container):
    id_ = container("cat", OpenStdin=True)
    api.post(f"/containers/{id_}/start")
    client = Socket(api, f"/v1.27/containers/{id_}/attach/ws?stream=1")
    client.send(b"hello")
    assert isinstance(client.next(), TextMessage)
    client.sock.close()


@pytest.fixture
def printed(api, container):
    id_ = container(
        "sh",
        "-c",
        "for i in 1 2 3; do echo out$i; done; echo err >&2",
        Labels={"a": "b"},
        HostConfig={"LogConfig": {"Type": "json-file", "Config": {"labels": "a"}}},
    )
    api.post(f"/containers/{id_}/start")
    api.post(f"/containers/{id_}/wait")
    return id_


def test_logs(api, printed):
    answer = api.get(f"/containers/{printed}/logs", stdout="1", stderr="1")
    assert answer.headers["Content-Type"] == "application/vnd.docker.multiplexed-stream"
    assert joined(answer.frames, STDOUT) == b"out1\nout2\nout3\n"
    assert joined(answer.frames, STDERR) == b"err\n"
    assert api.get(f"/containers/{printed}/logs", stderr="1").frames == [(STDERR, b"err\n")]
    assert joined(api.get(f"/containers/{printed}/logs", stdout="1", tail="1").frames, STDOUT) in (b"out3\n", b"")
    assert joined(api.get(f"/containers/{printed}/logs", stdout="1", tail="all").frames, STDOUT).count(b"\n") == 3
    old = api.at("1.41").get(f"/containers/{printed}/logs", stdout="1")
    assert old.headers["Content-Type"] == "application/vnd.docker.raw-stream"


def test_logs_with_times_and_details(api, printed):
    stamped = joined(api.get(f"/containers/{printed}/logs", stdout="1", timestamps="1").frames, STDOUT).decode()
    assert re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out\d\n){3}", stamped)
    detailed = joined(api.get(f"/containers/{printed}/logs", stdout="1", details="1").frames, STDOUT)
    assert detailed.startswith(b"a=b out1\n")
    finished = api.get(f"/containers/{printed}/json").json["State"]["FinishedAt"]
    late = api.get(f"/containers/{printed}/logs", stdout="1", since=finished)
    assert joined(late.frames, STDOUT) == b""


def test_logs_need_a_stream_and_good_times(api, printed):
    assert api.get(f"/containers/{printed}/logs").status == 400
    assert api.get(f"/containers/{printed}/logs", stdout="1", since="x").status == 400


def test_followed_logs_end_with_the_container(api, container):
    id_ = container("cat", OpenStdin=True, StdinOnce=True)
    with api.upgrade(f"/containers/{id_}/attach", stdin="1", stream="1") as (_, sock):
        api.post(f"/containers/{id_}/start")
        with api.stream("GET", f"/containers/{id_}/logs", follow="1", stdout="1") as answer:
            sock.sendall(b"one\n")
            assert answer.read(12) == b"\x01\0\0\0\0\0\0\x04one\n"
            sock.shutdown(socket.SHUT_WR)
            assert answer.read() == b""


def test_the_answer_to_wait_begins_at_once(api, container):
    id_ = container("true")
    with api.stream("POST", f"/containers/{id_}/wait", condition="next-exit") as answer:
        assert answer.status == 200  # the header is here, and the container has not even started
        api.post(f"/containers/{id_}/start")
        assert b'"StatusCode":0' in answer.read()


def test_wait_until_removed(api, container):
    id_ = container("sh", "-c", "exit 3", HostConfig={"AutoRemove": True})
    with api.stream("POST", f"/containers/{id_}/wait", condition="removed") as answer:
        api.post(f"/containers/{id_}/start")
        assert b'"StatusCode":3' in answer.read()
    assert api.get(f"/containers/{id_}/json").status == 404


def test_wait_conditions(api, container):
    id_ = container("true")
    assert api.post(f"/containers/{id_}/wait", condition="x").message == 'invalid condition: "x"'
    assert api.at("1.29").post(f"/containers/{id_}/wait", condition="x").json["StatusCode"] == 0


def test_stats(api, container):
    id_ = container("sleep", "600", name=f"s{base64.b16encode(os.urandom(4)).decode().lower()}")
    api.post(f"/containers/{id_}/start")
    sample = api.get(f"/containers/{id_}/stats", **{"stream": "false", "one-shot": "1"}).json
    assert sample["id"] == id_
    assert sample["memory_stats"]["usage"] > 0
    assert sample["memory_stats"]["limit"] > 0
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert sample["cpu_stats"]["system_cpu_usage"] > 0
    assert sample["pids_stats"]["current"] == 1
    assert sample["networks"]["eth0"]["rx_bytes"] >= 0
    pair = api.get(f"/containers/{id_}/stats", stream="false").json
    assert pair["cpu_stats"]["system_cpu_usage"] > pair["precpu_stats"]["system_cpu_usage"] > 0
    with api.stream("GET", f"/containers/{id_}/stats") as answer:
        assert id_ in answer.readline().decode()
        assert id_ in answer.readline().decode()


def test_many_followers_get_the_same(api, container):
    id_ = container("sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line$i; i=$((i+1)); done")
    results = []

    def follow():
        with api.upgrade(f"/containers/{id_}/attach", stream="1", stdout="1") as (_, sock):
            ready.release()
            results.append(joined(FrameReader().feed(read_all(sock)), STDOUT))

    ready = threading.Semaphore(0)
    threads = [threading.Thread(target=follow) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    api.post(f"/containers/{id_}/start")
    for thread in threads:
        thread.join(60)
    assert results == [b"".join(b"line%d\n" % i for i in range(2000))] * 5
