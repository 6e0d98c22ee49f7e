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
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tornado.ioloop
import tornado.web
from traitlets.config import Config
from voila.app import Voila
from voila.configuration import VoilaConfiguration
from voila.tornado.handler import TornadoVoilaHandler

from crmlib.report.context import REGIONS_VARIABLE
from crmlib.run import portal
from crmlib.run.front_door import (
    Guard,
    LoginHandler,
    LogoutHandler,
    admitted,
    language_of,
    may_see_page,
    portal_page,
)
from crmlib.run.users import User
from crmlib.run.voila_pages import STATUS, Reason, page

TEMPLATE = Path(__file__).with_name("voila_template")
NOBODY = User(name="", hash="", mark="", regions=(), reports=())
LOOPBACK = "127.0.0.1"
HOSTS = frozenset(("127.0.0.1", "localhost", "[::1]"))
CLOSED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_RETRIES = 1  # the first page of a server now and then stalls; a second kernel does not


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served and within which bounds.

    Parameters
    ----------
    notebooks : folder of the reports' notebooks; `report` in the address is the name of one of them.
    lake : the lake they read.
    reports : folder of the finished pages, for the portal and for "what changed".
    at_once : pages made at the same time; one more is told "busy".
    deadline : seconds for one page.
    guard : who comes in.
    environment : further variables of the kernels.
    """

    notebooks: Path
    lake: Path
    reports: Path
    guard: Guard
    at_once: int = 4
    deadline: float = 120.0
    environment: Mapping[str, str] = field(default_factory=dict)


class _OwnKernel:
    """The kernel manager as one request sees it: gives the kernel its reader's regions, and notes it to end it."""

    def __init__(self, manager: Any, user: User) -> None:
        self._manager = manager
        self._user = user
        self.started: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def start_kernel(self, **arguments: Any) -> str:
        env = {name: value for name, value in arguments["env"].items() if name != REGIONS_VARIABLE}
        if self._user.regions is not None:
            env[REGIONS_VARIABLE] = json.dumps(list(self._user.regions))
        arguments["env"] = env
        kernel_id: str = await self._manager.start_kernel(**arguments)
        self.started.append(kernel_id)
        return kernel_id

    async def end(self) -> None:
        """End what was started; a kernel that is already gone is no error."""
        while self.started:
            with contextlib.suppress(Exception):
                await self._manager.shutdown_kernel(self.started.pop(), now=True)


class ReportHandler(TornadoVoilaHandler):  # type: ignore[misc]  # voila has no types
    """One report: a GET, a kernel, a page."""

    def initialize(self, *, serving: Serving, slots: asyncio.Semaphore, **settings: Any) -> None:
        """Take what the application gives to every request."""
        super().initialize(**settings)
        self._serving = serving
        self._slots = slots
        self._own: _OwnKernel | None = None
        self._user = NOBODY

    @property
    def kernel_manager(self) -> Any:
        """The manager, seen through this request."""
        if self._own is None:
            self._own = _OwnKernel(self.settings["kernel_manager"], self._user)
        return self._own

    def prepare(self) -> Any:
        """Only hosts of our own: a page elsewhere that points a name at this machine gets nothing."""
        if not _own_host(self):
            _say(self, "refused")
            return None
        user = admitted(self, self._serving.guard, report=self.path_args[0])
        if user is None:
            return None
        self._user = user
        return super().prepare()

    def set_default_headers(self) -> None:
        """No sniffing, no framing, no referrer, no copies."""
        for name, value in CLOSED_HEADERS.items():
            self.set_header(name, value)

    async def get(self, report: str) -> None:
        """Make the page of `report`, or say why not."""
        notebook = self._serving.notebooks / f"{report}.ipynb"
        if not notebook.is_file():
            _say(self, "unknown")
        elif self._slots.locked():
            _say(self, "busy")
        else:
            async with self._slots:
                await self._answer(notebook)

    async def _answer(self, notebook: Path) -> None:
        for attempt in range(1 + _RETRIES):
            try:
                async with asyncio.timeout(self._serving.deadline / (1 + _RETRIES - attempt)):
                    html = "".join([part async for part in self.get_generator(notebook.name)])
            except TimeoutError:
                html, reason = "", "slow"
            except Exception:
                self.log.exception("page of %s", notebook.name)
                html, reason = "", "failed"
            else:
                reason = "failed"
            finally:
                await asyncio.shield(self.kernel_manager.end())
            if html.strip():
                self._serving.guard.note(self, self._user, outcome="app")
                self.finish(html.lstrip())
                return
        self._serving.guard.note(self, self._user, outcome=reason)
        _say(self, "slow" if reason == "slow" else "failed")

    def on_connection_close(self) -> None:
        """The reader left: nothing is made for nobody."""
        super().on_connection_close()
        tornado.ioloop.IOLoop.current().add_callback(self.kernel_manager.end)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Never a stack trace."""
        self.finish(page({404: "unknown", 403: "denied"}.get(status_code, "failed")))  # type: ignore[arg-type]


class PortalHandler(tornado.web.RequestHandler):
    """The portal of the one who asks."""

    def initialize(self, *, serving: Serving) -> None:
        """Take what the application gives to every request."""
        self._serving = serving
        for name, value in CLOSED_HEADERS.items():
            self.set_header(name, value)

    def get(self, name: str | None = None) -> None:
        """The page in the language of its name, or of the browser."""
        if not _own_host(self):
            _say(self, "refused")
            return
        guard = self._serving.guard
        user = admitted(self, guard, report=None)
        if user is not None:
            named = {page: language for language, page in portal.PAGES.items()}
            language = named.get(name or "", language_of(self))
            now = guard.clock()
            self.finish(portal_page(self, user, reports=self._serving.reports, language=language, now=now))

    def write_error(self, status_code: int, **_: Any) -> None:
        """Never a stack trace."""
        self.finish(page("denied" if status_code == STATUS["denied"] else "failed"))


class PagesHandler(tornado.web.StaticFileHandler):
    """Finished pages; nothing whose name begins with a dot (ledger, locks), nothing its reader may not see."""

    def initialize(self, *, serving: Serving) -> None:  # type: ignore[override]
        """Take what the application gives to every request."""
        super().initialize(str(serving.reports), "index.html")
        self._serving = serving

    def set_default_headers(self) -> None:
        """As for the apps, but a page may be kept until it changes."""
        for name, value in CLOSED_HEADERS.items():
            self.set_header(name, "no-cache" if name == "Cache-Control" else value)

    def prepare(self) -> None:
        """Only hosts of our own, only visible names."""
        if not _own_host(self):
            _say(self, "refused")
        elif any(part.startswith(".") for part in self.path_args[0].split("/")):
            _say(self, "unknown")
        else:
            self._admit(self._serving)

    def _admit(self, serving: Serving) -> None:
        user = admitted(self, serving.guard, report=None)
        if user is None:
            return
        seen = may_see_page(user, serving.reports, self.path_args[0])
        serving.guard.note(self, user, outcome="page" if seen else "refused")
        if not seen:
            _say(self, "denied")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Never a stack trace."""
        self.finish(page({404: "unknown", 403: "denied"}.get(status_code, "failed")))  # type: ignore[arg-type]


