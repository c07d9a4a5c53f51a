"""What a registry has under a name, for one platform: which manifest is chosen, and which cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pogu.engine.images.digests import check_digest, sha256
from pogu.engine.images.imageconfig import LARGEST, ImageConfig
from pogu.engine.images.manifest import (
    CONFIGS,
    INDEXES,
    LAYER_TYPES,
    MANIFESTS,
    Descriptor,
    Index,
    Manifest,
    PlatformSpec,
    parse_document,
)
from pogu.engine.images.platform import Platform, host_platform
from pogu.engine.images.reference import Reference
from pogu.engine.registries.failures import RegistryError, Unreachable
from pogu.engine.registries.repository import SCHEMA1, Fetched, Repository
from pogu.errors import Cancelled, InvalidArgument, NotFound, PoguError, Unauthenticated

MOST_LAYERS = 125  # Docker's limit, which mount options leave room for
_DEEPEST = 4  # indexes within indexes
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_LAYERS = frozenset({*LAYER_TYPES.values(), _DOCKER_LAYER, f"{_DOCKER_LAYER}.gzip", f"{_DOCKER_LAYER}.zstd"})
_OLD_CONFIG = "application/octet-stream"  # what registries said of configurations before they had a type

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remote:
    """An image as a registry has it. `digest` is what the name stands for: the index's, where it came through one."""

    repository: Repository
    digest: str
    manifest: Fetched
    parsed: Manifest


def on_first(repositories: Sequence[Repository], work: Callable[[Repository], T]) -> T:
    """Return what `work` gives on the first server that can be used.

    A mirror that fails is passed over, as is a server that cannot be reached. What the registry itself refuses ends it.
    """
    failures: list[PoguError] = []
    for repository in repositories:
        try:
            return work(repository)
        except Cancelled:
            raise
        except PoguError as e:
            if not (repository.endpoint.mirror or isinstance(e, Unreachable)):
                refused = isinstance(e, RegistryError) and e.status == 400  # plain HTTP spoken to a TLS port
                raise (failures[-1] if failures and refused else e) from None
            failures.append(e)
    raise failures[-1]


def find_image(repository: Repository, reference: Reference, platform: Platform | None) -> Remote:
    """Return the image that a name stands for, the one for `platform` (this machine's if None) of several. Blocks.

    Raises:
        NotFound: nothing for the platform.
        InvalidArgument: it is no image that can run here.
    """
    first = repository.manifest(reference.digest or reference.tag)
    fetched = first
    for _ in range(_DEEPEST):
        if fetched.media_type not in INDEXES:
            return Remote(repository, first.digest, fetched, _parse(fetched))
        chosen = _choose(fetched, platform)
        fetched = repository.manifest(chosen.digest)
        if len(fetched.data) != chosen.size:
            raise InvalidArgument(f"manifest {chosen.digest} does not have the {chosen.size} bytes that its index says")
    raise InvalidArgument("invalid manifest: indexes are nested too deeply")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a registry has under a name, with every platform of it. `size` is the manifest's bytes."""

    media_type: str
    digest: str
    size: int
    platforms: list[Platform]


def look_up(repository: Repository, reference: Reference) -> Listed:
    """Return what a name stands for, without its layers. Blocks."""
    fetched = repository.manifest(reference.digest or reference.tag)
    if fetched.media_type in INDEXES:
        entries = _document(fetched, Index).manifests or []
        platforms = [_platform(entry.platform) for entry in entries if entry.platform is not None]
    elif fetched.media_type in MANIFESTS:
        platforms = [_built_for(repository, _document(fetched, Manifest))]
    else:
        platforms = []
    return Listed(fetched.media_type, fetched.digest, len(fetched.data), platforms)


def _built_for(repository: Repository, manifest: Manifest) -> Platform:
    """Return the platform that an image's configuration says; an artifact's says none."""
    if manifest.config.media_type not in CONFIGS | {_OLD_CONFIG}:
        return Platform("", "")
    with repository.blob(manifest.config.digest) as answer:
        data = answer.read(LARGEST)
    if sha256(data) != manifest.config.digest:
        raise InvalidArgument(f"verification failed for digest {manifest.config.digest}")
    spec = parse_document(data, PlatformSpec, manifest.config.digest)
    return Platform(spec.os or "", spec.architecture or "", spec.variant or "")


