"""The process: TLS, signals, metrics, the audit log, the page, `collect`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme

from tests.registry.access.test_basic import hashed
from tests.registry.client import Client, digest
from tests.registry.serving import process, serving
from tests.running import POGU


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[trustme.CA, Path, Path, Path]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    return authority, cert, key, ca


class TestTls:
    def test_push_and_pull(self, certificate: tuple[trustme.CA, Path, Path, Path], name: str) -> None:
        _, cert, key, ca = certificate
        with process("--tls-cert", str(cert), "--tls-key", str(key), "--absolute-urls") as registry:
            assert registry.url.startswith("https://")
            with Client(registry.url, verify=str(ca)) as client:
                assert client.begin(name).startswith(registry.url)
                large = os.urandom(3_000_000)
                client.push_image(name, "v1", large)
                assert client.get(f"/v2/{name}/blobs/{digest(large)}").content == large

    def test_clients_need_a_certificate_when_that_is_asked(
        self, certificate: tuple[trustme.CA, Path, Path, Path], tmp_path: Path
    ) -> None:
        authority, cert, key, ca = certificate
        mine = tmp_path / "client.pem"
        authority.issue_cert("me").private_key_and_cert_chain_pem.write_to_path(mine)
        flags = ["--tls-cert", str(cert), "--tls-key", str(key), "--tls-client-ca", str(ca)]
        with process(*flags) as registry, Client(registry.url, verify=str(ca)) as client:
            with pytest.raises(requests.RequestException):
                client.get("/v2/")
            assert client.request("GET", "/v2/", cert=str(mine)).status_code == 200

    def test_a_renewed_certificate_is_read_at_sighup(
        self, certificate: tuple[trustme.CA, Path, Path, Path], tmp_path: Path
    ) -> None:
        _, cert, key, ca = certificate
        with process("--tls-cert", str(cert), "--tls-key", str(key)) as registry:
            with Client(registry.url, verify=str(ca)) as client:
                assert client.get("/v2/").status_code == 200
            other = trustme.CA()
            issued = other.issue_cert("127.0.0.1")
            issued.private_key_and_cert_chain_pem.write_to_path(cert)
            issued.private_key_pem.write_to_path(key)
            other.cert_pem.write_to_path(tmp_path / "other.pem")
            registry.hang_up()
            for _ in range(100):
                with Client(registry.url, verify=str(tmp_path / "other.pem")) as client:
                    try:
                        assert client.get("/v2/").status_code == 200
                        break
                    except requests.RequestException:
                        continue
            else:
                raise AssertionError("the new certificate was not read")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--listen", "0.0.0.0:0"], "--insecure"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "/x"], "go together"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "/x", "--tls-key", "/y"], "could not load"),
        (["--listen", "127.0.0.1:0", "--htpasswd", "/nothing"], "cannot read the password file"),
        (["--listen", "127.0.0.1:0", "--token-server"], "--htpasswd"),
        (["--listen", "127.0.0.1:0", "--config", "/nothing"], "cannot read /nothing"),
        (["--listen", "nonsense"], "not an address"),
        (["--storage", "ftp://x"], "neither a directory"),
        (["--collect-grace", "soon"], "not a time"),
    ],
)
def test_what_cannot_start_says_why(tmp_path: Path, flags: list[str], words: str) -> None:
    argv = [POGU, "registry", "serve", "--root", tmp_path / "root", *flags]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_it_stops_at_sigterm_and_a_second_one_cannot_start_beside_it(tmp_path: Path) -> None:
    with process() as registry:
        done = subprocess.run(
            [POGU, "registry", "serve", "--root", registry.root, "--listen", "127.0.0.1:0"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1 and "another registry serves" in done.stderr
        assert registry.stop() == 0


def test_collect_once(name: str) -> None:
    with process("--collect-grace", "0") as registry:
        with Client(registry.url) as client:
            client.push_image(name, "v1", b"layer")
            lonely = client.push_blob(name, b"never used")
        registry.stop()
        done = subprocess.run(
            [POGU, "registry", "collect", "--root", registry.root, "--collect-grace", "0"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert "1 links, 1 blobs (10 bytes)" in done.stdout
        registry.start()
        with Client(registry.url) as client:
            assert client.head(f"/v2/{name}/blobs/{lonely}").status_code == 404
            assert client.head(f"/v2/{name}/manifests/v1").status_code == 200


def test_house_keeping_runs_by_itself(name: str) -> None:
    with process("--collect-grace", "0", "--collect-every", "1s") as registry, Client(registry.url) as client:
        lonely = client.push_blob(name, b"never used")
        for _ in range(3000):
            if client.head(f"/v2/{name}/blobs/{lonely}").status_code == 404:
                break
        else:
            raise AssertionError("nothing was collected")


def test_content_on_another_file_system_than_the_root(tmp_path: Path, name: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path], check=True)
    try:
        with serving(storage=str(tmp_path / "content")) as client:
            client.push_image(name, "v1", b"layer")
            assert client.get(f"/v2/{name}/blobs/{digest(b'layer')}").content == b"layer"
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_local_socket(tmp_path: Path) -> None:
    path = tmp_path / "registry.sock"
    with process("--listen", f"unix://{path}"):
        done = subprocess.run(
            ["curl", "-fsS", "--unix-socket", path, "http://registry/v2/"], capture_output=True, check=True
        )
        assert done.stdout == b"{}"


class TestAuditLog:
    def test_a_line_for_each_request(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "htpasswd").write_text(f"alice:{hashed('alice-secret')}\n")
        log = tmp_path / "audit.log"
        with serving(htpasswd=str(tmp_path / "htpasswd"), audit_log=str(log)) as client:
            with Client(client.url, ("alice", "alice-secret")) as alice:
                pushed = alice.push_image(name, "v1", b"layer")
            client.get(f"/v2/{name}/manifests/v1", X_Forwarded_For="203.0.113.9")
            log.rename(tmp_path / "audit.log.1")
        lines = [json.loads(line) for line in (tmp_path / "audit.log.1").read_text().splitlines()]
        put = next(line for line in lines if line["method"] == "PUT" and line["endpoint"] == "manifest")
        assert put["user"] == "alice" and put["repository"] == name and put["status"] == 201
        assert put["digest"] == pushed and put["reference"] == "v1" and put["client"] == "127.0.0.1"
        assert lines[-1]["status"] == 401 and lines[-1]["user"] == "" and lines[-1]["client"] == "203.0.113.9"

    def test_lines_cannot_be_forged(self, tmp_path: Path) -> None:
        log = tmp_path / "audit.log"
        with serving(audit_log=str(log)) as client:
            client.get("/v2/a%0a%7b%7d/tags/list", User_Agent='x"}\\')
        lines = log.read_text().splitlines()
        assert len(lines) == 1 and json.loads(lines[0])["agent"] == 'x"}\\'


def test_metrics(name: str) -> None:
    with serving(quota=[{"repository": "**", "size": "1MB"}]) as client:
        client.push_image(name, "v1", b"layer")
        client.get(f"/v2/{name}/blobs/{digest(b'layer')}")
        text = client.registry.run(client.registry.registry.metrics.page()).body.decode()
    assert 'pogu_registry_requests_total{endpoint="manifest",method="PUT",status="201"} 1.0' in text
    assert 'pogu_registry_sent_bytes_total{kind="blob"} 5.0' in text
    assert "pogu_registry_uploads 0.0" in text and 'pogu_registry_quota_bytes{quota="**"} 1e+06' in text


def test_metrics_are_served_on_an_address_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    with process("--metrics", f"unix://{path}"):
        done = subprocess.run(
            ["curl", "-fsS", "--unix-socket", path, "http://x/metrics"], capture_output=True, check=True
        )
        assert b"pogu_registry_requests" in done.stdout


class TestPage:
    @pytest.fixture
    def shown(self, name: str) -> Iterator[Client]:
        with serving() as client:
            yield client

    def test_repositories_tags_layers_and_sizes(self, shown: Client, name: str) -> None:
        assert "Nothing has been pushed yet" in shown.get("/").text
        pushed = shown.push_image(name, "v1", b"x" * 1_200_000, b"small")
        assert f'<a href="/repositories/{name}">{name}</a>' in shown.get("/").text
        repository = shown.get(f"/repositories/{name}").text
        assert f'href="/repositories/{name}:v1"' in repository and "1.2 MB" in repository
        for reference in (":v1", f"@{pushed}"):
            image = shown.get(f"/repositories/{name}{reference}").text
            assert pushed in image and digest(b"small") in image and "1.2 MB" in image and "5 B" in image

    def test_everything_is_escaped(self, shown: Client, name: str) -> None:
        evil = '"><script>alert(1)</script>'
        layer = {"mediaType": f"application/{evil}", "digest": digest(b"x"), "size": 1}
        shown.push_blob(name, b"x")
        manifest = json.dumps({"schemaVersion": 2, "config": layer, "layers": [layer], "artifactType": evil})
        shown.push_manifest(name, "v1", manifest.encode())
        answer = shown.get(f"/repositories/{name}:v1")
        assert answer.status_code == 200 and "<script" not in answer.text and "&lt;script&gt;" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for path in ("/repositories/<script>", "/<script>", f"/repositories/{name}:<script>", "/repositories/a%0ab"):
            answer = shown.get(path)
            assert answer.status_code in (400, 404) and answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Type"] == "application/json" or "<script" not in answer.text

    def test_behind_a_prefix_the_links_have_it(self, shown: Client, name: str) -> None:
        shown.push_image(name, "v1", b"layer")
        assert f'href="/hub/repositories/{name}"' in shown.get("/", X_Forwarded_Prefix="/hub").text

    def test_an_index_that_names_itself_many_times_costs_little(self, shown: Client, name: str) -> None:
        from tests.registry.client import described, index

        image = shown.image(name, b"layer")
        shown.push_manifest(name, digest(image), image)
        current, kind = image, "application/vnd.oci.image.manifest.v1+json"
        for _ in range(40):
            twice = [described(current, kind), described(current, kind)]
            current = index().replace(b'"manifests": []', b'"manifests": ' + json.dumps(twice).encode())
            kind = "application/vnd.oci.image.index.v1+json"
            shown.push_manifest(name, digest(current), current, kind)
        shown.push_manifest(name, "deep", current, kind)
        assert shown.get(f"/repositories/{name}").status_code == 200

    def test_it_can_be_switched_off(self, name: str) -> None:
        with serving(page=False) as client:
            assert client.get("/").status_code == 404
            assert client.get("/healthz").content == b"ok\n"


def test_upload_addresses_through_a_proxy(client: Client, name: str) -> None:
    path = f"/v2/{name}/blobs/uploads/"
    plain = client.post(path).headers["Location"]
    assert plain.startswith(f"/v2/{name}/blobs/uploads/")
    behind = client.request("POST", path, headers={"X-Forwarded-Prefix": "/hub"}).headers["Location"]
    assert behind.startswith(f"/hub/v2/{name}/blobs/uploads/")
    with serving(absolute_urls=True) as whole:
        fields = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "hub.example"}
        told = whole.request("POST", path, headers=fields).headers["Location"]
        assert told.startswith(f"https://hub.example/v2/{name}/")
    with serving(external_url="https://fixed.example/x") as fixed:
        assert fixed.post(path).headers["Location"].startswith(f"https://fixed.example/x/v2/{name}/")
