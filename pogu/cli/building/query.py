"""The flags of a build as the query of `POST /build`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pogu.cli.flags import pairs
from pogu.cli.flags.body import extra_host, size, swap
from pogu.cli.wrong import WrongValue
from pogu.errors import InvalidArgument

_PROXIES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "ftpProxy": "FTP_PROXY",
    "noProxy": "NO_PROXY",
    "allProxy": "ALL_PROXY",
}


def build_query(given: dict[str, Any], settings: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return what both ways of building send.

    `settings` is `config.json`, whose proxies for `host` are build arguments.

    Raises:
        UsageError: a value cannot be.
    """
    arguments = with_proxies(build_arguments(given["build_arg"]), settings, host)
    return {
        "t": checked_tags(given["tag"]) or None,
        "q": given["quiet"] or None,
        "nocache": given["no_cache"] or None,
        "cachefrom": _listed(each for text in given["cache_from"] for each in cache_sources(text)),
        "pull": given["pull"] or None,
        "rm": given["rm"],
        "forcerm": given["force_rm"] or None,
        "squash": given["squash"] or None,
        "memory": size("-m, --memory", given["memory"]) or None,
        "memswap": swap(given["memory_swap"]) or None,
        "cpushares": given["cpu_shares"] or None,
        "cpusetcpus": given["cpuset_cpus"],
        "cpusetmems": given["cpuset_mems"],
        "cpuperiod": given["cpu_period"] or None,
        "cpuquota": given["cpu_quota"] or None,
        "cgroupparent": given["cgroup_parent"],
        "shmsize": size("--shm-size", given["shm_size"]) or None,
        "buildargs": arguments or None,
        "labels": pairs.pairs(given["label"]) or None,
        "networkmode": given["network"],
        "isolation": given["isolation"],
        "platform": given["platform"],
        "target": given["target"],
        "extrahosts": [extra_host(text) for text in given["add_host"]] or None,
        "securityopt": [word for text in given["security_opt"] for word in _commas(text)] or None,
        "ulimits": _listed(pairs.ulimits(given["ulimit"])),
    }


def cache_sources(text: str) -> list[str]:
    """Return the images of one `--cache-from`: names with commas between, or `type=registry,ref=NAME`.

    Raises:
        WrongValue: it is a cache of another type.
    """
    return [_registry_cache("--cache-from", text)] if "=" in text else _commas(text)


def cache_targets(given: Iterable[str]) -> tuple[list[str], bool]:
    """Return the images that `--cache-to` names, and whether the image itself is to serve as a cache (`type=inline`).

    Raises:
        WrongValue: it is a cache of another type.
    """
    inline, names = False, []
    for text in given:
        if text == "type=inline":
            inline = True
        else:
            names.append(_registry_cache("--cache-to", text) if "=" in text else text)
    return names, inline


def _registry_cache(flag: str, text: str) -> str:
    from pogu.cli.building.pairs import read_pairs

    fields = read_pairs(flag, text)
    kind, name = fields.get("type", "registry"), fields.get("ref", "")
    if kind != "registry":
        raise WrongValue(flag, text, f'caches of the type "{kind}" are not supported: use registry, or inline')
    if not name:
        raise WrongValue(flag, text, "ref is missing")
    return name


def checked_tags(given: Iterable[str]) -> list[str]:
    """Return the names for the image. Raises WrongValue."""
    from pogu.engine.images.reference import parse_reference

    found = []
    for text in given:
        try:
            parse_reference(text)
        except InvalidArgument as e:
            raise WrongValue("-t, --tag", text, e.message) from None
        found.append(text)
    return found


def build_arguments(given: Iterable[str]) -> dict[str, str | None]:
    """Return build arguments; one that is only named has the environment's value, None where it has none there."""
    found: dict[str, str | None] = {}
    for text in given:
        name, eq, value = text.partition("=")
        if not name:
            raise WrongValue("--build-arg", text, f"invalid environment variable: {text}")
        found[name] = value if eq else os.environ.get(name)
    return found


def with_proxies(arguments: dict[str, str | None], settings: Mapping[str, Any], host: str) -> dict[str, str | None]:
    """Return the arguments with the proxies that `config.json` has for the daemon, in both cases; given ones stay."""
    known = settings.get("proxies") or {}
    proxies = known.get(host) or known.get("default") or {}
    found = dict(arguments)
    for key, name in _PROXIES.items():
        if value := proxies.get(key):
            for each in (name, name.lower()):
                if found.get(each) is None:
                    found[each] = value
    return found


def _commas(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _listed(values: Iterable[Any]) -> str | None:
    """A list is JSON here, where a query's lists are otherwise repeated names."""
    import json

    found = list(values)
    return json.dumps(found) if found else None
