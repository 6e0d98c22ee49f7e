"""Charts to pictures, in a process of its own.

The drawing engine (a JavaScript engine, half a second of work to start) holds Python's lock while it works and ends its
process on some inputs. Here it starts and works beside the notebook, and what it breaks is itself.

One JSON request per line: ``{"spec": Vega-Lite, "language": "zh"}``; one answer per line: ``{"svg": …, "vega": …}`` or
``{"error": …}``.

``python -m crmlib.kit.charts.drawer`` answers on its standard streams: the engine of one page.
``python -m crmlib.kit.charts.drawer SOCKET 2`` keeps two engines for many pages, one request per connection; an engine
that dies is replaced. Both end with their standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
from typing import Any

from crmlib.kit.words.locales import locale

VARIABLE = "CRMLIB_DRAW"
"""Names the socket where engines are kept."""
MOST_SECONDS = 30
"""An engine that draws one chart for longer is ended and replaced."""
_FIRST = {"mark": "point", "data": {"values": []}}
_LOOK_SECONDS = 0.5


def drawn(spec: str, *, language: str) -> dict[str, Any]:
    """The compiled Vega specification of a Vega-Lite one, and its picture.

    Parameters
    ----------
    spec : Vega-Lite as JSON.
    language : of the names of months and days.

    Examples
    --------
    >>> sorted(drawn(json.dumps(_FIRST), language="zh"))
    ['svg', 'vega']
    """
    import vl_convert  # noqa: PLC0415

    vega = vl_convert.vegalite_to_vega(spec, show_warnings=False)
    vega.pop("$schema", None)
    silence(vega)
    time: Any = locale(language).time
    times = vl_convert.get_time_format_locale(time)
    return {"vega": vega, "svg": vl_convert.vega_to_svg(vega, time_format_locale=times, allowed_base_urls=[])}


def silence(group: dict[str, Any]) -> None:
    """Hide every mark, axis and legend from screen readers: the picture as a whole has its text alternative."""
    for part in (*group.get("marks", ()), *group.get("axes", ()), *group.get("legends", ())):
        part["aria"] = False
        silence(part)
    if isinstance(group.get("title"), dict):
        group["title"]["aria"] = False


def answered(line: bytes) -> bytes:
    """The answer to one request."""
    request = json.loads(line)
    try:
        answer = drawn(json.dumps(request["spec"]), language=request["language"])
    except Exception as problem:  # whatever the engine says of a specification
        answer = {"error": str(problem)[:500]}
    return json.dumps(answer).encode() + b"\n"


def main() -> None:
    """Answer the requests of standard input until it ends."""
    drawn(json.dumps(_FIRST), language="en")  # starts the engine before the first request comes
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(answered(line))
        sys.stdout.buffer.flush()


def keep(address: str, *, engines: int) -> None:
    """Keep engines that answer at `address` until standard input ends."""
    import vl_convert  # noqa: F401, PLC0415  (without it nobody should find an address)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        old = os.umask(0o177)
        server.bind(address)
        os.umask(old)
        server.listen(64)
        kept = {_forked(server) for _ in range(engines)}
        while not select.select([0], [], [], _LOOK_SECONDS)[0]:
            while kept and (gone := os.waitpid(-1, os.WNOHANG)[0]):
                kept.discard(gone)
            while len(kept) < engines:
                kept.add(_forked(server))
        os.unlink(address)


def _forked(server: socket.socket) -> int:
    """An engine in a child, which never returns from here; the engine itself would not survive a fork."""
    pid = os.fork()
    if pid == 0:
        threading.Thread(target=_end_with_input, daemon=True).start()
        try:
            drawn(json.dumps(_FIRST), language="en")
            while True:
                _serve(server.accept()[0])
        finally:
            os._exit(1)
    return pid


def _serve(connection: socket.socket) -> None:
    with connection:
        line = connection.makefile("rb").readline()
        signal.alarm(MOST_SECONDS)
        answer = answered(line) if line else b""
        signal.alarm(0)
        with contextlib.suppress(OSError):  # whoever asked is gone
            connection.sendall(answer)


def _end_with_input() -> None:
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        keep(sys.argv[1], engines=int(sys.argv[2]))
    else:
        main()
