"""`moby.filesync.v1.Auth`: who we are to registries, told host by host when the daemon asks."""

from __future__ import annotations

import asyncio

from pogu.cli.invoke import Failed
from pogu.cli.logins import Auth, Logins, server_name
from pogu.dialects.buildkit.grpc import Handler, Incoming
from pogu.dialects.buildkit.messages import session as messages
from pogu.errors import PoguError


def login_service(logins: Logins) -> dict[str, Handler]:
    """Return the methods that tell what `logins` knows."""

    async def tell(call: Incoming) -> None:
        host = (await call.request(messages.CredentialsRequest)).host
        try:
            auth = await asyncio.to_thread(logins.get, server_name(host))
        except Failed as e:
            raise PoguError(str(e)) from None
        await call.send([_answer(auth)])

    return {messages.CREDENTIALS: tell}


def _answer(auth: Auth) -> messages.CredentialsResponse:
    """An identity token goes without a name, as BuildKit wants it."""
    if token := auth.get("identitytoken"):
        return messages.CredentialsResponse(secret=token)
    return messages.CredentialsResponse(username=auth.get("username", ""), secret=auth.get("password", ""))
