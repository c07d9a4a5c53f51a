"""Who asks a registry: a name and password, or a token, as clients send them in `X-Registry-Auth`."""

from __future__ import annotations

import base64
import binascii

import msgspec

from pogu.errors import InvalidArgument


class Credentials(msgspec.Struct, omit_defaults=True):
    """Docker's AuthConfig (API reference, "Authentication"). All empty: nobody.

    `identitytoken` is a refresh token of a token server; `registrytoken` is sent to the registry as it is.
    """

    username: str | None = ""
    password: str | None = ""
    auth: str | None = ""  # base64 of `username:password`, where the two are not given
    email: str | None = ""
    serveraddress: str | None = ""
    identitytoken: str | None = ""
    registrytoken: str | None = ""

    def pair(self) -> tuple[str, str] | None:
        """Return name and password; None for nobody.

        Raises:
            InvalidArgument: `auth` is malformed.
        """
        if self.username:
            return self.username, self.password or ""
        return decode_pair(self.auth) if self.auth else None

    @property
    def basic(self) -> str:
        """The value of an Authorization header, "" for nobody."""
        pair = self.pair()
        return "Basic " + encode_pair(*pair) if pair else ""


def decode_credentials(header: str) -> Credentials:
    """Return what an `X-Registry-Auth` header says; without one, nobody.

    Raises:
        InvalidArgument: it is not base64 of JSON.
    """
    if not header:
        return Credentials()
    try:
        data = decode_header(header)
        return msgspec.json.decode(data, type=Credentials) if data.strip() not in (b"", b"null") else Credentials()
    except (binascii.Error, ValueError, msgspec.MsgspecError) as e:
        raise InvalidArgument(
            f"bad parameters and missing X-Registry-Auth: {e}: invalid X-Registry-Auth header"
        ) from None


def decode_header(header: str) -> bytes:
    """Return what is in a header of base64, of either alphabet, padded or not; ValueError if it is malformed."""
    text = header.strip().rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def encode_pair(username: str, password: str) -> str:
    """Return base64 of `username:password`."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def decode_pair(text: str) -> tuple[str, str]:
    """Return name and password of base64; InvalidArgument if it is malformed."""
    try:
        name, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = name = password = ""
    if not colon:
        raise InvalidArgument("invalid auth configuration: it is not base64 of name:password")
    return name, password.strip("\x00")
