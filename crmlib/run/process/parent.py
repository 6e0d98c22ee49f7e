"""A parent that has imported the stack once and forks a warm process for each request.

Imports are most of the cost of a cold run. The parent listens on a socket that only its own user can open; a request
names what to become (`kernel`: an IPython kernel for a connection file; `run`: a report worker) with its environment
and folder. The connection stays open as long as the child lives: if the asker goes, the child ends; if the child goes,
the asker reads the end of the stream. Nothing secret is ever in the parent: a child gets its environment per request.

Started as ``python -m crmlib.run.process.parent SOCKET NOTEBOOK…``; ends with its parent, or when the socket's file is
gone.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from crmlib.core.errors import ParameterError
from crmlib.kit import notebook as notebook_file
from crmlib.run.process.die_with_parent import die_with_parent

STACK = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "sqlite3",
    "papermill",
    "polars.io.delta",
    "narwhals.stable.v1",
    "narwhals._polars.dataframe",
    "numpy",
    "scipy.optimize",
    "scipy.special",
    "altair",
    "great_tables",
    "vl_convert",
    "babel.numbers",
    "xlsxwriter",
    "jinja2",
    "lunardate",
    "crmlib.data.lake.lake",
    "crmlib.data.lake.pseudonyms",
    "crmlib.core.calendar",
    "crmlib.run.process.client",
    "crmlib.run.process.worker",
    "crmlib.kit.table",
)
"""What every run needs, whatever its notebook imports."""
HARMLESS = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
"""Threads that imports start and forks survive: jemalloc's purger (it has fork handlers), Polars' cleaner of spills."""
_ACCEPT_SECONDS = 1.0


def main(address: str, *notebooks: str) -> int:
    """Import the stack and what the notebooks import, create the socket, and fork until the asker is gone."""
    die_with_parent()
    _import([*STACK, *imported_by(map(Path, notebooks))])
    _rehearse()
    if unknown := _threads() - HARMLESS:  # a lock held by another thread would stay locked in every child
        print(f"the warm parent has threads after its imports: {unknown}; refusing to fork", file=sys.stderr)
        return 1
    gc.collect()
    gc.freeze()
    path = Path(address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        old = os.umask(0o177)
        server.bind(address)
        os.umask(old)
        server.listen(64)
        server.settimeout(_ACCEPT_SECONDS)
        signal.signal(signal.SIGCHLD, _reap)
        while path.exists():
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                _fork(connection, server)
    return 0


def _reap(*_: object) -> None:
    """Take note of ended children: what they used then counts as used by this process."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _threads() -> frozenset[str]:
    """Names of this process's threads other than the main one."""
    tasks = Path("/proc/self/task")
    others = (t for t in tasks.iterdir() if t.name != str(os.getpid()))
    return frozenset(t.joinpath("comm").read_text(encoding="ascii").strip() for t in others)


def imported_by(notebooks: Iterable[Path]) -> list[str]:
    """Modules that the cells of notebooks import, each once; also what may only be a name in a module.

    Of an own report (a folder with its notebook) only those of this package: what somebody else's module does when it
    is imported, such as starting a thread, may not reach the other reports.
    """
    found: dict[str, None] = {}
    for notebook in notebooks:
        own = notebook.parent.name == notebook.stem
        with contextlib.suppress(ParameterError):  # a broken notebook fails alone, in its own process
            read = notebook_file.read(notebook)
            for cell in (c for c in read.cells if c.kind == "code"):
                for node in ast.walk(notebook_file.parsed(read, cell)):
                    names = _imported(node)
                    found |= dict.fromkeys(n for n in names if not own or n.split(".")[0] == "crmlib")
    return list(found)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(ModuleNotFoundError):  # an optional part: the child imports what it needs
            importlib.import_module(name)


def _rehearse() -> None:
    """Fill what is read or built once per process: words, formats, templates, the checks of chart specifications.

    Only what no run changes, and nothing that Polars computes: its threads would not survive a fork.
    """
    import altair as alt  # noqa: PLC0415

    from crmlib.core import places  # noqa: PLC0415
    from crmlib.kit import columns, terms  # noqa: PLC0415
    from crmlib.kit.charts import theme  # noqa: PLC0415
    from crmlib.kit.words import LANGUAGES, Words  # noqa: PLC0415
    from crmlib.report.html import render  # noqa: PLC0415
    from crmlib.report.html.content import Content, Head  # noqa: PLC0415
    from crmlib.report.memory import remember  # noqa: PLC0415

    remember.code()  # of the modules as they are loaded here
    places.installed_rooms()
    columns.known("")
    render.compile_all()
    for language in LANGUAGES:
        words = Words(language)
        show = words.format
        terms.named(language)
        head = Head(title=show.money(1), question=f"{show.share(0.5)} {show.count(1)} {show.day(date(2026, 1, 1))}")
        render.html(Content(language=language, head=head), words=words)
    base = alt.Chart(alt.InlineData(values=[])).encode(x="a:Q", y=alt.Y("b:N", axis=alt.Axis(ticks=False)))
    theme.finish(base.mark_bar() + base.mark_text().encode(text="a:N")).to_dict()


def _fork(connection: socket.socket, server: socket.socket) -> None:
    connection.settimeout(10)
    try:
        request = json.loads(connection.makefile("r", encoding="utf-8").readline())
    except (OSError, ValueError):
        connection.close()
        return
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):
            connection.sendall(f"{pid}\n".encode())
        connection.close()
        return
    code = 1
    try:  # the child: it never returns to the loop above
        server.close()
        code = _become(request, connection)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _become(request: dict[str, Any], connection: socket.socket) -> int:
    """What the child does: its own session, environment, folder and random numbers, then its role."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(request["env"])
    os.environ.pop("JPY_PARENT_PID", None)  # its life hangs on the connection, not on the process that forked it
    os.chdir(request["cwd"])
    _quiet()
    _reseed()
    connection.settimeout(None)
    threading.Thread(target=_end_with_asker, args=(connection,), daemon=True).start()
    if request["role"] == "kernel":
        from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415

        sys.argv = request["argv"]
        IPKernelApp.launch_instance(argv=request["argv"][1:])
        return 0
    from crmlib.run.process import worker  # noqa: PLC0415

    return worker.main(request["argv"][1])


def _end_with_asker(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(1):
            pass
    os._exit(1)


def _quiet() -> None:
    """Input from nowhere; output to nowhere (a kernel sends its own over its sockets)."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)


def _reseed() -> None:
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
