"""A process that ends with the one that started it."""

from __future__ import annotations

import signal
import sys


def die_with_parent() -> None:
    """On Linux, ask to be ended when the parent is: a killed runner leaves nothing behind that still computes."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
