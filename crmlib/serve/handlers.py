"""What is served besides the apps: the portal, finished pages, lists to download; and how nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tornado.web

from crmlib.kit.words import Language, Words
from crmlib.report import registry
from crmlib.run import handbooks, portal
from crmlib.serve import lists, views
from crmlib.serve.closed import Closed, language_of
from crmlib.serve.lists import Lists
from crmlib.serve.login import Guard, admitted, may_see_page, portal_page
from crmlib.serve.users import User


@dataclass(frozen=True, slots=True)
class Bounds:
    """Within which bounds pages are made.

    Parameters
    ----------
    at_once : pages made at the same time; others wait for their turn.
    deadline : seconds for one page; half of it for the first attempt.
    memory_mb : what the kernel of one page may hold of its own [MB].
    patience : seconds that a request waits for its turn before it is told "busy".
    """

    at_once: int = 4
    deadline: float = 120.0
    memory_mb: int = 3000
    patience: float = 30.0


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served.

    Parameters
    ----------
    notebooks : folder of the reports' notebooks; `report` in the address is the name of one of them.
    lake : the lake they read.
    reports : folder of the finished pages, for the portal and for "what changed".
    guard : who comes in.
    lists : lists to download of the pages just made.
    bounds : time, memory and number of the pages in the making.
    environment : further variables of the kernels.
    """

    notebooks: Path
    lake: Path
    reports: Path
    guard: Guard
    lists: Lists
    bounds: Bounds = Bounds()
    environment: Mapping[str, str] = field(default_factory=dict)


def hand_over(handler: Closed, content: bytes, name: str) -> None:
    """Send a list as a file."""
    handler.set_header("Content-Type", lists.XLSX)
    handler.set_header("Content-Disposition", f'attachment; filename="{name}"')
    handler.finish(content)


class PortalHandler(Closed):
    """The portal of the one who asks."""

    def initialize(self, *, serving: Serving) -> None:
        """Take what the application gives to every request."""
        self._serving = serving

    def get(self, name: str | None = None) -> None:
        """The page in the language of its name, or of the browser."""
        guard = self._serving.guard
        user = admitted(self, guard, report=None) if self.at_home() else None
        if user is not None:
            named = {page: language for language, page in portal.PAGES.items()}
            language = named.get(name or "", language_of(self))
            now = guard.clock()
            serving = self._serving
            apps = [
                name
                for name in registry.servable(project=serving.notebooks.parent)
                if language in registry.languages(name)
            ]
            mine = [view for view in views.of(serving.lake, user) if view.report in apps]
            shown = views.block(mine, words=Words(language), token=str(self.xsrf_form_html()))
            self.finish(
                portal_page(self, user, reports=serving.reports, apps=apps, language=language, now=now, views=shown)
            )


class HandbookHandler(Closed):
    """The handbooks and the definitions; they hold nothing of anybody, so they are read before a login too."""

    def get(self, language: Language, role: str) -> None:
        """The page of a role."""
        if not self.at_home():
            return
        if role not in handbooks.PAGES:
            self.say("unknown")
            return
        self.finish(handbooks.page(role, language))


class ListHandler(Closed):
    """A list of a page that was made a moment ago."""

    def initialize(self, *, serving: Serving) -> None:
        """Take what the application gives to every request."""
        self._serving = serving

    async def get(self, key: str, name: str) -> None:
        """The workbook, for the reader of its page."""
        guard = self._serving.guard
        user = admitted(self, guard, report=None) if self.at_home() else None
        if user is None:
            return
        kept = self._serving.lists.find(key, user)
        file = kept.folder / name if kept else None
        if kept is None or file is None or not file.is_file():
            guard.note(self, user, outcome="no list")
            self.say("expired")
            return
        guard.note(self, user, outcome="list", page=kept.asked)
        hand_over(self, await asyncio.to_thread(file.read_bytes), name)


class PagesHandler(Closed, tornado.web.StaticFileHandler):
    """Finished pages; nothing whose name begins with a dot (ledger, locks), nothing its reader may not see."""

    def initialize(self, *, serving: Serving) -> None:  # type: ignore[override]
        """Take what the application gives to every request."""
        super().initialize(str(serving.reports), "index.html")
        self._serving = serving

    def set_default_headers(self) -> None:
        """As for the apps, but a page may be kept until it changes."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-cache")

    def prepare(self) -> None:
        """Only hosts of our own, only visible names, only what its reader may see."""
        if not self.at_home():
            return
        asked = self.path_args[0]
        if any(part.startswith(".") for part in asked.split("/")) or any(ord(c) < 32 for c in asked):
            self.say("unknown")
            return
        guard = self._serving.guard
        user = admitted(self, guard, report=None)
        if user is not None:
            self._allow(guard, user)

    def _allow(self, guard: Guard, user: User) -> None:
        seen = may_see_page(user, self._serving.reports, self.path_args[0])
        kind = "list" if self.path_args[0].endswith((".xlsx", ".parquet")) else "page"
        guard.note(self, user, outcome=kind if seen else "refused")
        if not seen:
            self.say("denied")

    async def get(self, path: str, include_body: bool = True) -> None:  # noqa: FBT001, FBT002  (tornado's signature)
        """A file; a page without the lists inside it, and a list out of its page."""
        path = f"{path}index.html" if path.endswith("/") else path
        folder, _, name = path.rpartition("/lists/")
        if folder and name.endswith(".xlsx"):
            content = lists.inside(self._text(f"{folder}/index.html"), name)
            if content is None:
                raise tornado.web.HTTPError(404)
            hand_over(self, content, name)
        elif path.endswith(".html"):
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(lists.linked(self._text(path)))
        else:
            await super().get(path, include_body)

    def _text(self, path: str) -> str:
        """A page below the folder of reports, and nowhere else."""
        self.path = self.parse_url_path(path)
        self.absolute_path = self.validate_absolute_path(self.root, self.get_absolute_path(self.root, self.path))
        if self.absolute_path is None:
            raise tornado.web.HTTPError(404)
        return Path(self.absolute_path).read_text(encoding="utf-8")


class NothingHandler(Closed):
    """Every other address."""

    def prepare(self) -> None:
        """There is no such page."""
        self.say("unknown")
