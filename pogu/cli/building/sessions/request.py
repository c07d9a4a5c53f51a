"""What is asked for in a build with a session, beyond what the classic builder knows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pogu.cli.building.outputs import Output, find_output
from pogu.cli.building.query import cache_targets
from pogu.cli.building.sessions.hosting import shared_key
from pogu.cli.building.source import Source
from pogu.cli.client import Client
from pogu.cli.configuration import folder
from pogu.cli.invoke import Failed, Session
from pogu.cli.wrong import WrongValue

# What only Pogu's daemon takes this way: others would build as if it had not been said.
_OWN = ("build_context", "cache_to", "no_cache_filter", "push")
_IMAGE = "docker-image://"


@dataclass(kw_only=True)
class Request:
    """A build that is asked for. `directories` are named contexts on this side, by what the daemon asks for."""

    source: Source
    query: dict[str, Any]
    given: dict[str, Any]
    output: Output
    shared_key: str = ""
    directories: dict[str, Path] = field(default_factory=dict)


def make_request(
    session: Session, client: Client, source: Source, query: dict[str, Any], given: dict[str, Any]
) -> Request:
    """Return the request that the flags mean.

    Raises:
        UsageError, Failed: they mean nothing, or nothing that the daemon does.
    """
    _check(client, given)
    targets, inline = cache_targets(given["cache_to"])
    directories, contexts = named_contexts(given["build_context"])
    stages = [name for text in given["no_cache_filter"] for name in text.split(",")]
    more = {
        "cacheto": json.dumps(targets) if targets else None,
        "nocachefilter": json.dumps(stages) if stages else None,
        "contexts": contexts or None,
    }
    more["buildargs"] = _arguments(query.get("buildargs") or {}, inline=inline) or None
    return Request(
        source=source,
        query=query | more,
        given=given,
        output=_output(given),
        shared_key=shared_key(folder(session.options), source.directory),
        directories=directories,
    )


def _arguments(given: dict[str, Any], *, inline: bool) -> dict[str, Any]:
    """Return the build arguments with what the builder is told by them, the environment's SOURCE_DATE_EPOCH too."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    found = {"SOURCE_DATE_EPOCH": epoch, **given} if epoch else dict(given)
    return {**found, "BUILDKIT_INLINE_CACHE": "1"} if inline else found


def _check(client: Client, given: dict[str, Any]) -> None:
    if given["provenance"] not in (None, "false", "0"):
        raise Failed("--provenance: this builder makes no provenance attestations")
    asked = [name for name in _OWN if given[name]]
    if asked and (client.get("/version").get("Platform") or {}).get("Name") != "Pogu":
        raise Failed(f"--{asked[0].replace('_', '-')}: this daemon does not take it without buildx")


def _output(given: dict[str, Any]) -> Output:
    output = find_output(given["output"])
    if not given["push"]:
        return output
    if output.type not in ("", "image", "registry"):
        raise Failed(f"--push and an output of the type {output.type} exclude one another")
    if not (given["tag"] or output.attributes.get("name")):
        raise Failed("tag is needed when pushing to registry")
    return Output("image", "", {**output.attributes, "push": "true"})


def named_contexts(given: Iterable[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the named contexts that are directories here, and what the daemon is told of each.

    Raises:
        WrongValue: a text means nothing, or no directory.
    """
    local: dict[str, Path] = {}
    told: dict[str, str] = {}
    for text in given:
        name, eq, value = text.partition("=")
        if not (eq and name and value):
            raise WrongValue("--build-context", text, f"invalid context value: {text}, expected key=value")
        if value.startswith(_IMAGE):
            told[name.lower()] = value
        elif Path(value).is_dir():
            key = f"context:{name}"
            local[key], told[name.lower()] = Path(value).resolve(), f"local:{key}"
        elif "://" in value:
            raise WrongValue("--build-context", text, f"only directories and {_IMAGE}NAME can be contexts")
        else:
            raise WrongValue("--build-context", text, f"stat {value}: no such file or directory")
    return local, told


def write_metadata(file: str | None, identifier: str, tags: Iterable[str]) -> None:
    """Write what `--metadata-file` gets: the image's ID and its names."""
    if not file:
        return
    found = {"containerimage.config.digest": identifier} if identifier else {}
    if names := ",".join(tags):
        found["image.name"] = names
    Path(file).write_text(json.dumps(found, indent=2) + "\n")
