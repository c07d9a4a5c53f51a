"""A token server (distribution, "Token Authentication Specification"): who may do what, signed for docker-registry."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.registry_peers import PASSWORD, USER

ISSUER, SERVICE = "test-issuer", "test-registry"


class TokenServer:
    """Everybody may pull from `public/…`; the user may do everything. `asked` has the query of each request."""

    def __init__(self, home: Path) -> None:
        issued = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("token.example", key_type=trustme.KeyType.ECDSA)
        pem = issued.private_key_pem.bytes()
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = issued.cert_chain_pems[0].bytes()
        self.bundle = home / "token.pem"
        self.bundle.write_bytes(self._certificate)
        self.asked: list[dict[str, list[str]]] = []
        self.refresh = secrets.token_hex(8)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.realm = f"http://127.0.0.1:{self._server.server_port}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def settings(self) -> dict[str, Any]:
        """The `auth` part of a registry's configuration."""
        bundle = str(self.bundle)
        return {"token": {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle}}

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                given = self.headers.get("Authorization", "")
                right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                self.answer(query, USER if given == right else "", wrong=bool(given) and given != right)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                right = form.get("refresh_token") == [owner.refresh]
                scopes = form.get("scope", [""])[0].split()
                self.answer({**form, "scope": scopes}, USER if right else "", wrong=not right)

            def answer(self, query: dict[str, list[str]], user: str, *, wrong: bool) -> None:
                owner.asked.append(query)
                document: dict[str, Any] = {"details": "incorrect username or password"}
                if not wrong:
                    document = {"token": owner.token(query.get("scope") or [], user), "expires_in": 300}
                    if query.get("offline_token") and user:
                        document["refresh_token"] = owner.refresh
                data = json.dumps(document).encode()
                self.send_response(401 if wrong else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler

    def token(self, scopes: list[str], user: str) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = [a for a in actions.split(",") if user or (a == "pull" and name.startswith("public/"))]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now}
        head = {"typ": "JWT", "alg": "ES256", "x5c": [_der(self._certificate)]}
        text = f"{_part(head)}.{_part({**claims, 'jti': secrets.token_hex(8), 'access': access})}"
        r, s = utils.decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _part(document: dict[str, Any]) -> str:
    return _base64(json.dumps(document).encode())


def _der(pem: bytes) -> str:
    return "".join(line for line in pem.decode().splitlines() if "-----" not in line)


@contextlib.contextmanager
def token_server(home: Path) -> Iterator[TokenServer]:
    """Run a token server."""
    server = TokenServer(home)
    try:
        yield server
    finally:
        server.close()
