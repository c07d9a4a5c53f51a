"""Samples of a container's use of the machine."""

from __future__ import annotations

from pogu.dialects.docker.shapes.base import ID, NUMBER, TEXT, TIME, Shape, each, maybe, numbers, record, table, texts

_BLOCK_IO = record(
    dict.fromkeys(
        (
            "io_service_bytes_recursive io_serviced_recursive io_queue_recursive io_service_time_recursive "
            "io_wait_time_recursive io_merged_recursive io_time_recursive sectors_recursive"
        ).split(),
        maybe(each(record({**numbers("major minor value"), **texts("op")}))),
    )
)
_CPU = record(
    {
        "cpu_usage": record(
            numbers("total_usage usage_in_kernelmode usage_in_usermode"), {"percpu_usage": each(NUMBER)}
        ),
        "throttling_data": record(numbers("periods throttled_periods throttled_time")),
    },
    numbers("system_cpu_usage online_cpus"),
)
_INTERFACE = record(
    numbers("rx_bytes rx_packets rx_errors rx_dropped tx_bytes tx_packets tx_errors tx_dropped"),
)

MEASURES: dict[str, Shape] = {
    "ContainerStats": record(
        {
            "name": TEXT,
            "id": ID,
            "read": TIME,
            "preread": TIME,
            "num_procs": NUMBER,
            "pids_stats": record({}, numbers("current limit")),
            "blkio_stats": _BLOCK_IO,
            "storage_stats": record({}),
            "cpu_stats": _CPU,
            "precpu_stats": _CPU,
            "memory_stats": record({}, {**numbers("usage limit max_usage failcnt"), "stats": table(NUMBER)}),
        },
        {"networks": table(_INTERFACE)},
    ),
}
