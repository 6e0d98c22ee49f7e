"""The page of a notebook: opened with its parameters, shown finding by finding, closed as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.core import owners
from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import LakeError
from crmlib.data.lake import pseudonyms
from crmlib.kit import finding, rich
from crmlib.kit.finding import ActionList, Answer, Finding, Limits, anchor
from crmlib.kit.words import Words
from crmlib.panels import ReceiptLines
from crmlib.report import access, addresses, drawing, showing, stored
from crmlib.report.as_of import delivered, known, known_until, seen_by
from crmlib.report.context import Context
from crmlib.report.drawing import Drawer, Drawing
from crmlib.report.form.parameters import ReportParameters
from crmlib.report.form.picks import Follows
from crmlib.report.memory import packed, remember, states
from crmlib.report.privacy import PERSONAL, check_impersonal, personal
from crmlib.report.record.newest import Published, newest, of_regions

if TYPE_CHECKING:
    from crmlib.data.lake.lake import Lake
    from crmlib.data.lake.last_day import LastDay

P = ParamSpec("P")
T = TypeVar("T")
LINES = "receipt_lines"
Cut = Callable[[pl.LazyFrame], pl.LazyFrame]


@dataclass(slots=True)
class Shown:
    """What a notebook has put on its page so far."""

    answer: Answer | None = None
    findings: list[Finding] = field(default_factory=list)
    actions: list[ActionList] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    offers: dict[str, Follows] = field(default_factory=dict)


def not_connected(table: str, *, report: str) -> LakeError:
    """The refusal of a report whose table the lake does not have."""
    return LakeError("report.not_connected", values={"table": table, "report": report})


class Face(Protocol):
    """Where a page goes; `crmlib.report.faces` is the one there is."""

    def show(self, page: Page, thing: finding.Shown) -> None:
        """Told of each thing as soon as it is on the page."""

    def finish(self, page: Page) -> None:
        """Told when the notebook is through."""


class Page:
    """One report being made. Made by `opening.open_page`; a notebook uses what is documented here and nothing else.

    Parameters
    ----------
    report : its name.
    params : its checked parameters, with the day filled in.
    context : the face and what the run was given.
    lake : where tables come from, at the versions of the moment of opening, or of then for a past day.
    newest : last day of the lake.
    face : where it goes.
    """

    def __init__(
        self,
        report: str,
        *,
        params: ReportParameters,
        context: Context,
        lake: Lake,
        versions: Mapping[str, int],
        newest: date,
        face: Face,
    ) -> None:
        self.report = report
        self.params: Any = params  # its class is the report's own; notebooks read its fields
        self.context = context
        self.versions = dict(versions)
        self.newest = newest
        self.currency = lake.currency
        self.words = Words(params.language, currency=self.currency)
        self.rng: np.random.Generator = np.random.default_rng(context.seed)
        self.shown = Shown()
        self.used = {LINES}
        self.drawer = Drawer(lake.path / remember.FOLDER / drawing.FOLDER)
        self.drawings: dict[str, Future[Drawing]] = {}
        self._lake, self._face = lake, face

    @property
    def as_of(self) -> date:
        """The last day included."""
        return self.params.as_of  # type: ignore[no-any-return]

    @property
    def regions(self) -> tuple[str, ...] | None:
        """The regions on this page: the one asked for, else all that the reader may see; none means all."""
        return (self.params.region,) if self.params.region else self.context.regions

    def has(self, table: str) -> bool:
        """Whether the lake has `table`; a section on a table that is not connected is left out or says so.

        A table that does not say whose its rows are is there only for readers of all regions.
        """
        return table in self.versions and self._sight.sees(table, self._whole(table))

    def tables(self, *names: str) -> dict[str, pl.LazyFrame]:
        """Those of `names` that are connected, as `table` gives them."""
        return {name: self.table(name) for name in names if self.has(name)}

    def optional(self, name: str) -> pl.LazyFrame | None:
        """`table`, or none where it is not connected."""
        return self.table(name) if self.has(name) else None

    def missing(self, *names: str) -> list[str]:
        """Those of `names` that are not connected: the page says so instead of showing zeros."""
        return [name for name in names if not self.has(name)]

    def table(self, name: str) -> pl.LazyFrame:
        """`name` as of the page's day, restricted to its regions, at the version noted when the page was opened.

        Raises
        ------
        LakeError
            `report.not_connected`; `report.personal` for the table of names and phones, which no page reads;
            `report.lines` for the receipt lines, which panels read from `lines`; `report.not_by_region` for a reader of
            some regions and a table that does not say whose its rows are.
        """
        if name == LINES:
            raise LakeError("report.lines", values={"report": self.report})
        return self._sight.rows(name, access.dated(self._asked(name), as_of=self.as_of))

    @property
    def lines(self) -> ReceiptLines:
        """The receipt lines as of the page's day, of its regions: a handle that panels read, and nobody else."""
        return self._held("lines", lambda rows: self._sight.rows(LINES, rows), self._sight.cells)

    def lines_of_members(self) -> ReceiptLines:
        """All receipts of the regions' members as of the page's day, in whichever shop.

        Whether somebody has stopped coming is judged by all that they bought, and shown to their own region. Shops of
        other regions are not named.
        """
        return self._held("lines of members", *[self._sight.lines_of_members] * 2, by_card=self.regions is not None)

    def _held(self, kind: str, cut: Cut, cut_cells: Cut, *, by_card: bool = False) -> ReceiptLines:
        """Lines, the reductions of their version (none where they are behind), and all that decides which they are."""
        asked, cutting = stored.AsOf(self.as_of, self.newest, lambda: self._known_until), self.regions is not None
        version, lines = self.versions[LINES], access.dated(self._asked(LINES), as_of=self.as_of)
        cells = stored.cells(self._lake, version, at=asked, cut=cut_cells, by_card=by_card, nameless=cutting)
        decided = (kind if cutting else "all", self.versions, self._batches, self.as_of, self.newest, self.regions)
        return ReceiptLines(cut(lines), cells, told=packed.digest(decided))

    @cached_property
    def _known_until(self) -> date:
        """The day up to which lines must have become known."""
        lines, stamped = self._whole(LINES), self._stamped.get(LINES, ())
        return known_until(lines, contract=CONTRACTS[LINES], as_of=self.as_of, stamped=stamped)

    def _asked(self, name: str) -> pl.LazyFrame:
        if name == PERSONAL:
            raise personal(name, report=self.report)
        if name not in self.versions:
            raise not_connected(name, report=self.report)
        self.used.add(name)
        return self._known(name) if name != "customers" else self._owned(self._known(name))

    def _owned(self, customers: pl.LazyFrame) -> pl.LazyFrame:
        """Members with the owner of the page's day: the last assignment's, the pool's nobody; else as the list says."""
        held = self._asked("assignments") if "assignments" in self.versions else None
        return owners.of_day(customers, held, as_of=self.as_of)

    def _whole(self, name: str) -> pl.LazyFrame:
        return self._lake.table(name, version=self.versions[name])

    def _known(self, name: str) -> pl.LazyFrame:
        """A table as it was known on the page's day; what its contract does not date is kept whole."""
        stamped = self._stamped.get(name, ()) if self.as_of < self.newest else ()
        return known(self._whole(name), contract=CONTRACTS[name], as_of=self.as_of, newest=self.newest, stamped=stamped)

    @cached_property
    def _stamped(self) -> dict[str, list[datetime]]:
        """The times of each table's ingests."""
        return dict(self._batches.group_by("table", maintain_order=True).agg("at").iter_rows())

    @cached_property
    def _batches(self) -> pl.DataFrame:
        return self._lake.ingests()

    def of_people(self, find: Callable[[pl.DataFrame], T]) -> T | None:
        """What `find` says about the table of names and phones, without any of them; none where it is not connected.

        Names and phones stop here: what `find` returns, a frame or a dataclass of frames and numbers, carries ids,
        fixed names and figures.

        Parameters
        ----------
        find : takes customer_id, name, phone and whatever else is personal, of the reader's regions.

        Raises
        ------
        LakeError
            `report.personal` if what it returns holds a personal value, or is of another kind.
        """
        if not self.has(PERSONAL):
            return None
        people = self._sight.rows(PERSONAL, self._whole(PERSONAL)).collect()
        self.used.add(PERSONAL)
        found = find(people)
        check_impersonal(found, people, report=self.report)
        return found

    def pseudonyms(self, ids: pl.Series) -> pl.Series:
        """Short keyed pseudonyms of `ids`: what a page shows instead of an id."""
        return self._lake.pseudonyms(ids)

    def state(self, name: str, *, asked: str | None = None) -> pl.DataFrame | None:
        """What an earlier run asked for the same (`asked`, else all of `params.asked`) kept under `name`, or none."""
        return states.load(self._lake, self._slot(name, asked), before=self.as_of)

    def save_state(self, name: str, frame: pl.DataFrame, *, asked: str | None = None) -> None:
        """Keep `frame` for the next run. Only scheduled runs keep; trying out parameters changes nothing."""
        if self.context.face == "html":
            states.save(self._lake, self._slot(name, asked), frame, as_of=self.as_of)

    def remember(self, compute: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``compute(*args, **kwargs)`` returns, not computed again where somebody had the same arguments before.

        For fits and back-tests that take longer than a second; see `crmlib.report.memory.remember`.
        """
        return remember.remembered(self._lake.path / remember.FOLDER, compute, *args, **kwargs)

    def keyed(self, compute: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What ``compute(*args, key=…, **kwargs)`` returns with the lake's key: draws that nobody can foresee."""
        return compute(*args, key=pseudonyms.key_of(self._lake.path), **kwargs)

    def show(
        self,
        *things: object,
        headline: str = "",
        seen: str = "",
        sure: str = "",
        do: str = "",
        key: str = "",
        status: finding.Status = "none",
    ) -> None:
        """Put `things`, single or several together, on the page; in JupyterLab their cards are shown at once.

        An Altair chart, a Polars or pandas frame, a GT table and text become one finding together, with the sentences
        given: ``page.show(chart, frame, headline="Sales fell in May", do="Look at the two new shops.")``.

        Parameters
        ----------
        headline, seen, sure, do : the takeaway; what is seen, how sure it is, what to do.
        key : the finding's name from one run to the next; by its place on the page without it.
        status : its verdict.
        """
        others = []
        for thing in things:
            several = isinstance(thing, list | tuple | Iterator)
            for one in thing if several else (thing,):  # type: ignore[attr-defined]
                if isinstance(one, finding.Shown):
                    self._show(one)
                else:
                    others.append(one)
        if others:
            self._show(showing.finding(self, others, showing.Said(headline, seen, sure, do, key, status)))

    def _show(self, thing: finding.Shown) -> None:
        match thing:
            case Answer():
                self.shown.answer = thing
            case Finding():
                self.shown.findings.append(thing)
                if thing.chart is not None:
                    order = self.drawer.order(thing.chart, language=self.words.language, key=thing.key)
                    self.drawings[thing.key] = order
            case ActionList():
                self.shown.actions.append(thing)
            case Limits():
                self.shown.limits += thing.sentences
        self._face.show(self, thing)

    def __repr__(self) -> str:
        return f"Page({self.report!r}, as_of={self.as_of}, findings={len(self.shown.findings)})"

    def _repr_html_(self) -> str:
        tables = ", ".join(name for name in self.versions if self.has(name))
        params = ((name, rich.shown(value)) for name, value in self.params.model_dump().items())
        found = ((one.key, one.headline) for one in self.shown.findings)
        title = rich.facts([("Page", f"{self.words(f'{self.report}.title')} ({self.report})"), ("tables", tables)])
        return title + rich.facts(params) + rich.facts(found)

    def close(self) -> None:
        """Write the whole page, answer first: files of a run, the answer to a browser, or a note in JupyterLab."""
        try:
            self._face.finish(self)
        finally:
            self.drawer.close()

    @cached_property
    def pages(self) -> tuple[Published, ...]:
        """The newest pages of the other reports, of this page's regions, that the reader may open; none in a lab."""
        reports = self.context.reports
        if reports is None:
            return ()
        seen = of_regions(self.regions, self.context.opens, self.context.person)
        return newest(reports, language=self.words.language, until=self.as_of, seen=seen, skip=self.report)

    def leads_to(self, output: str, *, key: str = "") -> str:
        """The address of a published page, at the card of the finding `key`; empty in a lab."""
        return addresses.page(self.context.face, output, anchor=anchor(key) if key else "")

    @cached_property
    def today(self) -> date:
        """Today's date in the company's zone."""
        return self.context.now.astimezone(ZoneInfo(self._lake.time_zone)).date()

    @cached_property
    def reach(self) -> LastDay:
        """The last day of ordinary volume that the reader's regions have in the lake, and the stray days behind it."""
        from crmlib.data.lake.last_day import last_ordinary_day  # noqa: PLC0415  (opens Delta Lake)

        return last_ordinary_day(self._day_sums)

    @cached_property
    def _day_sums(self) -> pl.DataFrame:
        """Lines and sums of every day that the reader may see."""
        at, reader = stored.AsOf(self.newest, self.newest, lambda: self.newest), self._of_reader
        cutting, version = reader.regions is not None, self.versions[LINES]
        cells = stored.cells(self._lake, version, at=at, cut=reader.cells, nameless=cutting)
        return panels.day_sums(ReceiptLines(reader.rows(LINES, self._whole(LINES)), cells))

    def all_sales(self) -> int:
        """Net sales of all days until the page's [minor units], for shares of what was set aside; own regions only."""
        return int(self._day_sums.filter(pl.col("day") <= self.as_of)["net_minor"].sum())

    def ingests(self) -> pl.DataFrame:
        """One row per batch that could come into this page, with its sum; money only for readers of all regions."""
        found = self._batches
        if self.as_of < self.newest:
            found = delivered(found, until=seen_by(self.as_of, now=self.context.now))
        if self.context.regions is None:
            return found
        return found.with_columns(pl.col("rules").map_elements(access.without_money, return_dtype=pl.String))

    def gone(self, *, days: int) -> pl.DataFrame:
        """What sources no longer have (`crmlib.data.gone.SCHEMA`), of the page's regions, seen in so many last days."""
        from crmlib.data import gone  # noqa: PLC0415  (opens Delta Lake)

        last = self.today if self.as_of >= self.newest else self.as_of + timedelta(days=1)
        return self._sight.cells(gone.told(self._lake, until=last, days=days).lazy()).collect()

    @cached_property
    def _of_reader(self) -> access.Sight:
        """What the reader may see at most, whichever region is chosen."""
        return access.Sight(self.context.regions, self._find, self.pseudonyms)

    def known_regions(self) -> tuple[str, ...]:
        """Regions to choose from, as far as the reader may see them."""
        if self._stores is None:
            return ()
        names = self._stores.select(pl.col("region").drop_nulls().unique().sort()).collect()["region"].to_list()
        return tuple(str(n) for n in names if self.context.regions is None or n in self.context.regions)

    def _slot(self, name: str, asked: str | None) -> states.Slot:
        """Whose a state is: the company's, or that of exactly these regions; never another's."""
        scope = "\n".join(sorted(self.regions or ()))
        return states.Slot(self.report, name, scope, self.params.asked if asked is None else asked)

    @cached_property
    def _sight(self) -> access.Sight:
        """What this page's regions see of each table."""
        return access.Sight(self.regions, self._find, self.pseudonyms)

    def _find(self, name: str) -> pl.LazyFrame | None:
        return self._whole(name) if name in self.versions else None

    @cached_property
    def _stores(self) -> pl.LazyFrame | None:
        return self._lake.table("stores", version=self.versions["stores"]) if self.has("stores") else None
