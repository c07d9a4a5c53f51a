"""Fetching the archive of an import from a web server, as `docker import http://…` asks for."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

from pogu.engine.archive import CHUNK, produce_in_thread
from pogu.errors import InvalidArgument, Unavailable

TIMEOUT = 60.0  # seconds without a byte


def check_source(source: str) -> str:
    """Return the URL that `source` means; a name without a scheme is http.

    Raises:
        InvalidArgument: it is no URL of the web.
    """
    url = source if "://" in source else f"http://{source}"
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
        usable = parts.scheme in ("http", "https") and host != b""
    except ValueError:  # a bracket, a port or a label that cannot be
        usable = False
    if not usable or any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise InvalidArgument(f"cannot import from {source!r}: not a URL of http or https")
    return url


def download(url: str) -> AsyncIterator[bytes]:
    """Yield what the server at `url` has; the proxies of the environment are used.

    Raises:
        Unavailable: it cannot be reached, does not have it, or breaks off.
    """

    def work(emit: Callable[[bytes], None]) -> None:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 # http and https alone
                while data := answer.read(CHUNK):
                    emit(data)
        except urllib.error.HTTPError as e:
            with e:  # it is the answer, too
                raise Unavailable(f"cannot fetch {url}: {e}") from None
        except (http.client.HTTPException, OSError, ValueError) as e:  # ValueError: led on to where nobody can be
            raise Unavailable(f"cannot fetch {url}: {e}") from e

    return produce_in_thread(work, "download")
