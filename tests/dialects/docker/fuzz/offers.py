"""What made-up requests say: names of objects that exist, values that mean something, and values that hurt."""

# ruff: noqa: E501  # tables of words read better in long lines
# fmt: off

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

PATIENT = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]  # ends at once when it is told to

HOSTILE_TEXTS = (
    "", " ", "0", "-1", "x", "..", ".", "/", "//", "../../../../etc/passwd", "/etc/passwd", "a/../b", "a/b/c", "-", "--help",
    "$(touch /fuzzed)", "`touch /fuzzed`", "; touch /fuzzed", "| touch /fuzzed", "%s%n", "%00", "%2e%2e%2f", "{}", "[]",
    "\x00", "a\x00b", "a\nb", "a\r\nX-Injected: 1", "\x7f", "\ufeff", "\u202e", "é", "日本語", "🐙", "\U0010ffff", "İ", "ß",
    "null", "true", "NaN", "1e400", "0x10", "+1", "1_000", "９", "-0", "18446744073709551616", "9" * 400, "a" * 300,
    "a" * 70000, "sha256:" + "0" * 64, "sha256:", "@", ":", "a:b:c:d", "a=b=c", "=", ",", ",,", "(((((((((a", "a" * 30 + "!",
    "2024-01-01T00:00:00Z", "1e9", "-1.5", "99999999999999", "10m", "1h0m", "0001-01-01T00:00:00Z", "ctrl-p,ctrl-q", "ctrl-",
    "container:", "container:x", "host", "none", "bridge", "default", "private", "shareable", "/dev/null", "/proc/self/exe",
)
HOSTILE_NUMBERS = (
    0, 1, -1, 2, 7, 64, 255, 256, 1000, 65535, 65536, -65536, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, 2**63,
    -(2**63), 2**64, 10**30, 0.5, -0.0, 1e300, 1.0,
)
SIGNALS = ("SIGKILL", "TERM", "9", "SIGUSR1", "0", "65", "SIGRTMIN+3", "SIGRTMAX", "SIGNOPE", "-9", "sigterm", "HUP", "18")
REFERENCES = (
    "busybox", "busybox:latest", "spare", "spare:1", "nosuch", "nosuch:1", "docker.io/library/busybox", "localhost:5000/a/b:c",
    "UPPER", "a//b", "busybox:", "busybox@sha256:" + "0" * 64, "scratch", "a" * 129, "busybox:" + "t" * 129, "0" * 64, "[::1]/x",
)
PATHS = (
    "/", "/etc", "/etc/passwd", "/data", "/data/x", "/tmp", "/nosuch", "/nosuch/x", "/proc", "/proc/self/root/etc", "/sys",
    "/dev/null", "/../../etc", "etc", "/etc/../..", "/bin/sh", "/bin", "/tmp/", "/tmp/.", "/proc/1/root", "/dev", "/escape",
    "/escape/etc", "/loop", "/proc/self/fd/0",
)
HEADERS = (
    ("Content-Type", "text/plain"), ("Content-Type", ""), ("Content-Type", "application/json; charset=utf-16"),
    ("Content-Type", "multipart/form-data; boundary=x"), ("Content-Type", "APPLICATION/JSON"), ("Accept", "*/*"),
    ("Accept", "text/html"), ("Accept", "application/vnd.docker.multiplexed-stream"), ("Accept-Encoding", "gzip"),
    ("Content-Encoding", "gzip"), ("Expect", "100-continue"), ("Expect", "200-maybe"), ("X-Registry-Auth", "e30="),
    ("X-Registry-Auth", "!!!"), ("X-Registry-Auth", "bnVsbA=="), ("X-Registry-Config", "W10="), ("X-Meta-Foo", "bar"),
    ("Connection", "close"), ("Connection", "keep-alive, Upgrade"), ("Upgrade", "tcp"), ("Upgrade", "h2c"), ("Cookie", "a=b"),
    ("Upgrade", "websocket"), ("Range", "bytes=0-1"), ("If-None-Match", "*"), ("Origin", "http://evil.example"),
    ("User-Agent", "Docker-Client/1.0 (linux)"), ("X-Long", "y" * 7000), ("X-Odd", "\x80\xff"), ("Authorization", "Basic eA=="),
    ("Transfer-Encoding", "identity"), ("Host", "evil.example"), ("Host", ""), ("Date", "yesterday"), ("TE", "trailers"),
)

