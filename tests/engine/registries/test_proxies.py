import pytest

from pogu.engine.registries.proxies import Proxy, find_proxy
from pogu.errors import InvalidArgument

SET = {"HTTPS_PROXY": "http://proxy.example:3128", "HTTP_PROXY": "plain.example"}


def test_by_scheme() -> None:
    assert find_proxy("https", "r.example", 443, SET) == Proxy("proxy.example", 3128)
    assert find_proxy("http", "r.example", 80, SET) == Proxy("plain.example", 80)
    assert find_proxy("http", "r.example", 80, {}) is None


def test_a_password() -> None:
    found = find_proxy("http", "r.example", 80, {"http_proxy": "http://me:a%40b@p.example:1"})
    assert found == Proxy("p.example", 1, "Basic bWU6YUBi")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_asked_directly(host: str) -> None:
    assert find_proxy("https", host, 443, SET) is None


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("*", "r.example", True),
        ("example", "r.example", True),
        (".example", "r.example", True),
        ("*.example", "r.example", True),
        ("r.example", "r.example", True),
        ("other, r.example:443", "r.example", True),
        ("r.example:444", "r.example", False),
        ("xample", "r.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("fd00::/8", "fd00::1", True),
        ("[fd00::1]:443", "fd00::1", True),
        ("nonsense/8", "10.1.2.3", False),
    ],
)
def test_exceptions(exceptions: str, host: str, direct: bool) -> None:
    found = find_proxy("https", host, 443, {**SET, "NO_PROXY": exceptions})
    assert (found is None) is direct


@pytest.mark.parametrize("url", ["https://proxy.example", "socks5://p", "http://", "http://p:port"])
def test_what_is_no_usable_proxy(url: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot use the proxy of HTTPS_PROXY"):
        find_proxy("https", "r.example", 443, {"HTTPS_PROXY": url})
