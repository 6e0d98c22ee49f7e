"""The steps of the meetings report."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any

import polars as pl

from crmlib import report
from crmlib.cases import media, meetings
from crmlib.cases.meetings import CostPerOrder, Effect
from crmlib.core.errors import ModelError
from crmlib.pages.meetings.parameters import Meetings


class Study(report.Study):
    """From guests, orders and costs of the meetings held to what one of them brought."""

    @property
    def params(self) -> Meetings:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def held(self) -> pl.DataFrame:
        """Meetings held by the page's day, the last one at the end."""
        day = pl.col("at").dt.date()
        found = self.page.table("meetings").filter(day <= self.page.as_of).sort("at", "meeting_id").collect()
        if found.is_empty():
            raise ModelError("cases.not_held", values={"day": f"{self.page.as_of:%Y-%m-%d}"})
        return found

    @cached_property
    def event(self) -> dict[str, Any]:
        """The meeting asked for, else the last one held."""
        if not self.params.meeting:
            return self.held.row(-1, named=True)
        found = self.held.filter(pl.col("meeting_id") == self.params.meeting)
        if found.is_empty():
            known = ", ".join(self.held["meeting_id"].tail(20))
            raise ModelError("cases.no_such_meeting", values={"meeting": self.params.meeting, "known": known})
        return found.row(0, named=True)

    @property
    def closed(self) -> bool:
        """Whether the event's return days have passed."""
        return bool(self.event["at"].date() + timedelta(days=self.event["return_days"]) <= self.page.as_of)

    @cached_property
    def every_guest(self) -> pl.DataFrame:
        """Everybody on a list of a meeting held, those held out and walk-ins included; nobody came later than now."""
        known = self.page.table("meeting_guests").filter(pl.col("meeting_id").is_in(self.held["meeting_id"].implode()))
        rows = known.collect()
        now = pl.lit(self._end, dtype=rows.schema["came_at"])
        return rows.with_columns(came_at=pl.when(pl.col("came_at") <= now).then("came_at"))

    @cached_property
    def every_order(self) -> pl.DataFrame:
        """One row per order of every meeting held, within its return days: as `meetings.sales`, with meeting_id."""
        ledger = self.page.table("meeting_orders").collect()
        parts = []
        for row in self.held.iter_rows(named=True):
            until = row["at"] + timedelta(days=row["return_days"])
            own = ledger.filter(pl.col("meeting_id") == row["meeting_id"])
            made = meetings.sales(own, until=min(until, self._end))
            parts.append(made.with_columns(meeting_id=pl.lit(row["meeting_id"])))
        return pl.concat(parts)

    @cached_property
    def guests(self) -> pl.DataFrame:
        """Guests of the event."""
        return self.every_guest.filter(pl.col("meeting_id") == self.event["meeting_id"])

    @cached_property
    def parted(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Orders of those who came; orders of people on the list who did not."""
        orders = self.every_order.filter(pl.col("meeting_id") == self.event["meeting_id"])
        return meetings.apart(self.guests, orders)

    @cached_property
    def chain(self) -> pl.DataFrame:
        """Invited → accepted → came → bought, by new, old, walk-in and all."""
        return self._chain(self.guests, self.parted[0], int(self.event["big_order_minor"]))

    @cached_property
    def costs(self) -> pl.DataFrame:
        """What the event cost by kind [minor units]."""
        return self._cost_rows(self.event["meeting_id"])

    @cached_property
    def each(self) -> CostPerOrder:
        """Cost per order in fen, and the fen left over."""
        orders = self.chain.filter(pl.col("kind") == "all")["orders"][0]
        return meetings.cost_per_order(int(self.costs["amount_minor"].sum()), int(orders))

    @cached_property
    def ratios(self) -> pl.DataFrame:
        """The trade's ratios, each with numerator and denominator."""
        staff = self.guests["by_staff"].drop_nulls().n_unique()
        return meetings.ratios(self.chain, staff=staff, cost_minor=self.each.cost_minor)

    @cached_property
    def drawn(self) -> pl.DataFrame:
        """Everybody drawn for a meeting held (walk-ins are no part of a lot), with came and bought."""
        bought = self.every_order.select("meeting_id", "customer_id").unique().with_columns(bought=pl.lit(value=True))
        people = self.every_guest.filter(~pl.col("walk_in"))
        found = people.join(bought, on=["meeting_id", "customer_id"], how="left", maintain_order="left")
        return found.select(
            "meeting_id", "customer_id", "held_out", came=pl.col("came_at").is_not_null(),
            bought=pl.col("bought").fill_null(value=False),
        )  # fmt: skip

    @cached_property
    def called(self) -> dict[str, str]:
        """What an event is called: day and kind; with its place and number where that is not one event's alone."""
        form = self.words.format
        named = {r["meeting_id"]: f"{form.day(r['at'].date())} {r['kind']}" for r in self.held.iter_rows(named=True)}
        places = dict(self.held.select("meeting_id", pl.col("place").fill_null("")).iter_rows())
        told = list(named.values())
        return {m: n if told.count(n) == 1 else " ".join(filter(None, (n, places[m], m))) for m, n in named.items()}

    @cached_property
    def effects(self) -> list[tuple[str, Effect]]:
        """Effect of the event, then of all events together, by lot."""
        own = self.drawn.filter(pl.col("meeting_id") == self.event["meeting_id"])
        return [
            (self.called[self.event["meeting_id"]], meetings.effect(own, outcome="bought")),
            ("", meetings.effect(self.drawn, outcome="bought")),
        ]

    @cached_property
    def flattered(self) -> float | None:
        """Came against did not come, of the event's invited."""
        own = self.drawn.filter(pl.col("meeting_id") == self.event["meeting_id"])
        return meetings.came_against_not(own, outcome="bought")

    @cached_property
    def missing(self) -> int:
        """How many more guests, in the same split, would show the effect wanted."""
        found = self.effects[1][1]
        base = float(self.drawn.filter("held_out")["bought"].mean() or 0.0)  # type: ignore[arg-type]
        rate = found.come_difference
        if rate <= 0 or not 0 < base < 1:
            return 0
        return meetings.guests_missing(
            wanted=self.params.wanted / 100, invited=found.invited, held_out=found.held_out, base=base, come_rate=rate
        )

    @cached_property
    def compared(self) -> pl.DataFrame:
        """Every meeting held: meeting (what it is called), day, kind, came, orders, cost_minor, collected_minor."""
        rows = []
        for row in self.held.iter_rows(named=True):
            key = row["meeting_id"]
            guests = self.every_guest.filter(pl.col("meeting_id") == key)
            came, _ = meetings.apart(guests, self.every_order.filter(pl.col("meeting_id") == key))
            every = self._chain(guests, came, int(row["big_order_minor"])).row(3, named=True)
            cost = int(self._cost_rows(key)["amount_minor"].sum())
            rows.append(
                (
                    self.called[key],
                    row["at"].date(),
                    row["kind"],
                    every["came"],
                    every["orders"],
                    cost,
                    every["collected_minor"],
                )
            )
        names = ["meeting", "day", "kind", "came", "orders", "cost_minor", "collected_minor"]
        return pl.DataFrame(rows, schema=names, orient="row")

    @cached_property
    def shares(self) -> pl.DataFrame:
        """What contracts pay each medium: medium, guests, collected_minor (or orders'), share_bp, due_minor."""
        first = self.page.table("touches").filter(pl.col("campaign") == self.event["meeting_id"]).collect()
        first = first.sort("at", "touch_id").group_by("customer_id", maintain_order=True).agg(pl.col("medium").first())
        money = self.parted[0].group_by("customer_id").agg(pl.col("sold_minor", "collected_minor").sum())
        came = self.guests.filter(pl.col("came_at").is_not_null()).select("customer_id")
        by = came.join(first, on="customer_id").join(money, on="customer_id", how="left").group_by("medium").agg(
            guests=pl.len().cast(pl.Int64), orders=pl.col("sold_minor").sum(), collected=pl.col("collected_minor").sum()
        )  # fmt: skip
        day = self.event["at"].date()
        law = self.page.table("media_costs").filter(
            pl.col("period_start") <= day, pl.col("period_end") >= day
        ).select("medium", "share_bp", pl.col("base").cast(pl.String)).collect()  # fmt: skip
        rows = by.join(law, on="medium", how="left").sort("medium")
        base = pl.when(pl.col("base") == "orders").then("orders").otherwise("collected")
        rows = rows.with_columns(base_minor=base, share_bp=pl.col("share_bp").fill_null(0))
        due = media.contract_shares(
            dict(rows.select("medium", "base_minor").iter_rows()), dict(rows.select("medium", "share_bp").iter_rows())
        )
        paid = pl.Series([due[m] for m in rows["medium"]], dtype=pl.Int64)
        return rows.with_columns(due_minor=paid).sort("due_minor", "medium", descending=[True, False])

    @cached_property
    def waiting(self) -> pl.DataFrame:
        """Who came and did not buy: customer_id, is_new, walk_in, intent, not_bought_reason, next_on, by_staff."""
        came = self.guests.filter(pl.col("came_at").is_not_null())
        order = {"hot": 0, "warm": 1, "cold": 2, "none": 3}
        place = pl.col("intent").replace_strict(order, default=9, return_dtype=pl.Int64)
        rows = came.join(self.parted[0], on="customer_id", how="anti").with_columns(pl.col("intent").cast(pl.String))
        staff = pl.coalesce("by_staff", pl.lit(self.event["organiser_staff"]))
        return rows.sort(place, "next_at", "customer_id", nulls_last=True).select(
            "customer_id", "is_new", "walk_in", "intent", "not_bought_reason", next_on=pl.col("next_at").dt.date(),
            by_staff=staff,
        )  # fmt: skip

    @cached_property
    def names(self) -> dict[str, str]:
        """Number of a person to the name among colleagues."""
        return self.titles("staff", "staff_id")

    def _chain(self, guests: pl.DataFrame, orders: pl.DataFrame, big: int) -> pl.DataFrame:
        """As `meetings.chain`."""
        return meetings.chain(guests, orders, big_minor=big)

    def _cost_rows(self, meeting: str) -> pl.DataFrame:
        """kind, amount_minor of a meeting; empty where costs are not connected."""
        found = self.page.optional("meeting_costs")
        if found is None:
            return pl.DataFrame(schema={"kind": pl.String, "amount_minor": pl.Int64})
        rows = found.filter(pl.col("meeting_id") == meeting).with_columns(pl.col("kind").cast(pl.String)).collect()
        return (
            rows.group_by("kind")
            .agg(pl.col("amount_minor").sum())
            .sort("amount_minor", "kind", descending=[True, False])
        )

    @property
    def _end(self) -> datetime:
        """The page's last moment, in the zone of the meetings."""
        zone = self.held["at"].dtype.time_zone  # type: ignore[attr-defined]
        naive = pl.Series([datetime.combine(self.page.as_of, time.max)])
        return naive.dt.replace_time_zone(zone)[0]  # type: ignore[no-any-return]
