"""Who is late, what is at stake with them, and how to reach them: one step for every page that says so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import ClassVar

import numpy as np
import polars as pl

from crmlib.churn.features import labels
from crmlib.churn.features.features import Options
from crmlib.churn.features.visits import Visits
from crmlib.churn.lists import snapshot, watchlist
from crmlib.churn.risk import RiskFit
from crmlib.core.errors import ModelError
from crmlib.outreach.means import means
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_ground import ChurnStudy
from crmlib.report.memory.remember import Later

UPPER = ("A", "B")
"""Classes of past spend whose members are worth a call."""
TOLD = (
    "customer_id", "state", "state_before", "waiting", "recency", "usual_gap", "risk", "tier", "margin_minor",
    "stake_minor", "reason_1", "complaints_open", "store_idle",
)  # fmt: skip
"""What pages tell of everybody's lateness; features of the risk are for those who look at these."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Everybody who can be judged, small enough to be kept.

    Parameters
    ----------
    table : `TOLD`, as far as known, with at_risk_minor and late (and waiting for no festival). basis : of the stake.
    """

    table: pl.DataFrame
    basis: str


class Watch(ChurnStudy):
    """Everybody's state on the page's day, with risk, class, money at stake, owner and means."""

    beside: ClassVar[tuple[str, ...]] = ()
    """Steps that a page makes of all visits besides: made before the night, while the visits are held."""

    @cached_property
    def before(self) -> date:
        """The day of the last list."""
        return watchlist.previous_day(self.page.as_of, rhythm=getattr(self.page.params, "rhythm", "weekly"))

    @cached_property
    def returns(self) -> float | None:
        """Share of earlier absentees who came again later; none where not known."""
        return self.page.remember(_came_again, *self.by, t0=self.page.as_of, horizon=self.horizon)

    @cached_property
    def staked(self) -> tuple[pl.DataFrame, str]:
        """`table` and `basis`."""
        return snapshot.with_value(
            self.tonight.table, year=self.year, tiers=self.tiers, horizon=self.horizon,
            returns=self.returns or 0.0,
        )  # fmt: skip

    @property
    def table(self) -> pl.DataFrame:
        """Every member who can be judged: state, risk with reasons, tier, stake_minor."""
        return self.staked[0]

    @property
    def basis(self) -> str:
        """What is at stake: margin where cost is known, else sales."""
        return self.staked[1]

    @property
    def of_night(self) -> tuple[object, ...]:
        """All that decides `staked`, for what is remembered of it."""
        return (*self.ever.of, getattr(self.page.params, "horizon", 0), self.before, self.page.context.seed)

    @cached_property
    def lateness(self) -> Lateness | None:
        """What pages tell of `table`, kept for all pages of a night; none where no risk can be learned."""
        self.page.tables("contacts", "points")  # found or made, these are among the page's sources
        page = self.page  # another study makes it, and is let go with its millions of visits
        try:
            return self.page.remember(_lateness, Later(lambda: Watch(page).staked, *self.of_night))
        except ModelError:
            return None

    @cached_property
    def late(self) -> pl.DataFrame:
        """Everybody late against the own rhythm and not waiting for a festival, with at_risk_minor, largest first."""
        return watchlist.late(self.table, festival_buyers=self.table.filter("waiting"))

    def reached(self, people: pl.DataFrame) -> pl.DataFrame:
        """`people` (customer_id, tier, …) with what `reach` says: asked of those who will be shown, not of all."""
        reach = self.reach_rows(people)
        return people.join(reach, on="customer_id", how="left", maintain_order="left")

    def reach(self, ids: pl.Series) -> pl.DataFrame:
        """How to reach each of `ids`, in order: customer_id, past_tier, owner (may be null), means, due_on, held."""
        return self._of_few(self.classed(ids))

    def classed(self, ids: pl.Series) -> pl.DataFrame:
        """Each of `ids`, in order, by class of past spend: customer_id, past_tier; the lowest where there is none."""
        lowest = max(self.tiers["tier"].cast(pl.String).to_list(), default="D")
        known = self.tiers.select("customer_id", past_tier=pl.col("tier").cast(pl.String))
        asked = ids.rename("customer_id").to_frame().join(known, on="customer_id", how="left", maintain_order="left")
        return asked.with_columns(pl.col("past_tier").fill_null(lowest))

    def reach_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`reach` of some rows of `lateness`."""
        return self._of_few(rows.select("customer_id", past_tier="tier"))

    def _of_few(self, asked: pl.DataFrame) -> pl.DataFrame:
        ids = asked["customer_id"]
        return self.kept("reach", lambda: self._reached(asked, self.owned_of(ids), self.means_of(asked)), asked)

    def means_of(self, asked: pl.DataFrame) -> pl.DataFrame:
        """The means by which each of some (customer_id, past_tier) may be reached: customer_id, means."""
        return self.means_by(asked, self.file_of(asked["customer_id"]))

    def means_by(self, asked: pl.DataFrame, file: pl.DataFrame | None) -> pl.DataFrame:
        """`means_of` by these rows of the members' table."""
        worth = asked.with_columns(upper=pl.col("past_tier").is_in(UPPER))
        return means(worth, consents=lists.still_agreed(self.page, file), made=self.contacts, on=self.page.as_of)

    def _reached(self, asked: pl.DataFrame, owned: pl.DataFrame, by: pl.DataFrame) -> pl.DataFrame:
        made = asked.join(by, on="customer_id", how="left", maintain_order="left")
        owned = owned.rename({"customer_id": "_id"})
        made = made.join(owned, left_on="customer_id", right_on="_id", how="left", maintain_order="left")
        due = watchlist.due_on(pl.col("past_tier"), as_of=self.page.as_of)
        return made.with_columns(due_on=due, held=self.left_alone(asked["customer_id"]))

    @cached_property
    def usual_gaps(self) -> pl.DataFrame:
        """Days between two visits, as every list says it: customer_id, usual_gap of all who came twice.

        Nobody's where too few came twice to learn a rhythm.
        """
        try:
            return self.tonight.usual_gaps
        except ModelError:  # a rhythm may be there where no risk can be learned
            pass
        try:
            return snapshot.usual_gaps(self.seen, t0=self.page.as_of, rng=self.chance("night"), options=self.options)
        except ModelError:
            return pl.DataFrame(schema={"customer_id": pl.String, "usual_gap": pl.Float64})

    @cached_property
    def told(self) -> pl.DataFrame:
        """What to say to late members of the upper classes: customer_id, action; nobody where no risk is learned."""
        try:
            return self.late.filter(pl.col("tier").is_in(UPPER)).select("customer_id", "action")
        except ModelError:
            return pl.DataFrame(schema={"customer_id": pl.String, "action": pl.String})

    @cached_property
    def tonight(self) -> snapshot.Night:
        """Everybody's state on the page's day, and days between two visits; all pages of a night tell of the same."""
        risk = self.risk  # where it has to be learned, the visits are held from here on
        for step in self.beside:
            with suppress(ModelError):  # its own section says so
                getattr(self, step)
        made = self.page.remember(
            _night, self.ever, as_of=self.page.as_of, before=self.before, risk=risk, rng=self.chance("night"),
            options=self.options,
        )  # fmt: skip
        self.forget("seen", "ever")
        return made


def _came_again(learned: Later[Visits], others: Later[Options], *, t0: date, horizon: int) -> float | None:
    return labels.came_again(learned.value, t0=t0, horizon=horizon, options=others.value)


def _night(
    seen: Later[Visits], *, as_of: date, before: date, risk: RiskFit, rng: np.random.Generator, options: Options
) -> snapshot.Night:
    return snapshot.whole_night(seen.value, as_of=as_of, before=before, risk=risk, rng=rng, options=options)


def _judged(table: pl.DataFrame) -> pl.DataFrame:
    at_risk = (pl.col("risk") * pl.col("stake_minor").clip(0)).round().cast(pl.Int64)
    late = pl.col("state").is_in(watchlist.LATE) & ~pl.col("waiting")
    return table.with_columns(at_risk_minor=at_risk, late=late)


def _lateness(staked: Later[tuple[pl.DataFrame, str]]) -> Lateness:
    table, basis = staked.value
    return Lateness(_judged(table.select(c for c in TOLD if c in table.columns)), basis)
