"""A registry as one is on the net: TLS of an own authority, and a user; and Debian's tools that are logged in to it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.registry.access.test_basic import hashed
from tests.registry.client import Client
from tests.registry.serving import process
from tests.registry_peers import unpacked

USER, PASSWORD = "alice", "alice-secret"
PACKAGES = (
    "golang-github-containers-common", "libdevmapper1.02.1", "libgpgme11", "libassuan0", "libgpg-error0"
)  # fmt: skip


@dataclass(frozen=True)
class Guarded:
    """`host` is what images on it are named after; `ca` its authority's certificate, alone in its directory."""

    host: str
    client: Client
    ca: Path
    home: Path
    tokens: bool


@contextlib.contextmanager
def guarded_registry(home: Path, *flags: str) -> Iterator[Guarded]:
    """Serve with TLS and the user `USER`; more flags may be `--token-server`."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key, ca = home / "cert.pem", home / "key.pem", home / "certs" / "ca.crt"
    ca.parent.mkdir()
    issued.private_key_and_cert_chain_pem.write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    (home / "htpasswd").write_text(f"{USER}:{hashed(PASSWORD)}\n")
    given = ["--tls-cert", str(cert), "--tls-key", str(key), "--htpasswd", str(home / "htpasswd"), *flags]
    with process(*given) as registry, Client(registry.url, (USER, PASSWORD), str(ca)) as client:
        yield Guarded(registry.url.removeprefix("https://"), client, ca, home, "--token-server" in flags)


@dataclass(frozen=True)
class Tool:
    """A program of a Debian package that nobody has installed, with directories of its own for all it keeps."""

    name: str
    home: Path
    flags: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, input: str | None = None) -> str:
        """Run it with some arguments and return what it said; it fails the test if it fails."""
        debian = unpacked(self.name, *PACKAGES, *self.packages)
        libraries = ":".join(str(debian / folder) for folder in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))
        # what it would leave in places that all programs share goes away with its mount namespace
        own = 'mount -t tmpfs none /dev/shm && mount -t tmpfs none /run && exec "$0" "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", own, debian / "usr/bin" / self.name, *self.flags, *arguments],
            env={**os.environ, "LD_LIBRARY_PATH": libraries, "HOME": str(self.home), **self.environment},
            input=input, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def container_tool(name: str, home: Path) -> Tool:
    """podman or buildah, keeping images in plain directories below `home`."""
    home.mkdir(exist_ok=True)
    policy = home / ".config/containers/policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    settings = home / "containers.conf"
    settings.write_text('[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
    flags = ("--root", str(home / "root"), "--runroot", "/run/containers", "--storage-driver", "vfs")
    packages = ("golang-github-containers-image", "libsubid4", "netavark", "crun")
    login = {"REGISTRY_AUTH_FILE": str(home / "auth.json"), "CONTAINERS_CONF": str(settings)}
    return Tool(name, home, flags, packages, login)
