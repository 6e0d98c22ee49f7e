"""Portal and apps behind one port on this machine, with a warm parent for the apps' kernels."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from crmlib.core.errors import RunError
from crmlib.kit.words import Words
from crmlib.report import registry
from crmlib.run.process import ask as warm
from crmlib.run.workspace import Workspace
from crmlib.serve import voila_app
from crmlib.serve.handlers import Bounds, Serving
from crmlib.serve.lists import Lists
from crmlib.serve.login import Guard, Proxy
from crmlib.serve.sessions import Sessions
from crmlib.serve.users import Door, read

USERS, AUDIT = "users.toml", "audit.jsonl"
PROXY = "CRMLIB_PROXY"


def serve(
    space: Workspace,
    *,
    port: int,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    words: Words,
    bounds: Bounds,
) -> None:
    """Serve until interrupted: `/` is the portal, `/apps/<report>` an app.

    With `users.toml` in the lake's folder everybody must log in, from the moment it is there; without it the server is
    for whoever sits at this machine. CRMLIB_PROXY_HEADER and CRMLIB_PROXY_SECRET name a reverse proxy that does the
    login instead.

    Raises
    ------
    RunError
        `run.port_taken`.
    """
    _refuse_taken(port)
    front = guard(space, clock=clock)  # what is wrong with it is told before a process is started
    kept = Lists(space.lake / f".lists-{port}", time.monotonic)
    notebooks = [registry.notebook(name, project=space.root) for name in registry.servable(project=space.root)]
    with warm.parent(notebooks=notebooks, wait=False) as variables:
        serving = Serving(
            notebooks=space.notebooks,
            lake=space.lake,
            reports=space.reports,
            guard=front,
            lists=kept,
            bounds=bounds,
            environment=variables,
        )
        app = voila_app.application(serving, port=port)
        kept.start()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended politely, nothing is left behind
        try:
            say(words("cli.serving", address=f"http://{voila_app.LOOPBACK}:{port}/"))
            say(who_may_enter(serving.guard, words))
            app.start()
        finally:
            kept.end()


def guard(space: Workspace, *, clock: Callable[[], datetime]) -> Guard:
    """The front door of this workspace, from its users file and the environment.

    Raises
    ------
    RunError
        `run.bad_users`; `run.users_lost`: a lake that was restored without them must not stand open;
        `run.half_proxy`, `run.proxy_without_users`: a proxy that says who somebody is needs both a header and a secret,
        and users whom it may name.
    """
    file = space.lake / USERS
    audit = space.lake / AUDIT
    if file.is_file():
        read(file)  # a wrong file is told now, not at the first login
    elif somebody_entered(audit):
        raise RunError("run.users_lost", values={"file": str(file), "audit": str(audit)})
    header, secret = (os.environ.pop(f"{PROXY}_{part}", "") for part in ("HEADER", "SECRET"))
    if bool(header) != bool(secret):
        raise RunError("run.half_proxy", values={"missing": f"{PROXY}_{'SECRET' if header else 'HEADER'}"})
    if header and not file.is_file():
        raise RunError("run.proxy_without_users", values={"file": str(file)})
    return Guard(
        door=Door(file, time.monotonic),
        sessions=Sessions(time.monotonic),
        audit=audit,
        clock=clock,
        proxy=Proxy(header, secret) if header else None,
        secure=os.environ.get("CRMLIB_HTTPS") == "1",
    )


def somebody_entered(audit: Path) -> bool:
    """Whether anybody ever came in by a password, as the audit says: there were users then."""
    if not audit.is_file():
        return False
    with audit.open(encoding="utf-8", errors="replace") as lines:
        return any('"outcome": "entered"' in line for line in lines)


def who_may_enter(front: Guard, words: Words) -> str:
    """Whether anybody may enter, in words for whoever starts the server."""
    if front.proxy is not None:
        return words("cli.enter_proxy", header=front.proxy.header)
    if front.door.open():
        return words("cli.enter_all")
    return words("cli.enter_users", count=words.format.count(len(front.door.users())))


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((voila_app.LOOPBACK, port))
        except OSError as problem:
            raise RunError("run.port_taken", values={"port": port, "problem": str(problem.strerror)}) from None
