"""`moby.buildkit.v1`: what a build tells, what a builder is asked for."""

from __future__ import annotations

from typing import Annotated

from pogu.dialects.buildkit.messages.ops import Definition, Platform, Range, SourceInfo
from pogu.dialects.buildkit.protobuf import Message

NS = 10**9


class Timestamp(Message):
    """`google.protobuf.Timestamp`: since 1970."""

    seconds: Annotated[int, 1] = 0
    nanos: Annotated[int, 2] = 0


def timestamp(ns: int | None) -> Timestamp | None:
    """Return nanoseconds since 1970 as a message."""
    return None if ns is None else Timestamp(seconds=ns // NS, nanos=ns % NS)


class Vertex(Message):
    digest: Annotated[str, 1] = ""
    inputs: Annotated[list[str], 2] = []
    name: Annotated[str, 3] = ""
    cached: Annotated[bool, 4] = False
    started: Annotated[Timestamp | None, 5] = None
    completed: Annotated[Timestamp | None, 6] = None
    error: Annotated[str, 7] = ""


class VertexStatus(Message):
    id: Annotated[str, 1] = ""
    vertex: Annotated[str, 2] = ""
    name: Annotated[str, 3] = ""
    current: Annotated[int, 4] = 0
    total: Annotated[int, 5] = 0
    timestamp: Annotated[Timestamp | None, 6] = None
    started: Annotated[Timestamp | None, 7] = None
    completed: Annotated[Timestamp | None, 8] = None


class VertexLog(Message):
    vertex: Annotated[str, 1] = ""
    timestamp: Annotated[Timestamp | None, 2] = None
    stream: Annotated[int, 3] = 0
    msg: Annotated[bytes, 4] = b""


class VertexWarning(Message):
    vertex: Annotated[str, 1] = ""
    level: Annotated[int, 2] = 0
    short: Annotated[bytes, 3] = b""
    detail: Annotated[list[bytes], 4] = []
    url: Annotated[str, 5] = ""
    info: Annotated[SourceInfo | None, 6] = None
    ranges: Annotated[list[Range], 7] = []


class StatusRequest(Message):
    ref: Annotated[str, 1] = ""


class StatusResponse(Message):
    vertexes: Annotated[list[Vertex], 1] = []
    statuses: Annotated[list[VertexStatus], 2] = []
    logs: Annotated[list[VertexLog], 3] = []
    warnings: Annotated[list[VertexWarning], 4] = []


class CacheOptionsEntry(Message):
    type: Annotated[str, 1] = ""
    attrs: Annotated[dict[str, str], 2] = {}


class CacheOptions(Message):
    export_ref_deprecated: Annotated[str, 1] = ""
    import_refs_deprecated: Annotated[list[str], 2] = []
    export_attrs_deprecated: Annotated[dict[str, str], 3] = {}
    exports: Annotated[list[CacheOptionsEntry], 4] = []
    imports: Annotated[list[CacheOptionsEntry], 5] = []


class Exporter(Message):
    type: Annotated[str, 1] = ""
    attrs: Annotated[dict[str, str], 2] = {}


class SolveRequest(Message):
    ref: Annotated[str, 1] = ""
    definition: Annotated[Definition | None, 2] = None
    exporter_deprecated: Annotated[str, 3] = ""
    exporter_attrs_deprecated: Annotated[dict[str, str], 4] = {}
    session: Annotated[str, 5] = ""
    frontend: Annotated[str, 6] = ""
    frontend_attrs: Annotated[dict[str, str], 7] = {}
    cache: Annotated[CacheOptions | None, 8] = None
    entitlements: Annotated[list[str], 9] = []
    frontend_inputs: Annotated[dict[str, Definition], 10] = {}
    internal: Annotated[bool, 11] = False
    exporters: Annotated[list[Exporter], 13] = []


class SolveResponse(Message):
    exporter_response: Annotated[dict[str, str], 1] = {}


class GCPolicy(Message):
    all: Annotated[bool, 1] = False
    keep_duration: Annotated[int, 2] = 0
    reserved_space: Annotated[int, 3] = 0
    filters: Annotated[list[str], 4] = []


class BuildkitVersion(Message):
    package: Annotated[str, 1] = ""
    version: Annotated[str, 2] = ""
    revision: Annotated[str, 3] = ""


class WorkerRecord(Message):
    id: Annotated[str, 1] = ""
    labels: Annotated[dict[str, str], 2] = {}
    platforms: Annotated[list[Platform], 3] = []
    gc_policy: Annotated[list[GCPolicy], 4] = []
    version: Annotated[BuildkitVersion | None, 5] = None


class ListWorkersRequest(Message):
    filter: Annotated[list[str], 1] = []


class ListWorkersResponse(Message):
    record: Annotated[list[WorkerRecord], 1] = []


class InfoRequest(Message):
    pass


class InfoResponse(Message):
    version: Annotated[BuildkitVersion | None, 1] = None


class UsageRecord(Message):
    id: Annotated[str, 1] = ""
    mutable: Annotated[bool, 2] = False
    in_use: Annotated[bool, 3] = False
    size: Annotated[int, 4] = 0
    parent: Annotated[str, 5] = ""
    created_at: Annotated[Timestamp | None, 6] = None
    last_used_at: Annotated[Timestamp | None, 7] = None
    usage_count: Annotated[int, 8] = 0
    description: Annotated[str, 9] = ""
    record_type: Annotated[str, 10] = ""
    shared: Annotated[bool, 11] = False
    parents: Annotated[list[str], 12] = []


class DiskUsageRequest(Message):
    filter: Annotated[list[str], 1] = []


class DiskUsageResponse(Message):
    record: Annotated[list[UsageRecord], 1] = []


class PruneRequest(Message):
    filter: Annotated[list[str], 1] = []
    all: Annotated[bool, 2] = False
    keep_duration: Annotated[int, 3] = 0
    """Nanoseconds."""
    reserved_space: Annotated[int, 4] = 0
