"""Archives: reading and writing tar, unpacking it confined to a directory, and `docker cp`.

What other rooms may call is named here. Everything that takes a `Readable` blocks and is for threads
(`run_in_thread`); everything `async` runs its work in a thread of its own.
"""

from pogu.engine.archive.ahead import ReadAhead
from pogu.engine.archive.compression import decompress, detect
from pogu.engine.archive.copying import PathStat, get_archive, put_archive, resolve, stat_path
from pogu.engine.archive.directories import Lower
from pogu.engine.archive.extract import ExtractOptions, Extractor, Whiteouts, clean, extract
from pogu.engine.archive.go_modes import go_mode
from pogu.engine.archive.hashing import Counted, CountedFile, Hashed, Tee
from pogu.engine.archive.header import DIRECTORY, FIFO, HARDLINK, REGULAR, SYMLINK, Entry, padding
from pogu.engine.archive.header import build as build_header
from pogu.engine.archive.pack import pack
from pogu.engine.archive.reader import TarReader
from pogu.engine.archive.streams import CHUNK, FileReader, Readable, ThreadReader, produce_in_thread, run_in_thread
from pogu.engine.archive.writer import TarWriter

__all__ = [
    "CHUNK",
    "DIRECTORY",
    "FIFO",
    "HARDLINK",
    "REGULAR",
    "SYMLINK",
    "Counted",
    "CountedFile",
    "Entry",
    "ExtractOptions",
    "Extractor",
    "FileReader",
    "Hashed",
    "Lower",
    "PathStat",
    "ReadAhead",
    "Readable",
    "TarReader",
    "TarWriter",
    "Tee",
    "ThreadReader",
    "Whiteouts",
    "build_header",
    "clean",
    "decompress",
    "detect",
    "extract",
    "get_archive",
    "go_mode",
    "pack",
    "padding",
    "produce_in_thread",
    "put_archive",
    "resolve",
    "run_in_thread",
    "stat_path",
]
