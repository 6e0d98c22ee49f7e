"""What memory a process keeps when it has freed it; what goes back, the kernel gives out and blanks once more."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib import import_module

JEMALLOC = "_RJEM_MALLOC_CONF"
"""Settings of the allocators (jemalloc) of Polars and deltalake, read as each is loaded and never again."""
GIVE_BACK = {JEMALLOC: "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0"}
"""For a page: what a frame needed waits a second for the next one, in one arena, and then goes back."""
KEEP = {JEMALLOC: "narenas:1,dirty_decay_ms:30000"}
"""For work that ends by itself: what one batch freed waits for the next; in one arena, so that any thread takes it."""
TRIM, MAPPED = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of the C library, whose memory Arrow and Python take."""
FREE_AT_THE_END, LARGE = 1 << 30, 1 << 25
"""Bytes: so much may lie unused at the end of the heap; from this size on a block is the kernel's own."""


def keep() -> None:
    """Let this process keep what it freed for the next step; to be called before Polars is loaded, which it then is.

    Processes that this one starts are not told: they may be sessions.
    """
    if JEMALLOC in os.environ or "polars" in sys.modules:
        return
    os.environ |= KEEP
    try:
        for library in ("polars", "deltalake"):
            import_module(library)
    finally:
        del os.environ[JEMALLOC]
    if sys.platform == "linux" and (tune := getattr(ctypes.CDLL(None), "mallopt", None)):  # musl has none
        tune(TRIM, FREE_AT_THE_END)
        tune(MAPPED, LARGE)
