"""nftables through libnftables(3): scripts in the language of nft(8), each applied whole or not at all.

The library is loaded when first needed. A context belongs to the network namespace of the thread that made it.
"""

from __future__ import annotations

import ctypes
import functools
import json
import threading
from typing import Any

from pogu.errors import Unsupported

_OUTPUT_JSON = 1 << 4


class NftablesError(Exception):
    """The kernel or the library refused a script; nothing of it was applied. The message is nft's own."""


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libnftables.so.1")
    except OSError as e:
        raise Unsupported(f"libnftables.so.1 cannot be loaded ({e}): install the package libnftables1") from e
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_free.argtypes = [ctypes.c_void_p]
    library.nft_ctx_free.restype = None
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
        getattr(library, name).restype = ctypes.c_char_p
    library.nft_ctx_output_set_flags.argtypes = [ctypes.c_void_p, ctypes.c_uint]
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return library


class Nftables:
    """One libnftables context; safe for several threads (they take turns).

    Raises (from the constructor):
        Unsupported: the library is not installed, or the kernel has no nf_tables.
    """

    def __init__(self) -> None:
        self._library = _library()
        self._context = self._library.nft_ctx_new(0)
        if not self._context:
            raise Unsupported("nftables cannot be used: the kernel lacks CONFIG_NF_TABLES")
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            if self._context:
                self._library.nft_ctx_free(self._context)
                self._context = None

    def apply(self, script: str) -> None:
        """Run a script of nft commands as one transaction; blocks for about a third of a millisecond.

        Raises:
            NftablesError: it was refused, and the rules are as they were.
        """
        self._run(script, json_output=False)

    def query(self, command: str) -> list[dict[str, Any]]:
        """Run a `list …` command and return the objects of its JSON form (libnftables-json(5)).

        Raises:
            NftablesError: the object does not exist.
        """
        output = self._run(command, json_output=True)
        objects: list[dict[str, Any]] = json.loads(output)["nftables"] if output else []
        return objects

    def _run(self, script: str, *, json_output: bool) -> bytes:
        with self._lock:
            if not self._context:
                raise NftablesError("the nftables context is closed")
            self._library.nft_ctx_output_set_flags(self._context, _OUTPUT_JSON if json_output else 0)
            failed = self._library.nft_run_cmd_from_buffer(self._context, script.encode())
            output = self._library.nft_ctx_get_output_buffer(self._context) or b""
            errors = self._library.nft_ctx_get_error_buffer(self._context) or b""
        if failed:
            raise NftablesError(errors.decode(errors="replace").strip() or "nftables refused a change")
        return bytes(output)