def _choose(index: Fetched, platform: Platform | None) -> Descriptor:
    """Return the entry that suits a platform best; of equal ones the first."""
    entries = _document(index, Index).manifests or []
    wanted = platform or host_platform()
    ranked = []
    for number, entry in enumerate(entries):
        rank = wanted.rank(_platform(entry.platform)) if entry.platform else None
        if rank is not None and (entry.media_type in MANIFESTS or entry.media_type in INDEXES):
            ranked.append((rank, number))
    nested = [n for n, e in enumerate(entries) if e.platform is None and e.media_type in INDEXES]
    if not ranked and not nested:
        raise NotFound(f"no matching manifest for {wanted} in the manifest list entries")
    return entries[min(ranked)[1] if ranked else nested[0]]


def _platform(spec: PlatformSpec) -> Platform:
    return Platform(spec.os or "linux", spec.architecture or "", spec.variant or "")


def _document(fetched: Fetched, kind: type[T]) -> T:
    try:
        return parse_document(fetched.data, kind, fetched.digest)
    except InvalidArgument as e:
        raise InvalidArgument(e.message.replace("invalid archive", "invalid manifest")) from None


def _parse(fetched: Fetched) -> Manifest:
    if fetched.media_type == SCHEMA1:
        raise InvalidArgument(
            "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed; "
            "push the image again with a newer client"
        )
    if fetched.media_type not in MANIFESTS:
        raise InvalidArgument(f"unsupported media type {fetched.media_type or 'unknown'}: it is not an image")
    manifest = _document(fetched, Manifest)
    if manifest.config.media_type not in CONFIGS | {_OLD_CONFIG}:
        raise InvalidArgument(
            f"invalid media type {manifest.config.media_type}: this is an artifact and not a container image"
        )
    if len(manifest.layers) > MOST_LAYERS:
        raise InvalidArgument(f"max depth exceeded: {len(manifest.layers)} layers, of {MOST_LAYERS} that are possible")
    if not 0 < manifest.config.size <= LARGEST:
        raise InvalidArgument(f"invalid manifest: an image configuration of {manifest.config.size} bytes")
    for blob in (manifest.config, *manifest.layers):
        if not check_digest(blob.digest).startswith("sha256:"):
            raise InvalidArgument(f"unsupported digest algorithm: {blob.digest}")
    for layer in manifest.layers:
        _check_layer(layer)
    return manifest


def _check_layer(layer: Descriptor) -> None:
    kind = layer.media_type
    if layer.urls or ".foreign." in kind or ".nondistributable." in kind:
        raise InvalidArgument(f"layer {layer.digest} is kept outside of its registry (a foreign layer): refused")
    if kind not in _LAYERS:
        raise InvalidArgument(f"unsupported media type {kind or 'unknown'} of layer {layer.digest}")
    if layer.size < 0:
        raise InvalidArgument(f"invalid manifest: layer {layer.digest} has a size of {layer.size}")


def check_platform(details: ImageConfig, platform: Platform | None, reference: Reference) -> None:
    """Refuse an image that is not for the platform that was asked for. Raises NotFound."""
    host = host_platform()
    actual = Platform(details.os or "linux", details.architecture or host.architecture, details.variant or "")
    if platform is not None and not platform.runs(actual):
        raise NotFound(
            f"image with reference {reference.familiar} was found but its platform ({actual}) does not match "
            f"the specified platform ({platform})"
        )


def explained(error: PoguError, reference: Reference) -> PoguError:
    """Return the error of a pull in the words that Docker has for it."""
    if not isinstance(error, RegistryError):
        return error
    name = reference.familiar_name
    if error.code == "DENIED":
        return NotFound(
            f"pull access denied for {name}, repository does not exist or may require 'docker login': {error.message}"
        )
    if error.code == "MANIFEST_UNKNOWN":
        return NotFound(f"manifest for {reference.familiar} not found: {error.message}")
    if error.code == "NAME_UNKNOWN":
        return NotFound(f"repository {name} not found: {error.message}")
    if error.code == "UNAUTHORIZED":
        return Unauthenticated(error.message)
    return error.plain()
