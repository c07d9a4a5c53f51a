"""`pogu pull`, `push`, `login`, `logout`, `search`."""

from __future__ import annotations

import sys
from typing import Any

from pogu.cli.client import CannotConnect, Client, segment
from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.invoke import Failed, Session
from pogu.cli.logins import HUB, Auth, Logins, header, server_name
from pogu.cli.output import Listing, print_rows
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.cli.platforms import platform_object
from pogu.cli.progress import show_progress
from pogu.cli.terminal import is_terminal
from pogu.errors import PoguError


@command("pull", help="Download an image from a registry")
@switch("-a", "--all-tags", help="Download all tagged images in the repository")
@value("--platform", help="Set platform if server is multi-platform capable")
@switch("-q", "--quiet", help="Suppress verbose output")
@argument("name", metavar="NAME[:TAG|@DIGEST]")
def pull(session: Session, /, *, name: str, all_tags: bool, platform: str | None, quiet: bool) -> None:
    """Download an image."""
    from pogu.engine.images.reference import parse_reference

    reference = parse_reference(name)
    named = bool(reference.tag or reference.digest)
    if all_tags and named:
        raise Failed("tag can't be used with --all-tags/-a")
    if not (named or all_tags):
        reference = reference.tagged()
        if not quiet:
            print(f"Using default tag: {reference.tag}")
    fetch(connect(session), name, reference.name, reference.digest or reference.tag, platform, quiet=quiet)
    print(reference)


def fetch(client: Client, image: str, repository: str, tag: str, platform: str | None, *, quiet: bool) -> None:
    """Have the daemon pull `repository` with a tag or digest (all tags without), as who we are to its registry."""
    query = {"fromImage": repository, "tag": tag, "platform": platform}
    auth = header(Logins().for_image(image))
    show_progress(client.request("POST", "/images/create", query=query, headers=auth), quiet=quiet)


@command("push", help="Upload an image to a registry")
@switch("-a", "--all-tags", help="Push all tags of an image to the repository")
@value("--platform", help="Push the image only if it is for this platform: os[/arch[/variant]]")
@switch("-q", "--quiet", help="Suppress verbose output")
@argument("name", metavar="NAME[:TAG]")
def push(session: Session, /, *, name: str, all_tags: bool, platform: str | None, quiet: bool) -> None:
    """Upload an image."""
    from pogu.engine.images.reference import parse_reference

    reference = parse_reference(name)
    if all_tags and reference.tag:
        raise Failed("tag can't be used with --all-tags/-a")
    if not (reference.tag or reference.digest or all_tags):
        reference = reference.tagged()
        if not quiet:
            print(f"Using default tag: {reference.tag}")
    auth = header(Logins().for_image(name))
    path = f"/images/{segment(reference.name)}/push"
    query = {"tag": reference.tag or None, "platform": platform_object(platform)}
    reply = connect(session).request("POST", path, query=query, headers=auth)
    show_progress(reply, quiet=quiet)
    if quiet:
        print(reference)


@command("login", help="Authenticate to a registry")
@value("-u", "--username", help="Username")
@value("-p", "--password", help="Password or Personal Access Token (PAT)")
@switch("--password-stdin", help="Take the Password or Personal Access Token (PAT) from stdin")
@argument("server", required=False, metavar="[SERVER]")
def login(session: Session, /, server: str | None, **given: Any) -> None:
    """Authenticate to a registry."""
    logins = Logins()
    address = server_name(server) if server else HUB
    auth = _asked(logins, address, given)
    token = _try(session, {**auth, "serveraddress": address})
    logins.store(address, auth["username"], auth["password"], token)
    if logins.keeps_plainly(address) and not token:
        print(
            f"WARNING! Your credentials are stored unencrypted in '{logins.path}'.\n"
            "Configure a credential helper (credsStore) to remove this warning.",
            file=sys.stderr,
        )
    print("Login Succeeded")


def _asked(logins: Logins, address: str, given: dict[str, Any]) -> Auth:
    """Return the name and password that are given, kept or typed."""
    username, password = given["username"], given["password"]
    if password is not None:
        print("WARNING! Using --password via the CLI is insecure. Use --password-stdin.", file=sys.stderr)
        if given["password_stdin"]:
            raise Failed("--password and --password-stdin are mutually exclusive")
    if given["password_stdin"]:
        if not username:
            raise Failed("Must provide --username with --password-stdin")
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if username is None and password is None:
        kept = logins.get(address)
        if kept.get("username") and kept.get("password"):
            print("Authenticating with existing credentials...")
            return {"username": kept["username"], "password": kept["password"]}
    return _typed(username, password)


def _typed(username: str | None, password: str | None) -> Auth:
    import getpass

    if not (username and password) and not is_terminal(sys.stdin):
        raise Failed("Error: Cannot perform an interactive login from a non TTY device")
    if not username:
        username = input("Username: ").strip()
        if not username:
            raise Failed("Error: Non-null Username Required")
    if not password:
        password = getpass.getpass("Password: ")
        if not password:
            raise Failed("Error: Password Required")
    return {"username": username, "password": password}


def _try(session: Session, auth: Auth) -> str:
    """Try a login through the daemon, which knows the registry's certificates; without a daemon, from here.

    Returns the token to be kept in place of the password, "" if there is none.
    """
    try:
        answer = connect(session).post("/auth", auth)
        return str(answer.get("IdentityToken") or "")
    except CannotConnect:
        from pogu.cli.remote import registries
        from pogu.engine.registries import Credentials

        try:
            return registries().login(Credentials(**auth)).identity_token
        except PoguError as e:
            raise Failed(f"Error: {e.message}") from e


@command("logout", help="Log out from a registry")
@argument("server", required=False, metavar="[SERVER]")
def logout(_session: Session, /, *, server: str | None) -> None:
    """Forget a login."""
    logins = Logins()
    address = server_name(server) if server else HUB
    print(f"Removing login credentials for {address}")
    logins.erase(address)


@command("search", help="Search a registry for images")
@many("-f", "--filter", "filters", help="Filter output based on conditions provided")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@value("--limit", type=int, default=0, help="Max number of search results")
@switch("--no-trunc", help="Don't truncate output")
@argument("term", metavar="TERM")
def search(session: Session, /, term: str, **given: Any) -> None:
    """Search a registry."""
    query = {"term": term, "limit": given["limit"] or None, "filters": parse_filters(given["filters"]) or None}
    auth = header(Logins().for_image(term))
    found = connect(session).request("GET", "/images/search", query=query, headers=auth).json()
    rows = [_row(entry, trunc=not given["no_trunc"]) for entry in found]
    print_rows(given["form"], rows, _LISTING)


_LISTING = Listing(
    "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}", {"StarCount": "STARS", "IsOfficial": "OFFICIAL"}
)


def _row(entry: dict[str, Any], *, trunc: bool) -> dict[str, Any]:
    description = " ".join((entry.get("description") or "").split())
    if trunc and len(description) > 45:
        description = f"{description[:44]}…"
    return {
        "Name": entry["name"],
        "Description": description,
        "StarCount": str(entry.get("star_count", 0)),
        "IsOfficial": "[OK]" if entry.get("is_official") else "",
        "IsAutomated": "[OK]" if entry.get("is_automated") else "",
    }
