"""Waiting for another process: it ends when it is so, or when nobody can make it so; a slow machine fails no test."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable

import psutil

HANG = 600.0
"""Seconds after which something hangs; whatever is only slow has long been ready."""


def until(so: Callable[[], object], *, alive: Callable[[], bool] = lambda: True) -> None:
    """Look again and again until it is so; an error where it hangs, or where `alive` ends before."""
    end = time.monotonic() + HANG
    while not so():
        if not alive() and not so():
            raise AssertionError("what was waited for has ended")
        if time.monotonic() > end:
            raise TimeoutError("it hangs")
        time.sleep(0.02)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody answers on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether all have ended, collected by their parent or not."""
    return not any(_runs(one) for one in processes)


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """End a process politely, else for good, and wait for it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(HANG)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
