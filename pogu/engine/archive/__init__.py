"""Archives: reading and writing tar, unpacking it confined to a directory, and `docker cp`.

What other rooms may call is named here. Everything that takes a `Readable` blocks and is for threads; everything
`async` runs its work in a thread of its own.
"""

from pogu.engine.archive.streams import Readable, ThreadReader, produce_in_thread, run_in_thread

__all__ = ["Readable", "ThreadReader", "produce_in_thread", "run_in_thread"]
