"""Reports as apps: Voilà runs the notebook of a report and sends the one page it makes. Nothing else is served.

Voilà's own routes (kernels, channels, contents, files, static, templates) are not opened at all: a page has no widget
and asks for nothing, so a planner's browser needs no way to a kernel. Every request gets a kernel of its own, with the
query string in its environment from the start, and the kernel ends when the page is sent, whatever happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import psutil
from traitlets.config import Config
from voila.app import Voila
from voila.configuration import VoilaConfiguration
from voila.tornado.handler import TornadoVoilaHandler

from crmlib.core.places import ROOT_VARIABLE
from crmlib.report import registry
from crmlib.report.context import LISTS_VARIABLE, OPENS_VARIABLE, PERSON_VARIABLE, REGIONS_VARIABLE
from crmlib.serve import depends
from crmlib.serve.claims import ClaimHandler
from crmlib.serve.closed import Closed
from crmlib.serve.find import FindHandler, hits
from crmlib.serve.handlers import (
    HandbookHandler,
    ListHandler,
    NothingHandler,
    PagesHandler,
    PortalHandler,
    Serving,
)
from crmlib.serve.limits import Limits
from crmlib.serve.lists import ROUTE
from crmlib.serve.login import LoginHandler, LogoutHandler, admitted
from crmlib.serve.making import Made, Makings
from crmlib.serve.merges import MergeHandler
from crmlib.serve.offer_form import OfferHandler
from crmlib.serve.outcomes import OutcomeHandler
from crmlib.serve.register import RegisterHandler
from crmlib.serve.reveal import RevealHandler
from crmlib.serve.small_pages import Reason
from crmlib.serve.unsubscribe import UnsubscribeHandler
from crmlib.serve.users import User
from crmlib.serve.views import ViewHandler

TEMPLATE = Path(__file__).with_name("voila_template")
NOBODY = User(name="", hash="", mark="", regions=(), reports=())
LOOPBACK = "127.0.0.1"
HOSTS = frozenset(("127.0.0.1", "localhost", "[::1]"))
BOUNDS: dict[str, int] = {
    "max_body_size": 1 << 16,
    "max_buffer_size": 1 << 18,
    "max_header_size": 1 << 15,
    "body_timeout": 10,
    "idle_connection_timeout": 15,
}
"""What a connection may bring and how long it may stay silent [bytes, s]: nobody sends more than a password."""
_ATTEMPTS = (0.5, 1.0)
"""Share of the time left that each attempt gets: a kernel that stalls or dies is replaced once."""
_LOOK_SECONDS = 0.25
_CLIENT = "crmlib.run.process.client.Client"
_FAILED: Reason = "failed"
_STATUS = re.compile(rb'<meta name="crmlib-status" content="(\d{3})">')
_OURS = frozenset((REGIONS_VARIABLE, OPENS_VARIABLE, PERSON_VARIABLE, LISTS_VARIABLE))


class _OwnKernel:
    """The kernel manager as one request sees it: gives the kernel its reader's rights, notes, watches and ends it."""

    def __init__(self, manager: Any, rights: dict[str, str]) -> None:
        self._manager = manager
        self._rights = rights
        self.started: list[str] = []
        self._starting: asyncio.Future[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def start_kernel(self, **arguments: Any) -> str:
        env = {name: value for name, value in arguments["env"].items() if name not in _OURS}
        arguments["env"] = env | self._rights
        self._starting = asyncio.ensure_future(self._manager.start_kernel(**arguments))
        kernel_id: str = await asyncio.shield(self._starting)  # whoever gives up meanwhile ends it all the same
        self.started.append(kernel_id)
        self._starting = None
        return kernel_id

    def held(self, *, most: float) -> float:
        """Memory that the kernels of this request have for themselves [MB]; at most that, where it is within `most`."""
        kernels = [self._manager.get_kernel(k) for k in self.started if k in self._manager]
        pids = [k.provisioner.pid for k in kernels if k.provisioner is not None and k.provisioner.pid]
        every = sum(_mb(pid) for pid in pids)
        return every if every <= most else sum(_mb(pid, own=True) for pid in pids)

    async def end(self) -> None:
        """End what was started, and what is about to; a kernel that is already gone is no error."""
        starting, self._starting = self._starting, None
        if starting is not None:
            with contextlib.suppress(Exception):
                self.started.append(await starting)
        while self.started:
            with contextlib.suppress(Exception):
                await self._manager.shutdown_kernel(self.started.pop(), now=True)


class ReportHandler(Closed, TornadoVoilaHandler):  # type: ignore[misc]  # voila has no types
    """One report: a GET, a kernel, a page."""

    def initialize(self, *, serving: Serving, makings: Makings, **settings: Any) -> None:
        """Take what the application gives to every request."""
        super().initialize(**settings)
        self._serving = serving
        self._makings = makings
        self._waits: asyncio.Future[Made] | None = None
        self._own: _OwnKernel | None = None
        self._user = NOBODY
        self._lists = ""

    @property
    def kernel_manager(self) -> Any:
        """The manager, seen through this request."""
        if self._own is None:
            self._own = _OwnKernel(self.settings["kernel_manager"], self._rights())
        return self._own

    def _rights(self) -> dict[str, str]:
        """What the kernel learns of its reader: the regions, and where to leave the lists."""
        asked, report = self.request.uri or "", self.path_args[0]
        folder = self._serving.lists.open(self._user, report, asked=asked)
        self._lists = folder.name
        given = {LISTS_VARIABLE: str(folder)}
        if self._user.regions is not None:
            given[REGIONS_VARIABLE] = json.dumps(list(self._user.regions))
        if self._user.reports is not None:
            given[OPENS_VARIABLE] = json.dumps(list(self._user.reports))
        if self._user.staff:
            given[PERSON_VARIABLE] = self._user.staff
        return given

    def prepare(self) -> Any:
        """Only hosts of our own, only readers of this report."""
        user = admitted(self, self._serving.guard, report=self.path_args[0]) if self.at_home() else None
        if user is None:
            return None
        self._user = user
        return super().prepare()

    async def get(self, report: str) -> None:
        """Make the page of `report`, or say why not."""
        notebook = registry.notebook(report, project=self._serving.notebooks.parent)
        if not (notebook.is_file() and notebook.is_relative_to(self._serving.notebooks)):
            self.say("unknown")
            return
        self._waits = asyncio.ensure_future(
            self._makings.page(
                await self._key(report, notebook), reader=self._user.name, make=lambda: self._answer(notebook)
            )
        )
        try:
            made = await self._waits
        except asyncio.CancelledError:  # the reader left
            self._serving.guard.note(self, self._user, outcome="left")
            return
        self._serving.guard.note(self, self._user, outcome=made.why or "app")
        if made.why is not None:
            self.say(made.why, after=made.after)
            return
        lists = self._serving.lists.share(made.lists, self._user, report, asked=self.request.uri or "")
        self.set_status(made.status)
        self.finish(made.page.replace(made.lists.encode(), lists.encode()) if made.lists else made.page)

    async def _key(self, report: str, notebook: Path) -> Hashable:
        """Everything that this page depends on."""
        place, query = self._serving, parse_qsl(self.request.query, keep_blank_values=True)
        stand = await asyncio.to_thread(depends.stand, place.lake, place.reports, report, notebook)
        user, day = self._user, place.guard.clock().date()
        return report, tuple(sorted(query)), user.regions, user.reports, user.staff, day, stand

    async def _answer(self, notebook: Path) -> Made:
        """The page, at the second attempt if the first one stalls or dies."""
        end, why = time.monotonic() + self._serving.bounds.deadline, _FAILED
        for share in _ATTEMPTS:
            made = await self._attempt(notebook, seconds=(end - time.monotonic()) * share)
            if isinstance(made, bytes):
                return Made(made, status=_status(made), lists=self._lists)
            why = made
            if why == "memory":
                break
        return Made(why=why)

    async def _attempt(self, notebook: Path, *, seconds: float) -> bytes | Reason:
        """The page, or why there is none; the kernel is gone in any case."""
        making, most = asyncio.ensure_future(self._made(notebook)), self._serving.bounds.memory_mb
        try:
            async with asyncio.timeout(seconds):
                while not (await asyncio.wait({making}, timeout=_LOOK_SECONDS))[0]:
                    if self.kernel_manager.held(most=most) > most:
                        return "memory"
            return making.result() or _FAILED
        except TimeoutError:
            return "slow"
        except Exception:
            self.log.exception("page of %s", notebook.name)
            return "failed"
        finally:
            making.cancel()
            await asyncio.shield(self.kernel_manager.end())

    async def _made(self, notebook: Path) -> bytes:
        return (
            "".join([part async for part in self.get_generator(str(notebook.relative_to(self._serving.notebooks)))])
            .lstrip()
            .encode()
        )

    def on_connection_close(self) -> None:
        """The reader left: nothing is made for nobody."""
        super().on_connection_close()
        if self._waits is not None:
            self._waits.cancel()


class ReportsApp(Voila):  # type: ignore[misc]  # voila has no types
    """Voilà with our template and our two routes."""

    serving: Serving

    def setup_template_dirs(self) -> None:
        """Only our template: nothing of Voilà's reaches a page."""
        self.template_paths = [str(TEMPLATE)]
        self.static_paths: list[str] = []

    def listen(self) -> None:
        """Listen, within bounds: small bodies, headers that arrive, connections that are used."""
        self.app.listen = partial(self.app.listen, **BOUNDS)
        super().listen()

    def init_handlers(self) -> list[Any]:
        """The apps and the finished pages."""
        given = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
            "serving": self.serving,
            "makings": Makings(self.serving.bounds.at_once, self.serving.bounds.patience, time.monotonic),
        }
        pages = {"serving": self.serving}
        entering = {"guard": self.serving.guard, "lake": self.serving.lake}
        return [
            (r"/login", LoginHandler, {"guard": self.serving.guard}),
            (r"/handbook/(zh|en)/([a-z_]{1,20})\.html", HandbookHandler),
            (r"/logout", LogoutHandler, {"guard": self.serving.guard}),
            (r"/outcome", OutcomeHandler, entering),
            (r"/claim", ClaimHandler, entering),
            (r"/find", FindHandler, entering | {"tries": Limits(time.monotonic), "hits": hits(time.monotonic)}),
            (
                r"/unsubscribe/([^/]+)",
                UnsubscribeHandler,
                {"lake": self.serving.lake, "clock": self.serving.guard.clock},
            ),
            (
                r"/view",
                ViewHandler,
                entering | {"known": partial(registry.servable, project=self.serving.notebooks.parent)},
            ),
            (r"/offer", OfferHandler, entering | {"lists": self.serving.lists}),
            (r"/merge", MergeHandler, entering | {"lists": self.serving.lists}),
            (r"/register", RegisterHandler, entering | {"notebooks": self.serving.notebooks}),
            (r"/reveal", RevealHandler, entering | {"lists": self.serving.lists}),
            (r"/(index\.html|index\.en\.html)?", PortalHandler, pages),
            (r"/apps/([a-z][a-z0-9_]{0,60})/?", ReportHandler, given),
            (rf"{ROUTE}([0-9a-f]{{32}})/([a-z][a-z0-9_.-]{{0,120}}\.xlsx)", ListHandler, pages),
            (r"/(.*)", PagesHandler, pages),
        ]


