"""The page for people: repositories, their tags, and what each image is made of. Plain HTML, made here, no scripts.

Everything that comes from content or a request is escaped; the header forbids scripts and framing on top of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from pogu.http import Request, Response
from pogu.registry.access import CATALOG, Identity, Need
from pogu.registry.api import Site
from pogu.registry.manifests import Descriptor, Manifest, parse_manifest
from pogu.registry.names import check_name, is_digest, is_tag
from pogu.registry.paging import page
from pogu.registry.refusals import Refused

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b2733}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .75rem .35rem 0;"
    "border-bottom:1px solid #d8dee4;vertical-align:top}td.n,th.n{text-align:right}code{font-size:.9em;"
    "overflow-wrap:anywhere}a{color:#0b5cad}"
)
_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
]


class Page:
    """Answers `/` and `/repositories/<name>[@digest|:tag]`. Raises Refused."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.method not in ("GET", "HEAD"):
            raise Refused("UNSUPPORTED", "the method must be GET or HEAD", headers=[("Allow", "GET, HEAD")])
        identity = await self._site.access.identify(request)
        base = self._site.addresses.base(request)
        if request.path == "/":
            self._site.access.require(request, identity, [Need(CATALOG, "pull")])
            return await self._overview(request, identity, base)
        prefix, _, rest = request.path[1:].partition("/")
        if prefix != "repositories" or not rest:
            return _html(404, "Not found", "<p>There is nothing here.</p>", base)
        name, reference = _split(rest)
        check_name(name)
        self._site.access.require(request, identity, [Need(name, "pull")])
        if reference is None:
            return await self._repository(request, name, base)
        return await self._manifest(name, reference, base)

    async def _overview(self, request: Request, identity: Identity, base: str) -> Response:
        repositories = self._site.repositories
        names = [name for name in await repositories.names() if self._site.access.sees(identity, name)]
        chosen, last = page(names, request.query)
        rows = []
        for name in chosen[:_ROWS]:
            tags = await repositories.tags(name)
            rows.append([_link(f"{base}/repositories/{quote(name)}", name), str(len(tags))])
        body = _table(["Repository", "Tags"], rows) if rows else "<p>Nothing has been pushed yet.</p>"
        if last is not None or len(chosen) > _ROWS:
            body += f"<p>{_link(f'{base}/?last={quote(chosen[:_ROWS][-1])}', 'More')}</p>"
        return _html(200, "Repositories", body, base)

    async def _repository(self, request: Request, name: str, base: str) -> Response:
        repositories = self._site.repositories
        await repositories.require(name)
        tags = await repositories.tags_with_times(name)
        chosen, last = page(list(tags), request.query)
        rows = []
        for tag in chosen[:_ROWS]:
            to = tags[tag]
            size = await self._size(name, to.digest)
            when = datetime.fromtimestamp(to.time, UTC).strftime("%Y-%m-%d %H:%M UTC")
            address = f"{base}/repositories/{quote(name)}:{quote(tag)}"
            rows.append([_link(address, tag), f"<code>{escape(to.digest[:19])}…</code>", _bytes(size), when])
        body = _table(["Tag", "Digest", "Size", "Pushed"], rows) if rows else "<p>There are no tags here.</p>"
        if last is not None or len(chosen) > _ROWS:
            body += f"<p>{_link(f'{base}/repositories/{quote(name)}?last={quote(chosen[:_ROWS][-1])}', 'More')}</p>"
        return _html(200, name, body, base)

    async def _size(self, name: str, digest: str) -> int | None:
        """The bytes of an image, each piece of content counted once; None for what cannot be read."""
        sizes: dict[str, int] = {}
        todo = [digest]
        for each in todo:
            try:
                manifest = await self._read(name, each)
            except Refused:
                return None
            sizes.update((blob.digest, blob.size) for blob in manifest.blobs())
            todo += dict.fromkeys(child.digest for child in manifest.manifests if child.digest not in todo)
            if len(todo) > _ROWS:
                return None
        return sum(sizes.values())

    async def _read(self, name: str, reference: str) -> Manifest:
        stored = await self._site.repositories.manifest(name, reference)
        return parse_manifest(stored.data, stored.media_type)

    async def _manifest(self, name: str, reference: str, base: str) -> Response:
        repositories = self._site.repositories
        if not is_digest(reference) and not is_tag(reference):
            return _html(404, "Not found", "<p>There is nothing here.</p>", base)
        stored = await repositories.manifest(name, reference)
        manifest = parse_manifest(stored.data, stored.media_type)
        address = f"{base}/repositories/{quote(name)}"
        facts = [
            ["Digest", f"<code>{escape(stored.digest)}</code>"],
            ["Type", f"<code>{escape(manifest.media_type)}</code>"],
        ]
        if manifest.artifact_type:
            facts.append(["Artifact", f"<code>{escape(manifest.artifact_type)}</code>"])
        if manifest.subject is not None:
            facts.append(["About", _manifest_link(address, manifest.subject.digest)])
        parts = [f"<p>{_link(address, name)}</p>", _table(["", ""], facts)]
        if manifest.manifests:
            rows = [[_manifest_link(address, each.digest), *_columns(each)] for each in manifest.manifests]
            parts += ["<h2>Manifests</h2>", _table(["Manifest", "Type", "Size"], rows)]
        blobs = [*([manifest.config] if manifest.config else []), *manifest.layers]
        if blobs:
            rows = [[f"<code>{escape(each.digest)}</code>", *_columns(each)] for each in blobs]
            parts += ["<h2>Config and layers</h2>", _table(["Blob", "Type", "Size"], rows)]
        referrers = await repositories.referrers(name, stored.digest)
        if referrers:
            rows = [
                [_manifest_link(address, each["digest"]), f"<code>{escape(str(each.get('artifactType', '')))}</code>"]
                for each in referrers
            ]
            parts += ["<h2>Referrers</h2>", _table(["Manifest", "Artifact"], rows)]
        return _html(200, f"{name}{'@' if ':' in reference else ':'}{reference}", "".join(parts), base)


_ROWS = 200  # of one page: each costs a look at its content


def _split(rest: str) -> tuple[str, str | None]:
    """The repository and the tag or digest of a path `name`, `name:tag` or `name@digest`."""
    name, at, digest = rest.partition("@")
    if at:
        return name, digest
    name, colon, tag = rest.partition(":")
    return (name, tag) if colon else (rest.rstrip("/"), None)


def _manifest_link(address: str, digest: str) -> str:
    return _link(f"{address}@{quote(digest, safe=':')}", digest)


def _columns(descriptor: Descriptor) -> list[str]:
    return [f"<code>{escape(descriptor.media_type)}</code>", _bytes(descriptor.size)]


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    cells = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _bytes(size: int | None) -> str:
    if size is None:
        return "unknown"
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.3g} {unit}" if unit != "B" else f"{size} B"


def _html(status: int, title: str, body: str, base: str) -> Response:
    text = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<p><a href="{escape(base)}/">Pogu registry</a></p><h1>{escape(title)}</h1>{body}</body></html>'
    )
    return Response(status, list(_HEADERS), text.encode())
