"""Who answers an attack: the server under test, or one that an earlier measurement left; a part of `attack.py`."""

from __future__ import annotations

import ipaddress
import socket
from datetime import UTC, datetime
from pathlib import Path

import psutil


def process_of(host: str, port: int) -> psutil.Process | None:
    """The process that listens on a server's port, where it runs on this machine and may be looked at."""
    if not ipaddress.ip_address(socket.gethostbyname(host)).is_loopback:
        return None
    try:
        held = psutil.net_connections("tcp")
        return psutil.Process(next(c.pid for c in held if c.status == "LISTEN" and c.laddr[1:] == (port,) and c.pid))
    except (psutil.Error, StopIteration):
        return None


def wrong_server(listens: psutil.Process | None, *, pid: int | None, changed: float, any_age: bool) -> str:
    """Why whoever `listens` is not the server under test; empty if it is, or if nothing says that it is not.

    Parameters
    ----------
    pid : the process that it is or that it was started by.
    changed : when the code was last changed [s since 1970].
    """
    if listens is None:
        return "" if pid is None else f"process {pid} was named, and nobody seen here listens on the port"
    started = datetime.fromtimestamp(listens.create_time(), UTC).astimezone()
    who = f"process {listens.pid}, started {started:%Y-%m-%d %H:%M:%S}"
    if pid is not None and pid not in {listens.pid, *(p.pid for p in listens.parents())}:
        return f"{who}, listens on the port, and it is not process {pid}"
    if listens.create_time() < changed and not any_age:
        return f"{who}, is older than the code ({datetime.fromtimestamp(changed, UTC).astimezone():%Y-%m-%d %H:%M:%S})"
    print(f"        {who}, answers: {' '.join(listens.cmdline())[:120]}", flush=True)
    return ""


def code_changed() -> float:
    """When a module of the package beside this file was last changed [s since 1970]."""
    return max(file.stat().st_mtime for file in (Path(__file__).parents[1] / "crmlib").rglob("*.py"))
