import base64
import json

import pytest

from pogu.engine.registries.credentials import Credentials, decode_credentials
from pogu.errors import InvalidArgument


def _header(document: object, padding: bool = True) -> str:
    text = base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    return text if padding else text.rstrip("=")


@pytest.mark.parametrize("padding", [True, False])
def test_a_header_of_a_client(padding: bool) -> None:
    who = decode_credentials(_header({"username": "anna", "password": "ä>?", "serveraddress": "r.example"}, padding))
    assert who.pair() == ("anna", "ä>?")
    assert who.basic == "Basic " + base64.b64encode("anna:ä>?".encode()).decode()


def test_nobody() -> None:
    for header in ("", _header({}), _header(None)):
        assert decode_credentials(header).pair() is None
        assert decode_credentials(header).basic == ""


def test_auth_in_place_of_the_two() -> None:
    who = decode_credentials(_header({"auth": base64.b64encode(b"anna:a:b").decode()}))
    assert who.pair() == ("anna", "a:b")
    with pytest.raises(InvalidArgument):
        Credentials(auth="!").pair()


def test_what_is_no_header() -> None:
    for header in ("%%%", base64.b64encode(b"{").decode(), base64.b64encode(b"[1]").decode()):
        with pytest.raises(InvalidArgument, match="invalid X-Registry-Auth header"):
            decode_credentials(header)