class NothingHandler(tornado.web.RequestHandler):
    """Every other address."""

    def prepare(self) -> None:
        """There is no such page."""
        _say(self, "unknown")


class ReportsApp(Voila):  # type: ignore[misc]  # voila has no types
    """Voilà with our template and our two routes."""

    serving: Serving

    def setup_template_dirs(self) -> None:
        """Only our template: nothing of Voilà's reaches a page."""
        self.template_paths = [str(TEMPLATE)]
        self.static_paths: list[str] = []

    def init_handlers(self) -> list[Any]:
        """The apps and the finished pages."""
        given = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
            "serving": self.serving,
            "slots": asyncio.Semaphore(self.serving.at_once),
        }
        pages = {"serving": self.serving}
        return [
            (r"/login", LoginHandler, {"guard": self.serving.guard, "headers": CLOSED_HEADERS}),
            (r"/logout", LogoutHandler, {"guard": self.serving.guard}),
            (r"/(index\.html|index\.en\.html)?", PortalHandler, pages),
            (r"/apps/([a-z][a-z0-9_]{0,60})/?", ReportHandler, given),
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
            "tornado_settings": {"allowed_hosts": HOSTS, "default_handler_class": NothingHandler},
        },
        VoilaConfiguration={
            "template": "base",  # names nbconvert's settings; the files come from `setup_template_dirs`
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "show_tracebacks": False,
            "preheat_kernel": False,
            "progressive_rendering": False,
            "http_keep_alive_timeout": int(serving.deadline * 2),
        },
        VoilaExecutor={"timeout": int(serving.deadline)},
        MappingKernelManager={"cull_idle_timeout": int(serving.deadline * 2), "cull_interval": 30},
        KernelManager={"autorestart": False, "transport": "ipc"},  # no port that another user could knock at
    )


def _own_host(handler: tornado.web.RequestHandler) -> bool:
    return handler.request.host.rsplit(":", 1)[0] in handler.settings["allowed_hosts"]


def _say(handler: tornado.web.RequestHandler, reason: Reason) -> None:
    handler.set_status(STATUS[reason])
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    if reason == "busy":
        handler.set_header("Retry-After", "30")
    handler.finish(page(reason))


def application(serving: Serving, *, port: int) -> ReportsApp:
    """The server, ready to `start()`; `start` returns when it is ended by a signal."""
    os.environ.update({"CRMLIB_LAKE": str(serving.lake), "CRMLIB_REPORTS": str(serving.reports)})
    os.environ.update(serving.environment)
    os.environ.pop("CRMLIB_RUN", None)
    app = ReportsApp(config=configuration(serving, port=port))
    app.serving = serving
    app.voila_configuration = VoilaConfiguration(parent=app)
    app.setup_template_dirs()
    return app
