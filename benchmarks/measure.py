"""Run contestants in child processes; CPU seconds and peak memory as the operating system counts them."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from threadpoolctl import threadpool_limits


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds (user + system, children included) and peak resident memory of one child process."""

    cpu_s: float
    peak_mb: float
    wall_s: float


def cost(work: Callable[[], object], *, one_thread: bool = False, before: Callable[[], object] | None = None) -> Cost:
    """Run `work` in a fork and wait for it; the parent's imports and data are shared, its own work is not counted.

    `one_thread` holds it to one core and every BLAS and OpenMP pool to one thread: threads that wait by spinning count
    as CPU seconds, and would make a contestant look slower than its work is. `before` (imports, which a warm process
    has behind it) is done in the child, too, and its CPU and wall seconds are not counted.
    """
    started = datetime.now(UTC)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:  # the child never returns
        try:
            if one_thread:
                os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
                threadpool_limits(1)
            if before is not None:
                before()
            os.write(writer, f"{sum(os.times()[:4])} {(datetime.now(UTC) - started).total_seconds()}".encode())
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    _, status, usage = os.wait4(pid, 0)
    wall = (datetime.now(UTC) - started).total_seconds()
    os.close(writer)
    told = os.read(reader, 100).split()
    os.close(reader)
    if status:
        raise RuntimeError(f"a contestant failed with status {os.waitstatus_to_exitcode(status)}")
    cpu, waited = (float(seconds) for seconds in told) if before is not None else (0.0, 0.0)
    return Cost(usage.ru_utime + usage.ru_stime - cpu, usage.ru_maxrss / 1024, wall - waited)


def compare(
    contestants: Mapping[str, Callable[[], object]],
    *,
    runs: int = 3,
    title: str,
    one_thread: bool = False,
    before: Callable[[], object] | None = None,
) -> dict[str, Cost]:
    """Run every contestant `runs` times in turn (A B A B …), print medians and ratios to the first, return the medians.

    Start heavy libraries (Polars, BLAS) inside the work, not before: their thread pools do not survive a fork.
    """
    seen: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, work in contestants.items():
            seen[name].append(cost(work, one_thread=one_thread, before=before))
    medians = {
        name: Cost(*(statistics.median(getattr(c, f) for c in costs) for f in ("cpu_s", "peak_mb", "wall_s")))
        for name, costs in seen.items()
    }
    first = next(iter(medians.values()))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}, {runs} runs"
    print(f"\n{title} ({machine})\n\n| contestant | CPU s | ratio | peak MB | ratio |\n|---|---|---|---|---|")
    for name, c in medians.items():
        cpu_ratio = c.cpu_s / max(first.cpu_s, 1e-9)
        print(f"| {name} | {c.cpu_s:.2f} | {cpu_ratio:.2f} | {c.peak_mb:.0f} | {c.peak_mb / first.peak_mb:.2f} |")
    return medians
