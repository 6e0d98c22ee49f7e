"""The steps of the churn review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeVar

import polars as pl

from crmlib import panels
from crmlib.churn import last_test
from crmlib.churn.features import visits
from crmlib.churn.features.visits import Visits
from crmlib.churn.lists import snapshot
from crmlib.churn.models import competing
from crmlib.churn.movement import causes, flows, forms, stages
from crmlib.churn.winback import winback_cells, winback_lists
from crmlib.churn.winback.winback_cells import Cells
from crmlib.customers.members import periods
from crmlib.pages.churn_review.parameters import ChurnReview
from crmlib.pages.shared.churn_ground import MONTHS, ChurnStudy
from crmlib.report.memory.remember import Later
from crmlib.scoring import pyramid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of all, by store, and by owner where somebody is named."""

    whole: pl.DataFrame
    by_store: pl.DataFrame
    by_owner: pl.DataFrame | None


class Study(ChurnStudy):
    """From visits to the flow, stages, causes, what was written down, win-back, and the checks of the risk."""

    @property
    def params(self) -> ChurnReview:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def monthly(self) -> bool:
        """Whether this is the monthly page; the weekly one has the flow and its causes only."""
        return self.params.rhythm == "monthly"

    def _told(self, step: str, make: Callable[[], T]) -> T:
        """`kept` by all that the page is asked for."""
        asked = self.params
        decided = asked.rhythm, asked.horizon, asked.active_days, asked.days, asked.periods, asked.window
        return self.kept(step, make, *decided)

    @cached_property
    def tests(self) -> list[date]:
        """Days of the past whose window has closed; none on the weekly page."""
        return super().tests if self.monthly else []

    @cached_property
    def origins(self) -> list[date]:
        """Days of the past that the risk is learned on; none on the weekly page."""
        return super().origins if self.monthly else []

    @cached_property
    def times(self) -> list[tuple[date, date]]:
        """First and last day of each period, oldest first, as far as the data reach back."""
        spans = flows.periods(end=self.page.as_of, days=self.params.days, count=self.params.periods)
        return flows.since(spans, first=self.first)

    @cached_property
    def moved(self) -> pl.DataFrame:
        """New, won back, lost and active members by period."""
        return self.flow.whole

    @cached_property
    def by_store(self) -> pl.DataFrame:
        """The flow by store and period."""
        return self.flow.by_store

    @cached_property
    def owned(self) -> pl.DataFrame | None:
        """Who looks after whom from when on; none where nobody is named."""
        found, titles = flows.owners(self.file, self.collected("assignments")), self.titles("staff", "staff_id")
        return found.with_columns(pl.col("owner").replace(titles)) if found is not None and titles else found

    @cached_property
    def looked_after(self) -> bool:
        """Whether anybody is named who looks after members."""
        return self._told("looked_after", lambda: self.owned is not None)

    @cached_property
    def by_owner(self) -> pl.DataFrame | None:
        """The flow by owner and period; none where nobody is named, and on the monthly page."""
        return self.flow.by_owner

    @cached_property
    def known(self) -> pl.DataFrame:
        """Everybody known, with the stage reached and the state."""
        made = ("customer_id", "joined_on")
        return self.page.remember(
            _known, self.ever, Later(lambda: self.tiers, self.lines, self.apart.flagged["customer_id"], self.span),
            t0=self.page.as_of, horizon=self.horizon, active_days=self.params.active_days,
            leads=None if self.file is None else self.members(self.file.select(made)),
            contacts=None if self.contacts is None else self.members(self.contacts),
        )  # fmt: skip

    @cached_property
    def funnel(self) -> pl.DataFrame:
        """Members reached, lost and still there by stage."""
        return self._told("funnel", lambda: stages.funnel(self.known))

    @cached_property
    def lost(self) -> pl.DataFrame:
        """Those lost within the last twelve months."""
        return stages.lost_since(self.known, self.span.start)

    @cached_property
    def told(self) -> pl.DataFrame:
        """Reasons that somebody wrote down: customer_id, at_n, reason."""
        ids = self.lost["customer_id"]
        given = forms.answers(self.collected("loss_reasons"), ids=ids, shown=self.page.pseudonyms(ids))
        return causes.told_reasons(self.contacts, t0=self.page.as_of, answers=given)

    @cached_property
    def suggested(self) -> pl.DataFrame | None:
        """What the model would have said of each lost member; none where no risk is learned."""
        if not self.origins:
            return None
        return snapshot.reasons_before(self.seen, self.risk, self.lost, options=self.options)

    @cached_property
    def why(self) -> pl.DataFrame:
        """Causes by number of lost members, each with its source."""
        return self._told("why", self._why)

    def _why(self) -> pl.DataFrame:
        at = self.page.remember(_homes, self.ever, self.lost["customer_id"], t0=self.page.as_of)
        closed = causes.lost_by_closure(self.lost, at, self.shut, within=self.horizon)
        return causes.ranked(causes.causes(self.lost, told=self.told, closed=closed, model=self.suggested))

    @cached_property
    def owners_now(self) -> pl.DataFrame | None:
        """Today's owner of each member; none where nobody is named."""
        return None if self.owned is None else flows.owned_on(self.owned, self.page.as_of)

    @cached_property
    def rates(self) -> pl.DataFrame:
        """Lost members and those with a written reason, by owner or stage; the last row is all."""
        return self._told("rates", lambda: forms.fill_rate(self.lost, self.told, by=self.owners_now))

    @cached_property
    def asked(self) -> pl.DataFrame:
        """Losses of the last period without a reason."""
        recent = stages.lost_since(self.known, self.times[-1][0])
        return forms.form(recent, self.told, owners=self.owned_by)

    @cached_property
    def put(self) -> pl.DataFrame:
        """Those of them that each owner is asked about."""
        return self._told("put", lambda: forms.capped(self.asked, each=forms.EACH))

    @cached_property
    def unwritten(self) -> int:
        """Losses of the last period without a reason."""
        return self._told("unwritten", lambda: self.asked.height)

    @cached_property
    def ends(self) -> pl.DataFrame:
        """Days from the first follow-up to loss or purchase: one row per person followed up."""
        return self._told("ends", self._ends)

    def _ends(self) -> pl.DataFrame:
        return stages.follow_up_times(self.known, self.trips, t0=self.page.as_of, horizon=self.horizon)

    @cached_property
    def incidence(self) -> pl.DataFrame:
        """Share lost and won by days since the first follow-up, with intervals."""
        return self._told("incidence", lambda: competing.cumulative_incidence(self.ends))

    @cached_property
    def margins(self) -> pl.DataFrame:
        """Margin [minor units] by member and day, of whoever stands on a win-back list."""
        listed = winback_lists.lists(self._contacts)["customer_id"].unique()
        return panels.customer_margin(panels.part(self.lines, customers=listed))

    @cached_property
    def sent(self) -> pl.DataFrame:
        """What came of each win-back list, beside those left alone."""
        return self._told("sent", self._sent)

    def _sent(self) -> pl.DataFrame:
        days, as_of = self.params.window, self.page.as_of
        return winback_lists.read_lists(self._contacts, self.trips, self.margins, as_of=as_of, days=days)

    @cached_property
    def cells(self) -> Cells | None:
        """For whom winning back works; none where the lists are too small."""
        return self._told("cells", self._cells)

    def _cells(self) -> Cells | None:
        days, as_of = self.params.window, self.page.as_of
        listed = winback_cells.people(self._contacts, self.seen, self.margins, as_of=as_of, days=days)
        return winback_cells.read_cells(listed, rng=self.chance("cells"))

    @cached_property
    def observed(self) -> pl.DataFrame:
        """Observed beside expected by tier, at the last closed window."""
        return self._told("observed", self._observed)

    def _observed(self) -> pl.DataFrame:
        origin = self.health.origin
        start = periods.periods(origin, months=MONTHS).start
        then = panels.customer_period(self.lines, start=start, end=origin)
        return self.health.tiers(pyramid.pyramid(then).customers)

    @cached_property
    def drift(self) -> pl.DataFrame:
        """How far members moved from those the risk was learned on: name, psi, verdict."""
        return self._told("drift", self._drift)

    def _drift(self) -> pl.DataFrame:
        return self.page.remember(
            last_test.drifted, self.learned, self.risk, as_of=self.page.as_of, options=self.options
        )

    @property
    def _contacts(self) -> pl.DataFrame:
        """The contacts, where the section cannot do without them."""
        return self.page.table("contacts").collect() if self.contacts is None else self.contacts

    @cached_property
    def flow(self) -> Flow:
        """Who moved in each period, counted by all, by store and by owner."""
        return self._told("flow", self._flow)

    def _flow(self) -> Flow:
        return self.page.remember(
            _flow, self.ever, None if self.monthly else self.owned, spans=self.times, horizon=self.horizon,
            active_days=self.params.active_days, festivals=self.options.festivals, observed_until=self.page.as_of,
        )  # fmt: skip


