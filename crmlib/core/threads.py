"""How many threads a fit may take without taking the machine away from others."""

from __future__ import annotations

import os


def free_threads() -> int:
    """The smaller of the cores this process may use and those not busy now; `OMP_NUM_THREADS` goes before both.

    Examples
    --------
    >>> free_threads() >= 1
    True
    """
    pinned = os.environ.get("OMP_NUM_THREADS", "")
    if pinned.isdigit() and int(pinned) > 0:
        return int(pinned)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, min(_physical(allowed), round(allowed - busy)))


def _physical(allowed: int) -> int:
    import psutil  # noqa: PLC0415 - wanted only where threads are chosen

    return min(allowed, psutil.cpu_count(logical=False) or allowed)
