"""What came out of a build, as lines that stand for themselves: two outcomes differ by the lines that one alone has.

    ok                              or `fails`
    error TEXT                      the last lines of standard error (compared by a case's `fails`, not as they are)
    note TEXT                       what the case's shell lines noted
    config KEY = JSON               of the image's configuration, if it is not empty
    history N: TEXT [empty]         what made it; hashes are replaced by a word
    layer N: PATHS                  what a layer of the build has, directories left out; `!` before a whiteout
    /path MODE OWNER TIME …         what the build added to the tree of the base image or changed in it
    /path is gone                   what it removed

`now` is a time during the build.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any

from tests.clients.builds.image import Archive, Image, Tree, absolute

BASE = "busybox:latest"
# what only the builder needed (`Image`, `Hostname` and such) is left out
_KEYS = (
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Healthcheck", "ArgsEscaped", "Volumes", "WorkingDir",
    "OnBuild", "Labels", "StopSignal", "StopTimeout", "Shell",
)  # fmt: skip
_TOP = ("architecture", "variant", "os", "author")
_HASH = re.compile(r"((?:file|dir|multi|sha256):| ADD |ADD --chown=\d+:\d+(?=[0-9a-f]{64} ))[0-9a-f]{64}\b")


def image_lines(archive: Archive, tag: str, began: int) -> list[str]:
    """Return the lines of an image; `began` is a time before all builds, in seconds."""
    image, base = archive.image(tag), archive.image(BASE)
    known = image.stands_on(base)
    added = image.layers[len(base.layers) :] if known else image.layers
    tree = _tree(image.tree, base.tree if known else {}, began)
    return [*_config(image.config), *_history(image), *_layers(added), *tree]


def _config(document: dict[str, Any]) -> Iterator[str]:
    for key in _TOP:
        if value := document.get(key):
            yield f"config {key} = {json.dumps(value)}"
    config = document.get("config") or {}
    for key in _KEYS:
        if value := config.get(key):
            yield f"config {key} = {json.dumps(value, sort_keys=True, ensure_ascii=False)}"


def _history(image: Image) -> Iterator[str]:
    for number, entry in enumerate(image.config.get("history", [])):
        made = entry.get("created_by", "")
        words = [made, *(["[empty]"] if entry.get("empty_layer") else [])]
        words += [f"({entry['comment']})"] if entry.get("comment") and number else []
        text = _HASH.sub(r"\1<hash>", " ".join(words)).replace("\n", "\\n").replace("\t", "\\t")
        yield f"history {number}: {text}"


def _layers(layers: list[list[tarfile.TarInfo]]) -> Iterator[str]:
    for number, members in enumerate(layers):
        names = []
        for member in members:
            folder, _, name = absolute(member.name).rpartition("/")
            if name.startswith(".wh."):
                names.append(f"!{folder}/{name[4:]}")
            elif not member.isdir():
                names.append(f"{folder}/{name}")
        yield f"layer {number}: {' '.join(sorted(names))}"


def _tree(tree: Tree, below: Tree, began: int) -> Iterator[str]:
    names: dict[int, str] = {}
    for path, node in sorted(tree.items()):
        first = names.setdefault(id(node), path)
        before = below.get(path)
        if before is not None and before == node:
            continue
        yield f"{path} same as {first}" if first != path else f"{path} {node.shown(began)}"
    yield from (f"{path} is gone" for path in sorted(below) if path not in tree)
