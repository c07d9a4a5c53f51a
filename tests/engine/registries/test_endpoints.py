from pathlib import Path

import pytest

from pogu.engine.registries.endpoints import Places, split_port
from pogu.errors import InvalidArgument


def _urls(places: Places, domain: str, push: bool = False) -> list[tuple[str, bool]]:
    return [(e.url, e.verify) for e in places.endpoints(domain, push)]


def test_docker_hub_and_its_mirrors() -> None:
    places = Places(mirrors=["https://one.example/", "http://two.example:5000/path"])
    hub = ("https://registry-1.docker.io", True)
    assert _urls(places, "docker.io") == [("https://one.example", True), ("http://two.example:5000/path", False), hub]
    assert _urls(places, "docker.io", push=True) == [hub]
    assert [e.mirror for e in places.endpoints("docker.io")] == [True, True, False]


def test_another_registry_has_no_mirrors_there() -> None:
    assert _urls(Places(mirrors=["https://one.example/"]), "r.example:5000") == [("https://r.example:5000", True)]


@pytest.mark.parametrize(
    "domain", ["localhost:5000", "127.0.0.1", "127.3.4.5:80", "[::1]:5000", "r.example", "10.1.2.3:5"]
)
def test_insecure_ones_are_tried_with_any_certificate_and_then_plainly(domain: str) -> None:
    places = Places(insecure=["r.example", "10.0.0.0/8"])
    assert _urls(places, domain) == [(f"https://{domain}", False), (f"http://{domain}", False)]


def test_a_port_is_part_of_the_name_of_an_insecure_registry() -> None:
    assert _urls(Places(insecure=["192.0.2.1:5000"]), "192.0.2.1:5001") == [("https://192.0.2.1:5001", True)]


HOSTS = """
server = "https://upstream.example"
[host."https://mirror.example:5000/v2"]
capabilities = ["pull", "resolve"]
ca = "ca.crt"
client = [["c.cert", "c.key"]]
[host."http://plain.example"]
[host."https://any.example"]
skip_verify = true
capabilities = ["push"]
"""


def test_mirrors_of_any_registry(tmp_path: Path) -> None:
    folder = tmp_path / "r.example"
    folder.mkdir()
    (folder / "hosts.toml").write_text(HOSTS)
    places = Places(directories=[tmp_path])
    first, *_ = places.endpoints("r.example")
    assert first.files.authorities == (folder / "ca.crt",)
    assert first.files.pairs == ((folder / "c.cert", folder / "c.key"),)
    upstream = ("https://upstream.example", True)
    assert _urls(places, "r.example") == [
        ("https://mirror.example:5000", True),
        ("http://plain.example", False),
        upstream,
    ]
    assert _urls(places, "r.example", push=True) == [
        ("http://plain.example", False),
        ("https://any.example", False),
        upstream,
    ]


@pytest.mark.parametrize("text", ["not toml", '[host."ftp://x"]'])
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.example").mkdir()
    (tmp_path / "r.example/hosts.toml").write_text(text)
    with pytest.raises(InvalidArgument, match=r"hosts\.toml"):
        Places(directories=[tmp_path]).endpoints("r.example")


def test_certificates(tmp_path: Path) -> None:
    folder = tmp_path / "r.example:5000"
    folder.mkdir()
    for name in ("a.crt", "b.crt", "c.cert", "c.key", "readme"):
        (folder / name).touch()
    files = Places(directories=[tmp_path / "none", tmp_path]).endpoints("r.example:5000")[0].files
    assert [p.name for p in files.authorities] == ["a.crt", "b.crt"]
    assert [(c.name, k.name) for c, k in files.pairs] == [("c.cert", "c.key")]
    (folder / "c.key").unlink()
    with pytest.raises(InvalidArgument, match=r"missing key c\.key for client certificate c\.cert"):
        Places(directories=[tmp_path]).endpoints("r.example:5000")
    (folder / "c.cert").unlink()
    (folder / "d.key").touch()
    with pytest.raises(InvalidArgument, match=r"missing client certificate d\.cert for key d\.key"):
        Places(directories=[tmp_path]).endpoints("r.example:5000")


def test_split_port() -> None:
    assert split_port("r.example:5000") == ("r.example", 5000)
    assert split_port("r.example") == ("r.example", None)
    assert split_port("[::1]:5000") == ("::1", 5000)
