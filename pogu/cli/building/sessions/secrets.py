"""`moby.buildkit.secrets.v1.Secrets`: what `--secret` names, given only to the step that asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pogu.cli.building.pairs import read_pairs
from pogu.cli.wrong import WrongValue
from pogu.dialects.buildkit.grpc import Handler, Incoming
from pogu.dialects.buildkit.messages import session as messages
from pogu.errors import NotFound

_MOST = 500 * 1024  # bytes; what BuildKit takes
_KINDS = ("file", "env")


def secret_service(given: Iterable[str]) -> dict[str, Handler]:
    """Return the methods that give the secrets of `--secret id=…[,src=…|env=…]`; they are read now.

    Raises:
        WrongValue: a text means nothing, or what it names is not there.
    """
    known = dict(read_secret(text) for text in given)

    async def get(call: Incoming) -> None:
        wanted = (await call.request(messages.GetSecretRequest)).id
        if wanted not in known:
            raise NotFound(f"secret {wanted} not found")
        await call.send([messages.GetSecretResponse(data=known[wanted])])

    return {messages.GET_SECRET: get}


def read_secret(text: str) -> tuple[str, bytes]:
    """Return the ID and the value of one secret. Raises WrongValue."""
    fields = read_pairs("--secret", text, {"type", "id", "src", "source", "env"})
    name, kind = fields.get("id", ""), fields.get("type", "")
    if kind and kind not in _KINDS:
        raise WrongValue("--secret", text, f'unsupported secret type "{kind}"')
    path, variable = fields.get("src") or fields.get("source") or "", fields.get("env", "")
    if kind == "env" and not variable:
        variable, path = path, ""
    if not (name or path or variable):
        raise WrongValue("--secret", text, "secret id is missing")
    name = name or Path(path).name or variable
    if not path and (variable or (kind != "file" and name in os.environ)):
        return name, os.environ.get(variable or name, "").encode(errors="surrogateescape")
    return name, _content(text, Path(path or name).expanduser())


def _content(text: str, path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as e:
        reason = f"failed to stat {path}: stat {path}: {os.strerror(e.errno or 0).lower()}"
        raise WrongValue("--secret", text, reason) from None
    if len(data) > _MOST:
        raise WrongValue("--secret", text, f"secret {path} too big. max size 500KB")
    return data
