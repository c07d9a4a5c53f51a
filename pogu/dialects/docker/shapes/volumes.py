"""Volumes."""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import NUMBER, TEXT, TIME, Shape, each, maybe, numbers, record, ref, table, texts

VOLUMES: dict[str, Shape] = {
    "VolumeInspect": record(
        {
            "CreatedAt": TIME,
            **texts("Driver Mountpoint Name Scope"),
            "Labels": maybe(table(TEXT)),
            "Options": maybe(table(TEXT)),
        },
        {"UsageData": record(numbers("RefCount Size"))},
    ),
    "VolumeList": record({"Volumes": each(ref("VolumeInspect")), "Warnings": maybe(each(TEXT))}),
    "VolumePruned": record({"VolumesDeleted": maybe(each(TEXT)), "SpaceReclaimed": NUMBER}),
}
