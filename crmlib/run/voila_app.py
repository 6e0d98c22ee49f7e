"""Reports as apps: Voilà runs the notebook of a report and sends the one page it makes. Nothing else is served.

Voilà's own routes (kernels, channels, contents, files, static, templates) are not opened at all: a page has no widget
and asks for nothing, so a planner's browser needs no way to a kernel. Every request gets a kernel of its own, with the
query string in its environment from the start, and the kernel ends when the page is sent, whatever happened.
"""

from __future__ import annotations

import asyncio
import contextlib
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

from crmlib.run.voila_pages import STATUS, Reason, page

TEMPLATE = Path(__file__).with_name("voila_template")
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
    environment : further variables of the kernels.
    """

    notebooks: Path
    lake: Path
    reports: Path
    at_once: int = 4
    deadline: float = 120.0
    environment: Mapping[str, str] = field(default_factory=dict)


class _OwnKernel:
    """The kernel manager as one request sees it: notes the kernel it starts, so that it can be ended."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self.started: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def start_kernel(self, **arguments: Any) -> str:
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

    @property
    def kernel_manager(self) -> Any:
        """The manager, seen through this request."""
        if self._own is None:
            self._own = _OwnKernel(self.settings["kernel_manager"])
        return self._own

    def prepare(self) -> Any:
        """Only hosts of our own: a page elsewhere that points a name at this machine gets nothing."""
        if not _own_host(self):
            _say(self, "refused")
            return None
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
                self.finish(html.lstrip())
                return
        _say(self, "slow" if reason == "slow" else "failed")

    def on_connection_close(self) -> None:
        """The reader left: nothing is made for nobody."""
        super().on_connection_close()
        tornado.ioloop.IOLoop.current().add_callback(self.kernel_manager.end)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Never a stack trace."""
        self.finish(page("unknown" if status_code == STATUS["unknown"] else "failed"))


class PagesHandler(tornado.web.StaticFileHandler):
    """Finished pages and the portal; nothing whose name begins with a dot (ledger, locks)."""

    def set_default_headers(self) -> None:
        """As for the apps, but a page may be kept until it changes."""
        for name, value in CLOSED_HEADERS.items():
            self.set_header(name, "no-cache" if name == "Cache-Control" else value)

    def prepare(self) -> None:
        """Only hosts of our own, only visible names."""
        if not _own_host(self):
            _say(self, "refused")
        elif any(part.startswith(".") for part in self.request.path.split("/")):
            _say(self, "unknown")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Never a stack trace."""
        self.finish(page("unknown" if status_code == STATUS["unknown"] else "failed"))


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
        pages = {"path": str(self.serving.reports), "default_filename": "index.html"}
        return [
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
