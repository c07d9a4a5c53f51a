"""What containers print: the reader of the spool that the supervisor writes, whole, from the end, or as it grows."""

from pogu.engine.logs.follow import Ending, follow
from pogu.engine.logs.reader import LogLine, LogOptions, read_logs
from pogu.engine.logs.spool import STDERR, STDOUT, SpoolRecord, parse_record

__all__ = [
    "STDERR",
    "STDOUT",
    "Ending",
    "LogLine",
    "LogOptions",
    "SpoolRecord",
    "follow",
    "parse_record",
    "read_logs",
]
