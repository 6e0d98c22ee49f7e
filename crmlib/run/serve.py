"""Portal and apps behind one port on this machine, with a warm parent for the apps' kernels."""

from __future__ import annotations

import socket
from collections.abc import Callable

from crmlib.core.errors import RunError
from crmlib.run import voila_app, warm
from crmlib.run.workspace import Workspace
from crmlib.text import Words


def serve(space: Workspace, *, port: int, say: Callable[[str], None], words: Words) -> None:
    """Serve until interrupted: `/` is the portal, `/apps/<report>` an app.

    Raises
    ------
    RunError
        `run.port_taken`.
    """
    _refuse_taken(port)
    with warm.parent() as variables:
        serving = voila_app.Serving(
            notebooks=space.notebooks, lake=space.lake, reports=space.reports, environment=variables
        )
        app = voila_app.application(serving, port=port)
        say(words("cli.serving", address=f"http://{voila_app.LOOPBACK}:{port}/"))
        app.start()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((voila_app.LOOPBACK, port))
        except OSError as problem:
            raise RunError(
                "run.port_taken",
                given=f"port {port}: {problem.strerror}",
                expected="a free port of this machine",
                mend="end the other server, or choose another port with --port",
                values={"port": port, "problem": str(problem.strerror)},
            ) from None