def _flow(
    seen: Later[Visits],
    owned: pl.DataFrame | None,
    *,
    spans: list[tuple[date, date]],
    horizon: int,
    active_days: int,
    festivals: pl.DataFrame | None,
    observed_until: date,
) -> Flow:
    moved = flows.movements(seen.value, spans, horizon=horizon, active_days=active_days, festivals=festivals)
    return Flow(
        whole=flows.counted(moved, observed_until=observed_until),
        by_store=flows.counted(moved, observed_until=observed_until, by="store_id"),
        by_owner=None
        if owned is None
        else flows.counted(moved, observed_until=observed_until, by="owner", owned=owned),
    )


def _known(
    seen: Later[Visits],
    tiers: Later[pl.DataFrame],
    *,
    t0: date,
    horizon: int,
    active_days: int,
    leads: pl.DataFrame | None,
    contacts: pl.DataFrame | None,
) -> pl.DataFrame:
    return stages.people(
        visits.trips_of(seen.value), t0=t0, horizon=horizon, active_days=active_days, leads=leads, contacts=contacts,
        tiers=tiers.value,
    )  # fmt: skip


def _homes(seen: Later[Visits], of: pl.Series, *, t0: date) -> pl.DataFrame:
    return causes.homes(visits.only(seen.value.days, of), t0=t0)
