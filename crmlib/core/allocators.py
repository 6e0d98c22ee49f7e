"""What memory a process keeps when it has freed it: the kernel gives out each page once more, and blanks it, else."""

from __future__ import annotations

import ctypes
import os
import sys

JEMALLOC = "_RJEM_MALLOC_CONF"
"""Settings of Polars' allocator (jemalloc), read as Polars is loaded and never again."""
GIVE_BACK = {JEMALLOC: "dirty_decay_ms:0,muzzy_decay_ms:0"}
"""For a session, which waits for somebody most of its time: what a frame needed once goes back at once."""
KEEP = {JEMALLOC: "narenas:1,dirty_decay_ms:-1"}
"""For work that ends by itself: nothing goes back before. One arena: what one thread freed is there for the others."""
TRIM, MAPPED = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of the C library, whose memory Delta's writer takes."""
FREE_AT_THE_END, LARGE = 1 << 30, 1 << 25
"""Bytes: so much may lie unused at the end of the heap; from this size on a block is the kernel's own."""


def keep() -> None:
    """Let this process keep what it freed until it ends; for Polars only before it is loaded, which it then is.

    Processes that this one starts are not told: they may be sessions.
    """
    if JEMALLOC in os.environ or "polars" in sys.modules:
        return
    os.environ |= KEEP
    try:
        import polars  # noqa: F401, PLC0415 (loaded for what it reads as it is loaded)
    finally:
        del os.environ[JEMALLOC]
    if sys.platform == "linux" and (tune := getattr(ctypes.CDLL(None), "mallopt", None)):  # musl has none
        tune(TRIM, FREE_AT_THE_END)
        tune(MAPPED, LARGE)
