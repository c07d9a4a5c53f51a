"""What images an uploaded archive holds: `docker save`'s form in all its ages, and OCI image layouts.

Reading gives plans; nothing is added to the engine here. An archive with a `manifest.json` is Docker's, also when it
is an OCI layout too; without one, `index.json` says what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pogu.engine.images.digests import check_digest, sha256
from pogu.engine.images.imageconfig import LARGEST, ImageConfig, parse_image_config
from pogu.engine.images.layers import LayerFile
from pogu.engine.images.manifest import (
    CONFIGS,
    IMAGE_NAME,
    INDEXES,
    MANIFESTS,
    REF_NAME,
    ArchiveItem,
    Descriptor,
    Index,
    Manifest,
    parse_document,
)
from pogu.engine.images.members import Members
from pogu.engine.images.platform import Platform, host_platform
from pogu.engine.images.reference import Reference, parse_reference
from pogu.errors import InvalidArgument

_DEEPEST = 8  # indexes within indexes
_ATTESTATION = "vnd.docker.reference.type"  # annotation of entries that are not images


@dataclass
class PlannedImage:
    """An image to be added: its configuration's bytes, one archive for each layer, and its names."""

    raw: bytes
    details: ImageConfig
    layers: list[LayerFile | None]  # bottom first; None where the archive does not have it
    references: list[Reference] = field(default_factory=list)
    parent: str = ""

    @property
    def id(self) -> str:
        return sha256(self.raw)


def read_archive(members: Members, platform: Platform | None) -> list[PlannedImage]:
    """Return the images of an archive; blocks. With `platform`, only those built for it.

    Raises:
        InvalidArgument: the archive is incomplete or contradicts itself, or has nothing for the platform.
    """
    if members.find("manifest.json") is not None:
        return _read_docker(members, platform)
    if members.find("index.json") is not None:
        return _read_layout(members, platform)
    raise InvalidArgument("invalid archive: does not contain a manifest.json")


def _read_docker(members: Members, platform: Platform | None) -> list[PlannedImage]:
    data = members.read("manifest.json", LARGEST)
    if data.strip() == b"null":
        raise InvalidArgument("invalid manifest, manifest cannot be null (but can be [])")
    planned = [_docker_image(members, item) for item in parse_document(data, list[ArchiveItem], "manifest.json")]
    return [p for p in planned if platform is None or platform.runs(_platform(p.details))]


def _docker_image(members: Members, item: ArchiveItem) -> PlannedImage:
    raw = members.read(item.config, LARGEST)
    details = parse_image_config(raw)
    paths = item.layers or []
    if len(paths) != len(details.diff_ids):
        raise InvalidArgument(
            f"invalid manifest, layers length mismatch: expected {len(paths)}, got {len(details.diff_ids)}"
        )
    layers = [_docker_layer(members, path, diff) for path, diff in zip(paths, details.diff_ids, strict=True)]
    return PlannedImage(raw, details, layers, [_tag(t) for t in item.repo_tags or ()], item.parent or "")


def _docker_layer(members: Members, path: str, diff_id: str) -> LayerFile | None:
    file = members.find(path)
    return None if file is None else LayerFile(file, diff_id, hashing=members.digest(file))


def _tag(text: str) -> Reference:
    reference = parse_reference(text)
    if not reference.tag:
        raise InvalidArgument(f'invalid tag "{text}"')
    return Reference(reference.domain, reference.path, reference.tag)


def _read_layout(members: Members, platform: Platform | None) -> list[PlannedImage]:
    index = parse_document(members.read("index.json", LARGEST), Index, "index.json")
    groups: dict[str, list[Descriptor]] = {}
    for number, entry in enumerate(index.manifests or ()):
        if _is_image(entry):
            groups.setdefault(_name(entry) or _group(entry, number), []).append(entry)
    planned: dict[str, PlannedImage] = {}
    for entries in groups.values():
        image = _choose(members, entries, platform)
        known = planned.setdefault(image.id, image)
        known.references += [r for r in _references(entries) if r not in known.references]
    if not planned:
        raise InvalidArgument("invalid archive: index.json does not name an image")
    return list(planned.values())


