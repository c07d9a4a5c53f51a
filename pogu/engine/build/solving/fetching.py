"""What ADD gets from elsewhere: a file behind a URL, a git repository."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pogu.engine.archive import run_in_thread
from pogu.engine.build.contexts.unpacking import clear_memory
from pogu.engine.naming import new_id
from pogu.errors import Cancelled, InvalidArgument, PoguError
from pogu.linux import processes

_CHUNK = 1 << 20
_TIMEOUT = 60  # seconds without a byte
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}")
_GIT_URL = re.compile(r"^(?:git@|git://|ssh://|https?://.*\.git(?:[#/]|$))|^github\.com/")

Told = Callable[[int, int], None]
"""Takes the bytes that have come and those that are to come, 0 if that is not known."""


_clearing: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def passing_directory(spool: Path) -> AsyncIterator[Path]:
    """Yield a new directory below `spool`; it goes soon after the end (`cleared`), with nobody waiting for that."""
    path = spool / new_id()[:24]
    await asyncio.to_thread(path.mkdir, 0o700, True)
    try:
        yield path
    finally:
        task = asyncio.ensure_future(asyncio.to_thread(_clear, path))
        _clearing.add(task)
        task.add_done_callback(_clearing.discard)


async def cleared() -> None:
    """Wait until the directories whose use has ended are gone."""
    if _clearing:
        await asyncio.wait(set(_clearing))


def _clear(path: Path) -> None:
    clear_memory(path)
    shutil.rmtree(path, ignore_errors=True)


def is_git_url(url: str) -> bool:
    """Tell whether a source of ADD, or a remote context, is a git repository (Dockerfile reference, "ADD")."""
    return bool(_GIT_URL.match(url))


def is_url(text: str) -> bool:
    """Tell whether a source of ADD is a URL."""
    return text.lower().startswith(("http://", "https://"))


def file_name(url: str) -> str:
    """Return the name that a URL's file has by itself; empty where the URL has none."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


async def download(url: str, target: Path, told: Told) -> str:
    """Bring the file behind `url` to `target`, mode 0600, with the server's time; return its `sha256:<hex>`.

    `told` is called on the loop.

    Raises:
        InvalidArgument: there is no such file, or the server does not answer.
    """
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    def tell(come: int, total: int) -> None:
        loop.call_soon_threadsafe(told, come, total)

    def work() -> str:
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "pogu-build"})  # noqa: S310 # checked below
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                digest = _receive(answer, target, tell, lambda: stopped)
                _set_time(target, answer.headers)
                return digest
        except urllib.error.HTTPError as e:
            e.close()  # it holds the answer
            raise InvalidArgument(f"failed to load {url}: invalid response status {e.code}") from None
        except (OSError, HTTPException, ValueError) as e:
            raise InvalidArgument(f"failed to load {url}: {getattr(e, 'reason', None) or e}") from None

    if not is_url(url):  # urllib would read files of the host as well
        raise InvalidArgument(f"failed to load {url}: the scheme is not http or https")
    return await run_in_thread(work, stop, "download")


def _receive(answer: HTTPResponse, target: Path, told: Told, is_stopped: Callable[[], bool]) -> str:
    total = int(answer.headers.get("Content-Length") or 0)
    digest, come = hashlib.sha256(), 0
    with target.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        while data := answer.read(_CHUNK):
            if is_stopped():
                raise Cancelled("the download was given up")
            file.write(data)
            digest.update(data)
            come += len(data)
            told(come, total)
    if total and come != total:
        raise InvalidArgument(f"failed to load: {come} of {total} bytes came")
    return f"sha256:{digest.hexdigest()}"


def _set_time(target: Path, headers: HTTPMessage) -> None:
    """Give the file the server's time; 0 where it says none, so that the same file is the same layer."""
    try:
        at = int(parsedate_to_datetime(headers.get("Last-Modified", "")).timestamp())
    except (TypeError, ValueError):
        at = 0
    os.utime(target, (at, at))


class GitSource:
    """A repository: `url[#ref[:directory]]` or `?branch=…&tag=…&subdir=…` as Docker's contexts have it."""

    def __init__(self, text: str) -> None:
        url, _, fragment = text.partition("#")
        self.url = f"https://{url}" if url.startswith("github.com/") else url
        self.ref, _, self.directory = fragment.partition(":")

    async def commit(self) -> str:
        """Return the commit that the reference stands for now; InvalidArgument if there is none."""
        if _FULL_COMMIT.fullmatch(self.ref):
            return self.ref
        listed = await _git("ls-remote", "--", self.url, *([self.ref, f"{self.ref}^{{}}"] if self.ref else ["HEAD"]))
        lines = [line.split("\t") for line in listed.splitlines() if "\t" in line]
        if not lines:
            raise InvalidArgument(f"repository does not contain ref {self.ref or 'HEAD'}: {self.url}")
        peeled = [line[0] for line in lines if line[1].endswith("^{}")]  # the commit of an annotated tag
        return (peeled or [line[0] for line in lines])[0]

    async def check_out(self, commit: str, target: Path, *, keep_git_dir: bool) -> Path:
        """Bring the files of a commit to the new directory `target`; return where the wanted ones are.

        Raises:
            InvalidArgument: it cannot be had, or has no such directory.
        """
        await _git("init", "-q", str(target))
        inside = ("-C", str(target))
        await _git(*inside, "remote", "add", "origin", "--", self.url)
        try:
            await _git(*inside, "fetch", "-q", "--depth=1", "--no-tags", "origin", commit)
        except InvalidArgument:  # a server that gives no single commits
            await _git(*inside, "fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
        await _git(*inside, "-c", "advice.detachedHead=false", "checkout", "-q", commit)
        await _git(*inside, "submodule", "update", "-q", "--init", "--recursive", "--depth=1")
        if not keep_git_dir:
            await asyncio.to_thread(shutil.rmtree, target / ".git", True)
        wanted = (target / self.directory).resolve() if self.directory else target
        if not wanted.is_relative_to(target.resolve()) or not wanted.is_dir():
            raise InvalidArgument(f"{self.directory}: no such directory in {self.url}")
        return wanted


async def _git(*args: str) -> str:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "git:http:https:ssh"}
    try:
        done = await processes.run(["git", *args], env=environment)
    except FileNotFoundError:
        raise PoguError("git is needed for this, and is not installed on the daemon's machine") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise InvalidArgument(f"git {args[0] if args[0] != '-C' else args[2]} failed: {said}")
    return done.stdout.decode(errors="replace")
