"""`pogu context export` and `import`: a context as a tar archive, `meta.json` and `tls/docker/*.pem`."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pogu.cli import configuration
from pogu.cli.contexts import DEFAULT, TLS_FILES, Context, Store, check_name, from_document
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command
from pogu.cli.terminal import is_terminal

_LIMIT = 10 << 20  # bytes of an archive or a member: what the docker command takes


@command("export", help="Export a context to a tar archive FILE or a tar stream on STDOUT.")
@argument("name", metavar="CONTEXT")
@argument("target", required=False, metavar="[FILE|-]")
def export(session: Session, /, *, name: str, target: str | None) -> None:
    """Write a context with its certificates to a file."""
    if name == DEFAULT:
        context = Context(DEFAULT, {})
    else:
        check_name(name)
        context = Store(configuration.folder(session.options)).load(name)
    data = _archive(context)
    if target == "-":
        if is_terminal(sys.stdout):
            raise Failed("cowardly refusing to export to a terminal, specify a file path")
        sys.stdout.buffer.write(data)
        return
    path = Path(target or f"{name}.dockercontext")
    try:
        with path.open("xb") as out:
            path.chmod(0o600)
            out.write(data)
    except FileExistsError:
        raise Failed(f"open {path}: file exists") from None
    print(f'Written file "{path}"', file=sys.stderr)


def _archive(context: Context) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:

        def add(name: str, content: bytes | None) -> None:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.type = (0o700, tarfile.DIRTYPE) if content is None else (0o644, tarfile.REGTYPE)
            entry.size = len(content or b"")
            archive.addfile(entry, io.BytesIO(content or b""))

        add("meta.json", json.dumps(context.document(), separators=(",", ":"), ensure_ascii=False).encode())
        add("tls", None)
        if context.tls:
            add("tls/docker", None)
        for file, content in sorted(context.tls.items()):
            add(f"tls/docker/{file}", content)
    return buffer.getvalue()


@command("import", help="Import a context from a tar or zip file")
@argument("name", metavar="CONTEXT")
@argument("source", metavar="FILE|-")
def import_(session: Session, /, *, name: str, source: str) -> None:
    """Store the context of a file under a name."""
    check_name(name)
    store = Store(configuration.folder(session.options))
    if store.exists(name):
        raise Failed(f'context "{name}" already exists')
    members = dict(_members(_read(source)))
    if "meta.json" not in members:
        raise Failed("invalid context: no metadata found")
    tls = {file: members[f"tls/docker/{file}"] for file in TLS_FILES if f"tls/docker/{file}" in members}
    try:
        context = from_document(json.loads(members["meta.json"]), tls)
    except ValueError as e:
        raise Failed(f"invalid context: {e}") from e
    context.name = name
    store.save(context)
    print(name, flush=True)
    print(f'Successfully imported context "{name}"', file=sys.stderr)


def _read(source: str) -> bytes:
    try:
        if source == "-":
            data = sys.stdin.buffer.read(_LIMIT + 1)
        else:
            with Path(source).open("rb") as stream:
                data = stream.read(_LIMIT + 1)
    except OSError as e:
        raise Failed(f"open {source}: {(e.strerror or '').lower()}") from e
    if len(data) > _LIMIT:
        raise Failed("read limit reached")
    return data


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the plain files that make up a context; other names are refused."""
    if zipfile.is_zipfile(io.BytesIO(data)) and data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and _known(entry.filename):
                    if entry.file_size > _LIMIT:
                        raise Failed("read limit reached")
                    yield entry.filename, archive.read(entry)
        return
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content and _known(member.name):
                    yield member.name, content.read()
    except tarfile.ReadError:
        if data:
            raise Failed("unexpected EOF") from None


def _known(name: str) -> bool:
    if name == "meta.json" or (name.startswith("tls/") and not {"..", "", "."} & set(name.split("/"))):
        return True
    raise Failed(f"invalid context: {name} is not part of one")