def _group(entry: Descriptor, number: int) -> str:
    """Nameless entries with platforms are variants of one image; without, each is an image of its own."""
    return "" if entry.platform is not None else f"#{number}"


def _is_image(entry: Descriptor) -> bool:
    """Tell images for Linux from attestations (platform unknown/unknown), other systems' images and artefacts."""
    if _ATTESTATION in (entry.annotations or {}):
        return False
    if entry.platform is not None and (entry.platform.os or "linux") != "linux":
        return False
    return entry.media_type in INDEXES | MANIFESTS


def _name(entry: Descriptor) -> str:
    annotations = entry.annotations or {}
    name = annotations.get(IMAGE_NAME)
    if not name:
        name = annotations.get(REF_NAME, "")
        if ":" not in name and "/" not in name:  # a tag of no repository
            return ""
    return name


def _references(entries: list[Descriptor]) -> list[Reference]:
    references = []
    for name in dict.fromkeys(map(_name, entries)):
        if name:
            reference = parse_reference(name).tagged()
            if reference.tag:
                references.append(Reference(reference.domain, reference.path, reference.tag))
    return references


def _choose(members: Members, entries: list[Descriptor], platform: Platform | None) -> PlannedImage:
    """Return the image among the variants that suits `platform` best, or this machine if that is None."""
    images = [image for entry in entries for image in _images(members, entry, _DEEPEST)]
    wanted = platform or host_platform()
    ranks = [wanted.rank(_platform(image.details)) for image in images]
    suited = [(rank, number) for number, rank in enumerate(ranks) if rank is not None]
    if suited:
        return images[min(suited)[1]]
    if len(images) == 1 and platform is None:
        return images[0]
    there = ", ".join(sorted({str(_platform(i.details)) for i in images})) or "none"
    raise InvalidArgument(f"no image for platform {wanted} in the archive; it has: {there}")


def _images(members: Members, entry: Descriptor, depth: int) -> list[PlannedImage]:
    """Read an entry of an index: a manifest, or an index again. Variants whose blobs are missing are left out."""
    if depth == 0:
        raise InvalidArgument("invalid archive: indexes are nested too deeply")
    data = _blob(members, entry)
    if entry.media_type in MANIFESTS:
        return [_layout_image(members, parse_document(data, Manifest, entry.digest))]
    index = parse_document(data, Index, entry.digest)
    present = [e for e in index.manifests or () if _is_image(e) and members.find(_path(e.digest)) is not None]
    return [image for e in present for image in _images(members, e, depth - 1)]


def _layout_image(members: Members, manifest: Manifest) -> PlannedImage:
    if manifest.config.media_type not in CONFIGS:
        raise InvalidArgument(f"invalid archive: {manifest.config.media_type} is not an image configuration")
    raw = _blob(members, manifest.config)
    details = parse_image_config(raw)
    if len(manifest.layers) != len(details.diff_ids):
        raise InvalidArgument(
            f"invalid manifest, layers length mismatch: expected {len(manifest.layers)}, got {len(details.diff_ids)}"
        )
    layers: list[LayerFile | None] = []
    for blob, diff_id in zip(manifest.layers, details.diff_ids, strict=True):
        file = members.find(_path(blob.digest))
        layers.append(None if file is None else LayerFile(file, diff_id, blob.digest, hashing=members.digest(file)))
    return PlannedImage(raw, details, layers)


def _blob(members: Members, entry: Descriptor) -> bytes:
    data = members.read(_path(entry.digest), LARGEST)
    if sha256(data) != entry.digest:
        raise InvalidArgument(f"invalid archive: blob {entry.digest} has digest {sha256(data)}")
    return data


def _path(digest: str) -> str:
    return "blobs/" + check_digest(digest).replace(":", "/")


def _platform(details: ImageConfig) -> Platform:
    host = host_platform()
    return Platform(details.os or "linux", details.architecture or host.architecture, details.variant or "")
