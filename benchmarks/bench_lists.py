"""A sender of lists killed −9 again and again over a real mail server: no second copy, nothing lost in silence.

`python benchmarks/bench_lists.py [--kills 20] [--members 400]`, from the project's folder.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from aiosmtpd.controller import Controller

from crmlib.run.deliver import Smtp
from crmlib.run.lists import book, sending
from crmlib.run.lists.ways import Mail
from tests.run.lists.conftest import NOON, Box, made, ready, rules
from tests.run.lists.test_sending import KILLED


def killed(folder: Path, *, kills: int, members: int, rng: np.random.Generator) -> None:
    """Kill at a random mail of a random pass, then let the rest leave, and count."""
    lake = made(folder / "lake", n=members)
    ready(lake, n=members)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    smtp = Smtp(host="127.0.0.1", port=port, security="loopback", sender="shop@example.com")
    done = 0
    for _ in range(kills):
        after = len(box.mails) + int(rng.integers(1, max(2, members // kills // 2)))
        env = os.environ | {"PYTHONPATH": str(Path.cwd())}
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(lake.path), str(port)], env=env)
        while len(box.mails) < after and child.poll() is None:
            time.sleep(rng.random() * 1e-3)
        done += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    came = sending.send(
        lake, "L1", channel="email", way=Mail(smtp), rules=rules(smtp), clock=lambda: NOON, by="li", finish=True
    )
    controller.stop()
    to = [m["To"] for m in box.mails]
    contact = book.find(lake, "L1").contact.height
    twice, unknown = len(to) - len(set(to)), came.counts.get("unknown", 0)
    lost = contact - len(to)
    holds = twice == 0 and unknown <= done and lost <= unknown and sum(came.counts.values()) == contact
    print(f"| {done} of {kills} kills while sending, {contact} messages | no second copy; lost ≤ unknown ≤ kills | "
          f"{twice} twice, {lost} lost, {unknown} unknown, {came.counts.get('sent', 0)} sent | "
          f"{'holds' if holds else 'MISSES'} |")  # fmt: skip


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--members", type=int, default=400)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        killed(Path(place), kills=given.kills, members=given.members, rng=np.random.default_rng(7))