ENDPOINT = {"IPAMConfig": {"IPv4Address": "10.99.0.9"}}
# What fields mean, by their names; each value is one of the choices. HostConfig's fields are given more of them below.
FIELDS: dict[str, tuple[Any, ...]] = {
    "Image": ("busybox", "busybox", "busybox", "busybox", "spare:1", "nosuch"),
    "Cmd": (PATIENT, PATIENT, ["true"], ["false"], ["nosuch"], ["/etc"], [""], ["sh", "-c", "echo out; echo err >&2"], []),
    "Entrypoint": ([], None, ["sh", "-c"], [""], "true"),
    "Hostname": ("h", "a.b", "-", "h" * 64, "h" * 65, "h_h"),
    "Domainname": ("d", "example.org", ""),
    "User": ("", "root", "0", "0:0", "1000", "1000:1000", "nobody", "nosuch", "4294967295", "-1", "root:nosuch", ":"),
    "Env": (["A=b"], ["A"], ["="], ["PATH="], ["A=\n"], ["LD_PRELOAD=/x"]),
    "WorkingDir": ("/", "/tmp", "/made/here", "relative", "/etc/passwd", "/../..", "/escape/made"),
    "ExposedPorts": ({"80/tcp": {}}, {"80": {}}, {"80-90/udp": {}}, {"0/tcp": {}}, {"99999": {}}, {"x": {}}, {"80/x": None}),
    "Volumes": ({"/data": {}}, {"/": {}}, {"data": {}}, {"/a/../b": {}}, {"/proc": {}}),
    "StopSignal": SIGNALS,
    "StopTimeout": (0, 1, -1, 10**12),
    "Labels": ({"a": "b"}, {"": ""}, {"com.docker.x": "y" * 1000}),
    "MacAddress": ("02:42:ac:11:00:09", "", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "x"),
    "Shell": (["sh", "-c"], []),
    "Test": (["NONE"], ["CMD", "true"], ["CMD-SHELL", "exit 1"], ["BAD"], ["CMD"], []),
    "Interval": (0, 10**6, 10**9, 5, -1),
    "Binds": (["/fuzz/data:/data"], ["volume:/data:ro"], ["volume:/data:z,nocopy"], ["/fuzz/../fuzz/x:/x"], ["volume"],
              ["../x:/x"], ["/fuzz:/"], ["a:b:c:d"], ["/fuzz/x:/x:bad"], ["/fuzz/x:/x:ro,rw"], ["v/x:/x"], ["volume:/a/../.."],
              ["/fuzz/s:/proc/x"], ["/fuzz/s:/x:rshared"], ["volume:/data", "volume:/data"], ["/fuzz/f\x00:/x"]),
    "NetworkMode": ("default", "bridge", "none", "host", "network", "network", "container:running", "container:nosuch", "nosuch"),
    "PidMode": ("", "host", "container:running", "container:stopped", "x"),
    "IpcMode": ("", "host", "private", "shareable", "none", "container:running", "container:stopped"),
    "UTSMode": ("", "host", "x"),
    "UsernsMode": ("", "host", "x"),
    "CgroupnsMode": ("", "private", "host"),
    "CgroupParent": ("",),  # a hostile one would be made beside everybody's
    "PortBindings": ({"80/tcp": [{"HostPort": "0"}]}, {"80/tcp": [{"HostPort": "8080"}]}, {"80/tcp": None}, {"x/tcp": []},
                     {"80/tcp": [{"HostIp": "x", "HostPort": "1"}]}, {"80/tcp": [{"HostPort": "1-99999"}]},
                     {"80/udp": [{"HostIp": "::1", "HostPort": "9999"}]}, {"80/tcp": [{"HostPort": "9000-9001"}]}),
    "RestartPolicy": ({"Name": "no"}, {"Name": "on-failure", "MaximumRetryCount": 2}, {"Name": "always"}, {"Name": "x"},
                      {"Name": "no", "MaximumRetryCount": -1}),
    "VolumesFrom": (["running"], ["stopped:ro"], ["nosuch"], ["running:bad"], [""]),
    "CapAdd": (["NET_ADMIN"], ["ALL"], ["CAP_SYS_ADMIN"], ["NOPE"], ["all", "CAP_CHOWN"]),
    "CapDrop": (["ALL"], ["cap_chown"], ["NOPE"]),
    "Dns": (["10.0.0.1"], ["x"], ["::1"], [""]),
    "DnsOptions": (["ndots:1"], ["a b"]),
    "DnsSearch": (["example.org"], ["."], ["a b"]),
    "ExtraHosts": (["a:1.2.3.4"], ["a:host-gateway"], ["a"], ["a:b:c"], ["a=::1"], ["a:1.2.3.4\nroot:0.0.0.0"]),
    "GroupAdd": (["0"], ["nogroup"], ["nosuch"], ["-1"], ["99999999999"]),
    "Links": (["running:r"], ["nosuch:x"], ["running"], [":"]),
    "SecurityOpt": (["no-new-privileges"], ["seccomp=unconfined"], ["seccomp={}"], ["apparmor=unconfined"], ["label=disable"],
                    ["systempaths=unconfined"], ["x"], ["seccomp=" + json.dumps({"defaultAction": "SCMP_ACT_ALLOW"})],
                    ["seccomp=" + json.dumps({"defaultAction": "NOPE", "syscalls": [{"names": 3}]})], ["seccomp=[1]"]),
    "StorageOpt": ({"size": "10M"}, {"size": "x"}, {"x": "y"}, {}),
    "Tmpfs": ({"/run": ""}, {"/run": "size=1m,mode=700"}, {"/run": "size=x"}, {"relative": ""}, {"/": ""}, {"/x": "exec,,a=b"}),
    "Sysctls": ({"net.ipv4.ip_forward": "1"}, {"kernel.shmmax": "1"}, {"kernel.msgmax": "4096"}, {"kernel.hostname": "x"},
                {"fs.mqueue.msg_max": "10"}, {"net.ipv4.ip_forward": "x"}, {"kernel.panic": "1"}, {"../../x": "1"},
                {"net.ipv4.nosuch": "1"}, {"kernel.sem": "1 2 3 4"}, {"net/ipv4/ip_forward": "1"}, {"kernel.domainname": "d"}),
    "Runtime": ("", "crun", "runc", "nosuch", "/bin/sh", "io.containerd.runc.v2"),
    "Isolation": ("", "default", "hyperv"),
    "MaskedPaths": ([], ["/proc/kcore"], ["x"], ["/nosuch"], [""]),
    "ReadonlyPaths": ([], ["/proc/sys"], ["x"], ["/nosuch"], [""]),
    "CpusetCpus": ("", "0", "0-1", "0-99999", "x", "1-0", ","),
    "CpusetMems": ("", "0", "1", "x"),
    "Memory": (0, 64 << 20, 6 << 20, 1, -1, 1 << 62),
    "MemorySwap": (0, -1, 64 << 20, 128 << 20),
    "MemorySwappiness": (None, -1, 0, 60, 101),
    "MemoryReservation": (0, 32 << 20, 1 << 62),
    "NanoCpus": (0, 10**9, 5 * 10**8, 1, 10**15),
    "CpuPeriod": (0, 100000, 1, 10**9), "CpuQuota": (0, 50000, -1, 1),
    "CpuShares": (0, 2, 1024, 1, 10**9), "PidsLimit": (None, 0, -1, 100, 1, 2**40), "BlkioWeight": (0, 10, 1000, 5000),
    "ShmSize": (0, 1, 64 << 20, 2**62), "OomScoreAdj": (0, 500, -1000, 1000), "ConsoleSize": ([24, 80], [0, 0], [1], [-1, 99999]),
    "BlkioDeviceReadBps": ([{"Path": "/dev/null", "Rate": 1000}], [{"Path": "/nosuch", "Rate": 1}], [{"Path": "/etc", "Rate": -1}]),
    "BlkioWeightDevice": ([{"Path": "/dev/null", "Weight": 100}], [{"Path": "x", "Weight": 99999}]),
    "Devices": ([{"PathOnHost": "/dev/null", "PathInContainer": "/dev/n", "CgroupPermissions": "rwm"}],
                [{"PathOnHost": "/dev/nosuch", "PathInContainer": "/dev/n"}], [{"PathOnHost": "/etc/passwd"}],
                [{"PathOnHost": "/dev/null", "PathInContainer": "../../x", "CgroupPermissions": "z"}]),
    "DeviceCgroupRules": (["c 1:3 mr"], ["a *:* rwm"], ["x"]),
    "DeviceRequests": ([], [{"Driver": "nvidia", "Count": -1}], [{"Capabilities": [["gpu"]]}]),
    "Ulimits": ([{"Name": "nofile", "Soft": 100, "Hard": 200}], [{"Name": "nofile", "Soft": 200, "Hard": 100}],
                [{"Name": "nosuch", "Soft": 1, "Hard": 1}], [{"Name": "core", "Soft": -1, "Hard": -1}],
                [{"Name": "nofile", "Soft": 2**62, "Hard": 2**62}]),
    "Mounts": ([{"Type": "volume", "Source": "volume", "Target": "/data"}], [{"Type": "bind", "Source": "/fuzz/no", "Target": "/x"}],
               [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 4096, "Mode": 0o700}}], [{"Type": "x", "Target": "/x"}],
               [{"Type": "volume", "Target": "/data", "VolumeOptions": {"Subpath": "../.."}}], [{"Type": "tmpfs", "Target": "/"}],
               [{"Type": "volume", "Source": "volume", "Target": "/d", "VolumeOptions": {"Subpath": "nosuch/a"}}],
               [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": "x", "Mode": -1, "Options": 7}}],
               [{"Type": "bind", "Source": "/fuzz", "Target": "/x", "BindOptions": {"Propagation": "bad", "CreateMountpoint": 3}}],
               [{"Type": "volume", "Target": "/d", "VolumeOptions": {"DriverConfig": {"Name": "nosuch"}}}],
               [{"Type": "volume", "Target": "/d", "VolumeOptions": {"DriverConfig": 1, "Labels": []}}],
               [{"Type": "image", "Source": "busybox", "Target": "/i"}], [{"Type": "npipe", "Source": "x", "Target": "/x"}],
               [{"Type": "bind", "Source": "/fuzz", "Target": "/x", "BindOptions": {"CreateMountpoint": True}}]),
    "LogConfig": ({"Type": "json-file"}, {"Type": "none"}, {"Type": "nosuch"}, {"Type": "json-file", "Config": {"max-size": "x"}},
                  {"Type": "local", "Config": {"max-file": "0"}}),
    "EndpointsConfig": ({"network": {}}, {"network": ENDPOINT}, {"bridge": {"Aliases": ["a"]}}, {"nosuch": {}}, {"network": None},
                        {"network": {"MacAddress": "x"}}, {"network": {"IPAMConfig": {"IPv4Address": "x"}}}, {"": {}},
                        {"network": {"Links": ["running:x"], "DriverOpts": {"a": "b"}, "GwPriority": 9}}),
    "EndpointConfig": ({}, ENDPOINT, {"IPAMConfig": {"IPv6Address": "::1"}}, {"Aliases": ["a b", ""]}, {"MacAddress": "02:42:ac:1:0:2"}),
    "Driver": ("", "bridge", "local", "host", "null", "nosuch", "macvlan"),
    "Container": ("running", "stopped", "nosuch"),
    "Config": ([{"Subnet": "10.98.0.0/24"}], [{"Subnet": "10.98.0.0/24", "Gateway": "10.98.0.1"}], [{"Subnet": "x"}], [{}],
               [{"Subnet": "10.98.0.0/24", "IPRange": "10.97.0.0/25"}], [{"Subnet": "0.0.0.0/0"}], [{"Subnet": "10.98.0.1/32"}],
               [{"Subnet": "fd00:98::/64"}], [{"Subnet": "10.98.0.0/24", "AuxiliaryAddresses": {"a": "x"}}],
               [{"Subnet": "224.0.0.0/4"}], [{"Subnet": "127.0.0.0/8"}], [{"Gateway": "10.98.0.1"}], []),
    "Options": ({}, {"com.docker.network.bridge.name": "fuzzbr0"}, {"com.docker.network.bridge.name": "../x"},
                {"com.docker.network.bridge.name": "lo"}, {"com.docker.network.driver.mtu": "x"}, {"a": "b"},
                {"com.docker.network.bridge.name": "a" * 16}, {"com.docker.network.driver.mtu": "99999999"}),
    "DriverOpts": ({}, {"type": "tmpfs", "device": "tmpfs"}, {"type": "none", "o": "bind", "device": "/fuzz"}, {"x": "y"},
                   {"type": "nosuch", "device": "x"}, {"o": "a,b"}, {"type": "tmpfs", "device": "tmpfs", "o": "size=x"}),
    "Name": ("n0", "n1", "volume", "network", "running", "a b", "../x", "", "-x", "x/y"),
    "username": ("u",), "serveraddress": ("https://x", "x"),
}
QUERIES: dict[str, tuple[Any, ...]] = {
    "name": ("made", "made2", "running", "/x", "a", "a b"),
    "signal": SIGNALS,
    "t": (0, 1, 2, -1, "", "x", "1.5", 2**63),
    "limit": (0, 1, -1, "x", 10**20),
    "h": (24, 0, -1, 65536, 2**32, "x"),
    "w": (80, 0, -1, 65536, 2**32, "x"),
    "since": (0, 1, "1.5", "x", "-1", 10**18, "2024-01-01T00:00:00Z", "1." + "9" * 30),
    "until": (0, 1, "1.5", "x", "-1", 10**18, "10m"),
    "tail": ("all", 0, 1, "-1", "x", "9" * 30),
    "path": PATHS,
    "ps_args": ("-ef", "aux", "-o pid", "-o", "x", "-o pid,cmd", "--sort=pid", "$(touch /fuzzed)", "-ef\x00"),
    "condition": ("not-running", "next-exit", "removed", "x", ""),
    "platform": ("linux/amd64", "linux", "windows/amd64", "x/y/z/w", '{"os":"linux","architecture":"amd64"}', "{", "[]", "7"),
    "repo": ("spare", "made/image", "UPPER", "a//b", "", "busybox@sha256:" + "0" * 64),
    "tag": ("1", "latest", "", "a b", "t" * 129, "sha256:" + "0" * 64),
    "fromImage": REFERENCES,
    "fromSrc": ("-", "-", "http://127.0.0.1:1/x", "file:///etc/passwd", "/etc/passwd", "x"),
    "changes": ("CMD echo", 'CMD ["a"', "ENV a=b", "ENV", "EXPOSE x", "VOLUME /x", "USER x", "FROM x", "LABEL", "ONBUILD RUN x",
                "HEALTHCHECK --interval=x CMD y", "STOPSIGNAL x", "WORKDIR ..", "ENTRYPOINT x", "", "RUN x"),
    "container": ("running", "stopped", "nosuch"),
    "names": REFERENCES,
    "type": ("container", "image", "volume", "build-cache", "x"),
    "detachKeys": ("ctrl-p,ctrl-q", "a", "ctrl-", "ctrl-@,x", ""),
    "verbose": ("true", "x", "1"),
    "scope": ("local", "swarm", "x"),
    "term": ("busybox", ""),
}
FILTER_VALUES = (
    "running", "stopped", "volume", "network", "busybox", "true", "false", "0", "1", "x", "", "a=b", "label", "exited", "10m", "healthy",
    "2024-01-01T00:00:00Z", "(", "(a+)+$", "[", "*", "bridge", "local", "custom", "builtin", "8080/tcp", "8080", "80-90/udp", "-1",
    "none", "container", "\x00", "reference", "scope", "a" * 5000, "1h", "nosuch", "sha256:", "99999999999999999999",
)
FILTER_KEYS = (
    "id name label label! status exited ancestor before since volume network health publish expose is-task isolation dangling "
    "reference driver scope type until event image container daemon plugin x"
).split()


# fmt: on


@dataclass
class Offers:
    """The names of objects that exist now, by the first word of a path."""

    names: dict[str, list[str]] = field(default_factory=dict)
    archives: list[bytes] = field(default_factory=list)

    def name(self, rng: random.Random, kind: str) -> str:
        """Return a name of an object of that kind: whole, by its beginning, or as older clients wrote it."""
        name = rng.choice(self.names.get(kind) or ["x"])
        way = rng.random()
        if way < 0.1 and len(name) == 64:
            return name[: rng.choice((1, 4, 12, 63))]
        if way < 0.15:
            return f"/{name}"
        return name
