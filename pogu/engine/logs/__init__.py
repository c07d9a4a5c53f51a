"""What containers print: the reader of the spool that the supervisor writes, whole, from the end, or as it grows."""

from pogu.engine.logs.files import Position, end_of
from pogu.engine.logs.follow import Ending, follow
from pogu.engine.logs.reader import LogLine, LogOptions, read_log_batches, read_logs
from pogu.engine.logs.rotation import RotationPolicy, is_full, rotation_policy, shift
from pogu.engine.logs.spool import STDERR, STDOUT, SpoolRecord, parse_record

__all__ = [
    "STDERR",
    "STDOUT",
    "Ending",
    "LogLine",
    "LogOptions",
    "Position",
    "RotationPolicy",
    "SpoolRecord",
    "end_of",
    "follow",
    "is_full",
    "parse_record",
    "read_log_batches",
    "read_logs",
    "rotation_policy",
    "shift",
]
