"""One repository on one server: its manifests, blobs and tags (OCI distribution specification 1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from pogu.engine.images.digests import check_digest, is_digest, sha256
from pogu.engine.images.imageconfig import LARGEST
from pogu.engine.images.manifest import INDEXES, MANIFESTS
from pogu.engine.registries.authorization import Authorizer
from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.connections import Answer, Body, Connections
from pogu.engine.registries.endpoints import Endpoint
from pogu.engine.registries.failures import refusal
from pogu.errors import InvalidArgument

SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
ACCEPT = ", ".join([*sorted(MANIFESTS), *sorted(INDEXES), SCHEMA1, "*/*;q=0.1"])
_NEXT = re.compile(r"<([^>]*)>\s*;[^,]*rel=\"?next\"?")
_PAGE = 1000  # tags asked for at a time


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest as the registry has it, byte for byte."""

    digest: str
    media_type: str
    data: bytes


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


class Repository:
    """A repository, opened for reading, or for writing too. Every method blocks.

    Methods raise Unreachable where no answer came, RegistryError where the registry refuses, Unauthenticated where it
    wants to know who asks, Cancelled when `canceller` was used.
    """

    def __init__(
        self, endpoint: Endpoint, connections: Connections, authorizer: Authorizer, path: str, actions: str = "pull"
    ) -> None:
        self.endpoint = endpoint
        self.path = path
        self.canceller = Canceller()
        self._connections = connections
        self._authorizer = authorizer
        self._scopes = [f"repository:{path}:{actions}"]

    def url(self, kind: str, name: str) -> str:
        """Return the URL of `manifests/<name>`, `blobs/<digest>` or `tags/list`."""
        return f"{self.endpoint.url}/v2/{self.path}/{kind}/{quote(name, safe=':/')}"

    def with_canceller(self, canceller: Canceller) -> Repository:
        """Return the same repository for a piece of work that is cancelled by itself."""
        other = Repository(self.endpoint, self._connections, self._authorizer, self.path)
        other._scopes = self._scopes
        other.canceller = canceller
        return other

    def greet(self) -> None:
        """Find out whether the server is there and what it wants to know (distribution-spec, "Determining Support")."""
        with self.attempt("GET", f"{self.endpoint.url}/v2/", {}) as answer:
            data = answer.read(LARGEST)
        if answer.status not in (200, 401, 403):
            raise refusal(answer.status, data, answer.url)

    def close(self) -> None:
        """Close the connections that are kept; those in use are closed when they have served."""
        self._connections.close()

    # manifests

    def manifest(self, reference: str) -> Fetched:
        """Return the manifest or index of a tag or digest.

        Raises:
            InvalidArgument: its bytes do not have the digest asked for.
        """
        fields = {"Accept": ACCEPT}
        with self.request("GET", self.url("manifests", reference), fields, unknown="MANIFEST_UNKNOWN") as answer:
            data = answer.read(LARGEST)
        digest = sha256(data)
        if is_digest(reference) and reference.startswith("sha256:") and digest != reference:
            raise InvalidArgument(f"manifest verification failed for digest {reference}")
        return Fetched(digest, _media_type(answer, data), data)

    def manifest_digest(self, reference: str) -> tuple[str, str, int] | None:
        """Return digest, media type and size of a manifest without fetching it; None where the server does not say."""
        fields = {"Accept": ACCEPT}
        with self.request("HEAD", self.url("manifests", reference), fields, unknown="MANIFEST_UNKNOWN") as answer:
            answer.drain()
        digest = answer.headers.get("docker-content-digest", "")
        size = answer.headers.get("content-length", "")
        return (digest, _content_type(answer), int(size)) if is_digest(digest) and size.isdigit() else None

    def put_manifest(self, reference: str, media_type: str, data: bytes) -> str:
        """Store a manifest under a tag or digest; return its digest."""
        fields = {"Content-Type": media_type}
        with self.request("PUT", self.url("manifests", reference), fields, data) as answer:
            answer.drain()
        return sha256(data)

    def tags(self) -> Iterator[str]:
        """Yield the tags, as the registry orders them, a page at a time."""
        url: str | None = f"{self.endpoint.url}/v2/{self.path}/tags/list?n={_PAGE}"
        while url:
            with self.request("GET", url, {}, unknown="NAME_UNKNOWN") as answer:
                data = answer.read(LARGEST)
            try:
                yield from msgspec.json.decode(data, type=_Tags).tags or ()
            except (msgspec.MsgspecError, UnicodeDecodeError) as e:
                raise InvalidArgument(f"cannot read the tags of {self.path}: {e}") from None
            more = _NEXT.search(answer.headers.get("link", ""))
            url = self._own(urljoin(url, more[1])) if more else None

    # blobs

    def blob(self, digest: str, offset: int = 0) -> Answer:
        """Return a blob from the byte `offset` on; the caller verifies it.

        The status is 206 where the server begins at `offset`, and 200 where it begins at 0 all the same.
        """
        fields = {"Range": f"bytes={offset}-"} if offset else {}
        return self.request("GET", self.url("blobs", check_digest(digest)), fields, unknown="BLOB_UNKNOWN")

    def has_blob(self, digest: str) -> bool:
        """Tell whether the repository has a blob."""
        with self.attempt("HEAD", self.url("blobs", digest), {}) as answer:
            answer.drain()
        if answer.status not in (200, 404):
            raise refusal(answer.status, b"", answer.url)
        return answer.status == 200

    # requests

    def request(
        self, method: str, url: str, fields: Mapping[str, str], body: Body = None, unknown: str = "NOT_FOUND"
    ) -> Answer:
        """Send a request as whoever asks, and return an answer of success."""
        answer = self.attempt(method, url, fields, body)
        if answer.status < 300:
            return answer
        with answer:
            data = answer.read(LARGEST)
        raise refusal(answer.status, data, answer.url, unknown)

    def attempt(self, method: str, url: str, fields: Mapping[str, str], body: Body = None) -> Answer:
        """Send a request as whoever asks, and return the answer whatever its status.

        A body that is no bytes is sent once: the caller has asked something before that needed the same rights.
        """
        own = urlsplit(url).netloc == self.endpoint.host  # an upload may go on elsewhere: credentials do not
        for last in (not own, True):
            headers = {**fields, **(self._authorizer.header(self._scopes) if own else {})}
            answer = self._connections.request(method, url, headers, body, canceller=self.canceller)
            if last or answer.status != 401 or not (body is None or isinstance(body, bytes)):
                return answer
            answer.drain()
            what = f'{method.title()} "{url}"'
            self._authorizer.answer(answer.headers.get("www-authenticate", ""), self._scopes, what, self.canceller)
        raise AssertionError("unreachable")

    def add_scopes(self, paths: Sequence[str]) -> None:
        """Ask for the right to read other repositories of the registry, too, for mounting their blobs."""
        self._scopes = [self._scopes[0], *(f"repository:{path}:pull" for path in paths)]

    def _own(self, url: str) -> str:
        """Return a URL that the registry has named, where it is the registry's own."""
        if urlsplit(url).netloc != self.endpoint.host or urlsplit(url).scheme != self.endpoint.scheme:
            raise InvalidArgument(f"the registry {self.endpoint.host} leads to another one: {url}")
        return url


def _content_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip()


class _Typed(msgspec.Struct, rename="camel"):
    media_type: str | None = ""
    schema_version: int | None = 0
    manifests: msgspec.Raw | None = None


def _media_type(answer: Answer, data: bytes) -> str:
    """Return the media type of a manifest: what it says itself, or the header says."""
    try:
        typed = msgspec.json.decode(data, type=_Typed)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        typed = _Typed()
    if typed.schema_version == 1:
        return SCHEMA1
    return typed.media_type or _content_type(answer)