def configuration(serving: Serving, *, port: int) -> Config:
    """Settings of Voilà: loopback, no overrides from an address, a lab's kernels never restarted."""
    return Config(
        Voila={
            "ip": LOOPBACK,
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "root_dir": str(serving.notebooks),
            "cookie_secret": secrets.token_bytes(32),
            "token": "",
            "auto_token": False,
            "tornado_settings": {
                "allowed_hosts": HOSTS,
                "default_handler_class": NothingHandler,
                "xsrf_cookie_kwargs": {"httponly": True, "samesite": "Strict", "secure": serving.guard.secure},
            },
        },
        VoilaConfiguration={
            "template": "base",  # names nbconvert's settings; the files come from `setup_template_dirs`
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "show_tracebacks": False,
            "preheat_kernel": False,
            "progressive_rendering": False,
            "http_keep_alive_timeout": int(serving.bounds.deadline * 2),
        },
        VoilaExecutor={"timeout": int(serving.bounds.deadline)},
        MappingKernelManager={"cull_idle_timeout": int(serving.bounds.deadline * 2), "cull_interval": 30},
        KernelManager={
            "autorestart": False,
            "transport": "ipc",  # no port that another user could knock at
            "client_class": _CLIENT,
        },
    )


def application(serving: Serving, *, port: int) -> ReportsApp:
    """The server, ready to `start()`; `start` returns when it is ended by a signal."""
    os.environ.update({"CRMLIB_LAKE": str(serving.lake), "CRMLIB_REPORTS": str(serving.reports)})
    os.environ[ROOT_VARIABLE] = str(serving.notebooks.parent)
    os.environ.update(serving.environment)
    os.environ.pop("CRMLIB_RUN", None)
    app = ReportsApp(config=configuration(serving, port=port))
    app.serving = serving
    app.voila_configuration = VoilaConfiguration(parent=app)
    app.setup_template_dirs()
    return app


def _status(page: bytes) -> int:
    """What a page says of itself: an error page is no success."""
    found = _STATUS.search(page[:4096])
    return int(found[1]) if found else 200


def _mb(pid: int, *, own: bool = False) -> float:
    """Memory of a process; its own alone takes the system 600 times as long to tell, and holds the process up."""
    try:
        process = psutil.Process(pid)
        return float(process.memory_full_info().uss if own else process.memory_info().rss) / 1e6
    except psutil.Error:  # gone, or none of ours
        return 0.0
