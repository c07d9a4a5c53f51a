"""Networks."""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import FLAG, ID, TEXT, TIME, Shape, each, flags, maybe, record, ref, table, texts

_POOL = record({}, {**texts("Subnet IPRange Gateway"), "AuxiliaryAddresses": table(TEXT)})

NETWORKS: dict[str, Shape] = {
    "NetworkInspect": record(
        {
            "Name": TEXT,
            "Id": ID,
            "Created": TIME,
            **texts("Scope Driver"),
            **flags("EnableIPv4 EnableIPv6 Internal Attachable Ingress"),
            "IPAM": record({"Driver": TEXT, "Options": maybe(table(TEXT)), "Config": each(_POOL)}),
            "ConfigFrom": record({"Network": TEXT}),
            "ConfigOnly": FLAG,
            "Containers": table(record(texts("Name EndpointID MacAddress IPv4Address IPv6Address"))),
            "Options": table(TEXT),
            "Labels": table(TEXT),
        }
    ),
    "NetworkCreated": record({"Id": ID, "Warning": TEXT}),
    "NetworkPruned": record({"NetworksDeleted": maybe(each(TEXT))}),
    "NetworkList": each(ref("NetworkInspect")),
}
