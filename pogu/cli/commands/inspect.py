"""`pogu inspect`, and `inspect` of each group."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pogu.cli.client import ApiError, Client, EmptyName, segment
from pogu.cli.connect import connect
from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.output import object_template, print_rendered
from pogu.cli.pflag import argument, command, switch, value
from pogu.cli.platforms import platform_object

_FORMAT = value("-f", "--format", "form", help="Format output using a template: json, TEMPLATE")


def _names(what: str) -> Callable[..., Any]:
    return argument("names", nargs=-1, required=True, metavar=f"{what} [{what}...]")


_KINDS = ("config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume")

# In the order docker looks a name up.
_PATHS = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "volume": "/volumes/{}",
}


@command("inspect", help="Return low-level information on objects")
@_FORMAT
@switch("-s", "--size", help="Display total file sizes if the type is container")
@value("--type", "kind", help='Only inspect objects of the given type: "container", "image", "network", "volume"')
@_names("NAME|ID")
def inspect(session: Session, /, *, names: tuple[str, ...], form: str | None, size: bool, kind: str | None) -> None:
    """Describe objects of any kind."""
    if kind is not None and kind not in _PATHS:
        known = ", ".join(f'"{each}"' for each in _KINDS)
        raise Failed(f'unknown type: "{kind}": must be one of {known}')
    _inspect(session, names, form, kinds=[kind] if kind else list(_PATHS), size=size)


@command("inspect", help="Display detailed information on one or more containers")
@_FORMAT
@switch("-s", "--size", help="Display total file sizes")
@_names("CONTAINER")
def inspect_container(session: Session, /, *, names: tuple[str, ...], form: str | None, size: bool) -> None:
    """Describe containers."""
    _inspect(session, names, form, kinds=["container"], size=size)


@command("inspect", help="Display detailed information on one or more images")
@_FORMAT
@value("--platform", help="Inspect a specific platform of the multi-platform image: os[/arch[/variant]]")
@_names("IMAGE")
def inspect_image(session: Session, /, *, names: tuple[str, ...], form: str | None, platform: str | None) -> None:
    """Describe images."""
    _inspect(session, names, form, kinds=["image"], platform=platform_object(platform, ""))


@command("inspect", help="Display detailed information on one or more networks")
@_FORMAT
@switch("-v", "--verbose", help="Verbose output for diagnostics")
@_names("NETWORK")
def inspect_network(session: Session, /, *, names: tuple[str, ...], form: str | None, verbose: bool) -> None:
    """Describe networks."""
    _inspect(session, names, form, kinds=["network"], verbose=verbose)


@command("inspect", help="Display detailed information on one or more volumes")
@_FORMAT
@_names("VOLUME")
def inspect_volume(session: Session, /, *, names: tuple[str, ...], form: str | None) -> None:
    """Describe volumes."""
    _inspect(session, names, form, kinds=["volume"])


def _inspect(session: Session, names: Sequence[str], form: str | None, *, kinds: Sequence[str], **flags: Any) -> None:
    """Print what was found, then say what was not; the exit code is 1 when something was not."""
    render = object_template(form) if form and form != "json" else None
    client = connect(session)
    found, errors = [], []
    for name in names:
        try:
            found.append(_find(client, name, kinds, {key: on or None for key, on in flags.items()}))
            if flags.get("size") and kinds[0] != "container":
                print(f"WARNING: --size ignored for {kinds[0]}", file=sys.stderr)
        except EmptyName as e:
            errors.append(str(e))
        except ApiError as e:
            errors.append(str(e) if len(kinds) == 1 else f"Error: No such object: {name}")
    if form == "json":
        print(json.dumps(found, separators=(",", ":"), ensure_ascii=False))
    elif render:
        _print_each(found, render)
    else:
        print(json.dumps(found, indent=4, ensure_ascii=False) if found else "[]")
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        raise Exit(1)


def _print_each(found: Sequence[Any], render: Callable[[Any], str]) -> None:
    """Print what a template makes of each; what it makes of none, or of one that does not fit, is an empty line."""
    for value_ in found:
        print_rendered(render, value_)
    if not found:
        print()


def _find(client: Client, name: str, kinds: Sequence[str], flags: dict[str, Any]) -> Any:
    if not name and kinds[0] == "image":
        raise EmptyName("Error: No such image: ")
    for kind in kinds:
        try:
            return client.get(_PATHS[kind].format(segment(name)), **({} if kind == "volume" else flags))
        except ApiError as e:
            if e.status != 404 or kind == kinds[-1] or isinstance(e, EmptyName):
                raise
    raise AssertionError("there is always a last kind")
