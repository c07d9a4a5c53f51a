"""The options of `run` become the request docker's own command sends."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pogu.cli.flags import mounts, pairs, ports
from pogu.cli.flags.body import nano_cpus, swap
from pogu.cli.main import run
from pogu.errors import InvalidArgument
from tests.running import docker_command, docker_is_new


class _Recorder(http.server.BaseHTTPRequestHandler):
    """Answers what the docker command asks before a create, and keeps the create's body."""

    protocol_version = "HTTP/1.1"
    bodies: list[Any] = []

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.partition("?")[0].endswith("/containers/create"):
            self.bodies.append(json.loads(data))
        self._answer(201, b'{"Id": "abc", "Warnings": []}')

    def do_GET(self) -> None:
        self._answer(200, b"{}")

    do_HEAD = do_GET  # noqa: N815 # the name the library calls

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.50")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "local"


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[str]:
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    _Recorder.bodies = []
    path = str(tmp_path / "s")
    with Server(path, _Recorder) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


CASES = [
    "busybox",
    "-it --name n busybox sh -c true",
    "-d busybox",
    "-e A=1 -e B --env-file {env} -l x=y --label-file {env} busybox env",
    "-p 8080:80 -p 127.0.0.1:90-91:90-91/udp -p 7 --expose 5-6/udp -P busybox",
    "-p [::1]:8080:80 -p 8000-8003:80 busybox",
    "-v /a:/b:ro -v named:/c -v /anonymous --tmpfs /t:size=1m --tmpfs /u --volumes-from other:ro busybox",
    "--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rslave --mount target=/v,volume-nocopy busybox",
    "--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 --mount src=v,dst=/d,volume-label=a=b busybox",
    "--mount src=v,dst=/d,volume-opt=c=d,volume-driver=local,volume-subpath=e busybox",
    "-m 64m --memory-swap -1 --memory-reservation 32m --cpus 1.5 --cpuset-cpus 0 -c 512 --pids-limit 9 busybox",
    "--cpu-period 100000 --cpu-quota 5000 --blkio-weight 300 --oom-score-adj -5 --oom-kill-disable busybox",
    "--device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:10 --blkio-weight-device /dev/sda:200 busybox",
    "--device /dev/null --device /dev/zero:/dev/x:r --device-cgroup-rule 'c 1:3 r' --ulimit nofile=5:6 busybox",
    "--cap-add NET_ADMIN --cap-drop all --privileged --security-opt no-new-privileges --read-only busybox",
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined busybox",
    "--health-cmd 'exit 0' --health-interval 1m30s --health-retries 2 --health-timeout 5s busybox",
    "--no-healthcheck --init --rm --stop-signal INT --stop-timeout 3 busybox",
    "--restart on-failure:3 --log-driver local --log-opt max-size=1m --cidfile {cid} busybox",
    "--network none --pid host --ipc shareable --uts host --cgroupns host --userns host busybox",
    "--network n1 --network-alias a --ip 10.0.0.9 --link l:x --mac-address 02:00:00:00:00:01 busybox",
    "--network name=n1,alias=a,ip=10.0.0.9 --network n2 busybox",
    "--dns 1.1.1.1 --dns-search example.org --dns-option ndots:2 --add-host a:10.0.0.1 --add-host b=::1 busybox",
    "-h host --domainname dom -u 1:2 -w /w --entrypoint /bin/e --group-add 5 --runtime runc --shm-size 1g busybox x",
    "--sysctl net.core.somaxconn=99 --storage-opt size=1G --annotation k=v --cgroup-parent /p busybox",
    "-a stdout -a stdin -i busybox cat",
    "--gpus all busybox",
    "--entrypoint= busybox x",
]  # fmt: skip

# Fields that say nothing on Linux, or that are left out where they are zero.
_ZERO = (None, "", 0, False, [], {}, -1)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _clean(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in _ZERO}
    return [_clean(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("line", CASES)
def test_the_same_request_as_docker(line: str, recorder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not docker_is_new():
        pytest.skip("this docker command has other flags than the one that pogu follows")
    (tmp_path / "env").write_text("# a comment\nFROM_FILE=1\nHOME\n")
    monkeypatch.setenv("B", "from outside")
    args = shlex.split(line.format(env=tmp_path / "env", cid=tmp_path / "cid").replace("-d ", ""))
    subprocess.run([docker_command(), "-H", recorder, "create", *args], check=True, capture_output=True)
    (tmp_path / "cid").unlink(missing_ok=True)
    assert run(["-H", recorder, "create", *args]) == 0
    docker, pogu = (_clean(body) for body in _Recorder.bodies)
    if "ConsoleSize" in docker.get("HostConfig", {}):
        del docker["HostConfig"]["ConsoleSize"]
    for body in (docker, pogu):
        for unordered in (body.get("Env", []), body["HostConfig"].get("Binds", [])):
            unordered.sort()  # docker's are in the order of a Go map
    assert pogu == docker


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no port specified"),
        ("a:80", "invalid hostPort: a"),
        ("80:a", "invalid containerPort: a"),
        ("80:80/icmp", "invalid proto: icmp"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("70000", "invalid containerPort: 70000"),
        ("1-3:1-2", "invalid ranges specified"),
    ],
)
def test_wrong_ports(spec: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        ports.publish([spec])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type=bind,src=/a", "target is required"),
        ("type=bind,dst=/a,nope=1", "unexpected key 'nope'"),
        ("type=bind,dst=/a,nope", "must be a key=value pair"),
        ("type=tmpfs,dst=/a,volume-nocopy", "cannot mix 'volume-*' options with mount type 'tmpfs'"),
        ("type=bind,dst=/a,ro=perhaps", "invalid value for ro"),
    ],
)
def test_wrong_mounts(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        mounts.parse_mount(text)


def test_other_values_that_are_wrong() -> None:
    for call in (
        lambda: pairs.ulimits(["nofile"]),
        lambda: pairs.devices(["/dev/a:/b:z"]),
        lambda: pairs.devices(["a:b:c:d"]),
        lambda: pairs.throttles("--x", ["sda:1"], sizes=True),
        lambda: pairs.throttles("--x", ["/dev/sda:x"], sizes=True),
        lambda: pairs.weights(["/dev/sda"]),
        lambda: pairs.restart_policy("on-failure:x"),
        lambda: pairs.environment([], ["=x"]),
        lambda: pairs.environment(["/nowhere"], []),
        lambda: pairs.security_options(["seccomp=/nowhere"]),
        lambda: nano_cpus("many"),
        lambda: nano_cpus("0.00000000001"),
        lambda: ports.expose(["1:2"]),
        lambda: swap("x"),
    ):
        with pytest.raises(InvalidArgument):
            call()
