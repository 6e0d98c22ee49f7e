"""What a process keeps of its memory: an ingest for its next step, a page for a second; what it starts is not told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from crmlib.core import allocators

USES = """
import os, sys, time
from crmlib.core import allocators
if sys.argv[1] == "keep":
    allocators.keep()
    assert "polars" in sys.modules and allocators.JEMALLOC not in os.environ
import polars as pl

def resident() -> int:
    return int(open("/proc/self/statm").read().split()[1]) * 4096

rows = [pl.int_range(1_000_000, eager=True) + n for n in range(40)]
del rows
at_once = resident()
time.sleep(float(sys.argv[2]))
for n in range(2_000):
    pl.int_range(10_000, eager=True) + n
print(at_once, resident())
"""


def used(how: str, *, seconds: float, **environment: str) -> tuple[int, int]:
    """Bytes that a process holds when it has used and freed 320 MB, and after some seconds and some more work."""
    told = {name: value for name, value in os.environ.items() if name != allocators.JEMALLOC} | environment
    ran = subprocess.run(
        [sys.executable, "-c", USES, how, str(seconds)],
        env=told,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    at_once, later = map(int, ran.stdout.split())
    return at_once, later


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_keeps_what_it_freed_or_gives_it_back() -> None:
    kept, given = used("keep", seconds=0)[1], used("give back", seconds=2, **allocators.GIVE_BACK)[1]
    assert kept - given > 250_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_a_page_freed_waits_for_its_next_step() -> None:
    at_once, later = "dirty_decay_ms:0,muzzy_decay_ms:0", allocators.GIVE_BACK[allocators.JEMALLOC]
    none, some = (used("give back", seconds=0, **{allocators.JEMALLOC: told})[0] for told in (at_once, later))
    assert some - none > 200_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_somebody_has_set_stays_set() -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from crmlib.core import allocators as a; a.keep(); import os; print(os.environ[a.JEMALLOC])",
        ],
        env=os.environ | allocators.GIVE_BACK,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == allocators.GIVE_BACK[allocators.JEMALLOC]


@pytest.mark.parametrize("command", ["ingest", "reduce"])
def test_the_commands_that_read_everything_keep_it(command: str) -> None:
    """Nothing before them may load Polars: its allocator reads its settings once."""
    script = (
        "import sys; from crmlib import cli; assert 'polars' not in sys.modules;"
        "from crmlib.core import allocators;"
        "allocators.keep = lambda: (print('kept', 'polars' in sys.modules), sys.exit());"
        f"sys.argv = ['crmlib', '{command}', *sys.argv[1:]]; cli.main()"
    )
    more = ["cdnow"] if command == "ingest" else []
    ran = subprocess.run([sys.executable, "-c", script, *more], capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout.split() == ["kept", "False"], ran.stderr
