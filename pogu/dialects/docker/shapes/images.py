"""Images."""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import (
    DIGEST,
    NUMBER,
    TEXT,
    TIME,
    Shape,
    each,
    flags,
    maybe,
    numbers,
    record,
    ref,
    table,
    texts,
)

IMAGES: dict[str, Shape] = {
    "ImageSummary": record(
        {
            "Id": DIGEST,
            "ParentId": TEXT,
            "RepoTags": each(TEXT),
            "RepoDigests": each(TEXT),
            **numbers("Created Size SharedSize Containers"),
            "Labels": maybe(table(TEXT)),
        },
        {"Manifests": each(ref("ImageManifest"))},
    ),
    "ImageManifest": record(
        {
            "ID": DIGEST,
            "Descriptor": record(
                {"mediaType": TEXT, "digest": DIGEST, "size": NUMBER, "platform": ref("ImagePlatform")}
            ),
            **flags("Available"),
            "Size": record(numbers("Content Total")),
            "Kind": TEXT,
            "ImageData": record(
                {
                    "Platform": ref("ImagePlatform"),
                    "Containers": each(TEXT),
                    "Size": record(numbers("Unpacked")),
                }
            ),
        }
    ),
    "ImagePlatform": record(texts("architecture os"), texts("variant")),
    "ImageInspect": record(
        {
            "Id": DIGEST,
            "RepoTags": each(TEXT),
            "RepoDigests": each(TEXT),
            **texts("Parent Comment DockerVersion Author Architecture Os"),
            "Created": TIME,
            "Config": ref("ContainerConfig"),
            "Size": NUMBER,
            "GraphDriver": record({"Data": maybe(table(TEXT)), "Name": TEXT}),
            "RootFS": record({"Type": TEXT}, {"Layers": each(DIGEST)}),
            "Metadata": record({"LastTagTime": TIME}),
        },
        {**texts("Variant OsVersion"), "Manifests": each(ref("ImageManifest"))},
    ),
    "ImageHistory": record(
        {**texts("Id CreatedBy Comment"), **numbers("Created Size"), "Tags": maybe(each(TEXT))},
    ),
    "ImageRemoved": {
        "oneOf": [record({"Untagged": TEXT}), record({"Deleted": TEXT})],
    },
    "ImagePruned": record({"ImagesDeleted": maybe(each(ref("ImageRemoved"))), "SpaceReclaimed": NUMBER}),
    "Progress": record(
        {},
        {
            **texts("status id progress stream error"),
            "progressDetail": record({}, numbers("current total")),
            "errorDetail": record({"message": TEXT}),
            "aux": record({"Tag": TEXT, "Digest": DIGEST, "Size": NUMBER}),
        },
    ),
    "LoggedIn": record(texts("Status IdentityToken")),
    "SearchResult": record({**texts("name description"), "star_count": NUMBER, **flags("is_official is_automated")}),
    "DistributionInspect": record(
        {
            "Descriptor": record({"mediaType": TEXT, "digest": DIGEST, "size": NUMBER}),
            "Platforms": each(ref("ImagePlatform")),
        }
    ),
}
