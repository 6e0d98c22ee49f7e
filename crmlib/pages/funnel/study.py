"""The steps of the funnel report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import report
from crmlib.cases import forecast, funnel, sources, stages
from crmlib.cases.engine import Identity, stock_and_flow
from crmlib.core.errors import ModelError
from crmlib.pages.funnel.parameters import Funnel
from crmlib.pages.shared import open_deals

YEAR, HORIZON = 365, 90
SCORED = ("owner_staff", "source", "region")
"""Fields a lead score is tried on: what is known of open deals, too."""


class Study(report.Study):
    """From leads, deals and their moves to what will come, what stands still, and whose it is."""

    @property
    def params(self) -> Funnel:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def first(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    @cached_property
    def deals(self) -> pl.DataFrame:
        """Every deal known by now, with source and region of its lead where leads are connected."""
        rows = self.page.table("deals").with_columns(pl.col("outcome").cast(pl.String)).collect()
        leads = self._optional("leads")
        if leads is None:
            return rows.with_columns(source=pl.lit(None, dtype=pl.String), region=pl.lit(None, dtype=pl.String))
        return rows.join(leads.select("lead_id", "source", "region"), on="lead_id", how="left", maintain_order="left")

    @cached_property
    def feed(self) -> date | None:
        """First day of the log of outcomes, as the source says."""
        return self.deals["feed_start"].max()  # type: ignore[return-value]

    @cached_property
    def cohorts(self) -> pl.DataFrame:
        """Deals by month of opening."""
        return funnel.cohorts(self.deals, as_of=self.page.as_of, feed_start=self.feed)

    @cached_property
    def rate(self) -> funnel.WinRate:
        """Of the deals opened in the last year: the share won by 90 days."""
        last = self.page.as_of
        return funnel.win_rate(
            self.deals, as_of=last, first=last - timedelta(days=YEAR), last=last, days=HORIZON, feed_start=self.feed
        )

    @cached_property
    def naive(self) -> dict[str, float]:
        """What a count of closed deals alone says."""
        return funnel.naive_rates(self.deals, as_of=self.page.as_of)

    @cached_property
    def fates(self) -> pl.DataFrame:
        """Shares won, lost and open by age."""
        return funnel.fates(self.deals, as_of=self.page.as_of, feed_start=self.feed)

    @cached_property
    def expected(self) -> pl.DataFrame:
        """Open deals with the chance of a win in the days asked for, and what they bring [minor units]."""
        return open_deals.expected(
            self.deals, as_of=self.page.as_of, ahead=self.params.ahead, window=self.params.window
        )

    @cached_property
    def origins(self) -> forecast.Origins:
        """The forecast as it would have been at past month-ends, against what was won [minor units]."""
        begin: date = self.feed or self.deals["opened_on"].min()  # type: ignore[assignment]
        days = forecast.month_ends(
            first=begin + timedelta(days=self.params.window), as_of=self.page.as_of, ahead=self.params.ahead
        )
        return self.page.remember(
            forecast.origins, self.deals.select("deal_id", "opened_on", "closed_on", "outcome", "value_minor"),
            days=days, ahead=self.params.ahead, as_of=self.page.as_of, window=self.params.window,
            feed_start=self.feed, money=True,
        )  # fmt: skip

    @cached_property
    def band(self) -> tuple[float, float] | None:
        """Range of the forecast from past misses [minor units]; none with fewer than four origins."""
        try:
            return self.origins.band(float(self.expected["expected_minor"].sum()))
        except ModelError:
            return None

    @cached_property
    def moves(self) -> pl.DataFrame:
        """Moves of the deals known by now."""
        known = self.deals["deal_id"].implode()
        return self.page.table("stage_moves").filter(pl.col("deal_id").is_in(known)).collect()

    @cached_property
    def order(self) -> list[str]:
        """Stages from first to last."""
        return stages.order_of(self.moves)

    @cached_property
    def stays(self) -> pl.DataFrame:
        """Every stay of a deal in a stage."""
        return stages.spells(self.moves, self.deals, as_of=self.page.as_of, order=self.order)

    @cached_property
    def times(self) -> pl.DataFrame:
        """Time in each stage, in order, with what stands still there: deals, quoted value, and of what can be won."""
        still = self.stalled.group_by("stage").agg(
            stalled=pl.len().cast(pl.Int64), stalled_minor=pl.col("value_minor").sum(),
            live=pl.col("live").sum().cast(pl.Int64), live_minor=pl.col("value_minor").filter("live").sum(),
            expected_minor=pl.col("expected_minor").sum(),
        )  # fmt: skip
        names = pl.DataFrame({"stage": self.order}, schema={"stage": pl.String})
        found = stages.time_in_stage(self.stays).join(still, on="stage", how="left")
        return names.join(found, on="stage", how="inner", maintain_order="left").with_columns(
            pl.col("stalled", "stalled_minor", "live", "live_minor", "expected_minor").fill_null(0)
        )

    @cached_property
    def stalled(self) -> pl.DataFrame:
        """Deals that sit longer than nine in ten who moved on: live (can still be won) first, then what they bring.

        A deal so old that none of its age was won lately brings nothing, however much was quoted: it is to be closed.
        """
        known = self.expected.select(
            "deal_id", "value_minor", "owner_staff", "opened_on", "p_win", "age", "expected_minor",
            live=pl.col("p_win") > 0,
        )  # fmt: skip
        found = stages.stalled(self.stays).join(known, on="deal_id", how="inner")
        return found.sort(
            "live", "expected_minor", "value_minor", "deal_id", descending=[True, True, True, False], nulls_last=True
        )

    @cached_property
    def book(self) -> pl.DataFrame:
        """The month by stage: start, moved in, moved out, end."""
        return stages.book(self.stays, first=self.first, last=self.page.as_of, order=self.order)

    @cached_property
    def flow(self) -> Identity:
        """The month: open, opened, closed, open; counted each on its own."""
        return stock_and_flow(self.deals, start=self.first, end=self.page.as_of + timedelta(days=1))

    @cached_property
    def by_source(self) -> pl.DataFrame:
        """What became of each source's deals, of the same months: all that are at least 90 days old, one year."""
        last = self.page.as_of - timedelta(days=HORIZON)
        first = max(last - timedelta(days=YEAR), self.feed or date.min)
        named = self.deals.filter(pl.col("source").is_not_null())
        return sources.by_source(
            named, as_of=self.page.as_of, first=first, last=last, days=HORIZON, feed_start=self.feed
        )

    @cached_property
    def credit(self) -> pl.DataFrame:
        """Credit of the media that touched the leads of won deals, by four ways of counting."""
        touches = self.page.table("touches").filter(pl.col("lead_id").is_not_null()).collect()
        won = self.deals.filter((pl.col("outcome") == "won") & (pl.col("closed_on") <= self.page.as_of))
        found = sources.paths(touches).join(won.select("lead_id"), on="lead_id", how="semi")
        counted = found.group_by("path").len().sort("path").iter_rows()
        return sources.credit({tuple(path): int(n) for path, n in counted})

    @cached_property
    def season(self) -> pl.DataFrame:
        """Closings in the last month of quarters against the others."""
        return funnel.closing_season(self.deals, as_of=self.page.as_of)

    @cached_property
    def score(self) -> funnel.Gate | None:
        """Whether a lead score ranks deals it has never seen; none with too few closed deals."""
        return funnel.later_score(self.deals, fields=SCORED, as_of=self.page.as_of)

    @cached_property
    def names(self) -> dict[str, str]:
        """Number of a person to the name among colleagues."""
        return self.titles("staff", "staff_id")

    @cached_property
    def gone(self) -> frozenset[str]:
        """Who has left by the page's day."""
        return self.leavers()

    @cached_property
    def slipped(self) -> pl.DataFrame:
        """Open deals whose expected day of closing has passed: deal_id, first_day, last_day, moved (times put off)."""
        open_ = self.expected["deal_id"].implode()
        dated = self.moves.filter(pl.col("expected_close").is_not_null(), pl.col("deal_id").is_in(open_))
        by = dated.sort("deal_id", "at").group_by("deal_id", maintain_order=True).agg(
            first_day=pl.col("expected_close").first(), last_day=pl.col("expected_close").last(),
            moved=(pl.col("expected_close").diff() > pl.duration(days=0)).sum().cast(pl.Int64),
        )  # fmt: skip
        return by.filter(pl.col("last_day") < self.page.as_of)

    def _optional(self, table: str) -> pl.DataFrame | None:
        found = self.page.optional(table)
        return None if found is None else found.collect()
