"""Fetching an archive by URL, for `docker import http://…`. Proxies are those of the environment."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from pogu.engine.archive import CHUNK, produce_in_thread
from pogu.engine.images.progress import Counter, Progress, silent
from pogu.errors import InvalidArgument, PoguError

_PATIENCE = 60  # seconds without a byte


def download(url: str, progress: Progress = silent) -> AsyncIterator[bytes]:
    """Yield what `url` (http or https; without a scheme http is meant) has; `progress` is told how far it is.

    Raises:
        InvalidArgument (at once): it is no such URL.
        PoguError (from iteration): the server is not there, refuses, or ends early.
    """
    if "://" not in url:
        url = f"http://{url}"
    if not _plain(url) or not _leads_somewhere(url):
        raise InvalidArgument(f"cannot import from {url}: not an http or https URL")
    loop = asyncio.get_running_loop()
    progress({"status": f"Downloading from {url}"})
    return produce_in_thread(lambda emit: _fetch(url, progress, loop, emit), "download")


def _plain(url: str) -> bool:
    """Tell whether a URL has only characters that one may have on the wire."""
    return url.isascii() and url.isprintable() and " " not in url


def _leads_somewhere(url: str) -> bool:
    """Tell whether it is an http or https URL whose host and port can be."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:  # a bracket, a port or a label that cannot be
        return False
    return parts.scheme in ("http", "https") and host != b""


def _fetch(url: str, progress: Progress, loop: asyncio.AbstractEventLoop, emit: Callable[[bytes], None]) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE) as response:  # noqa: S310 # the scheme was checked
            _copy(response, Counter(progress, "Importing", "", response.length or 0, loop), emit)
    except urllib.error.HTTPError as e:
        e.close()
        raise PoguError(f"cannot import from {url}: Got HTTP status code >= 400: {e.code} {e.reason}") from None
    except (OSError, HTTPException, ValueError) as e:  # ValueError: it was led on to where nobody can be
        raise PoguError(f"cannot import from {url}: {getattr(e, 'reason', None) or e}") from None


def _copy(response: HTTPResponse, counter: Counter, emit: Callable[[bytes], None]) -> None:
    expected = response.length
    seen = 0
    while data := response.read(CHUNK):
        emit(data)
        seen += len(data)
        counter(seen)
    if expected is not None and seen != expected:
        raise HTTPException(f"it ended after {seen} of {expected} bytes")
