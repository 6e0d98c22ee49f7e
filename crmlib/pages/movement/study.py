"""The steps of the movement report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.core.calendar import festivals
from crmlib.core.errors import LakeError, ModelError
from crmlib.customers.members.periods import months_before, periods
from crmlib.movement import cohorts, cross_shop, gain_loss, new_lapsed, path, revenue_tree
from crmlib.movement.periods import Period, check_periods
from crmlib.pages.movement.parameters import Movement
from crmlib.pages.shared.members import MemberStudy
from crmlib.panels import traits

PEAKS = ("spring_festival", "mid_autumn")
"""Both periods must hold as many of these."""
OTHER, UNKNOWN = "_other", "_unknown"
HORIZON = 90
"""A next trip later than this is "not back" [days]."""
YEAR = 12
TRIPS = 3
"""Trips whose steps are followed."""
DAYS = 1 << 20
"""More days than any history has: a member and a day are one number."""
DAY = timedelta(days=1)
COLUMNS = {"category": "category_1", "brand": "brand", "store": "store_id"}


class Grouped(NamedTuple):
    """Sales by group.

    sums : customer_id (null: no member), group, day (the slot's, see `gain_loss.slots`), net_minor, paid_minor (of days
    on which more was bought than brought back). trips : of the first three such days of each member customer_id, group,
    day, net_minor.
    """

    sums: pl.DataFrame
    trips: pl.DataFrame


class Study(MemberStudy):
    """From sales by member, group and day to parts of the change, flows, kinds of members, cohorts, sets, paths."""

    @property
    def params(self) -> Movement:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def group(self) -> str:
        """Between which groups sales move: as asked for, shops where no table of products is connected."""
        return "store" if self.goods is None else self.params.group

    def _sold(self, by: str, goods: pl.LazyFrame | None = None, *, money_only: bool = False) -> pl.DataFrame:
        """All sales by card, part and day: customer_id, part (null: unknown), day_n, lines, net_minor; any order."""
        first, last = panels.span(self.lines) or (self.page.as_of, self.page.as_of)
        return traits.customer_part_day(
            self.lines, goods, by=by, start=first, end=min(last, self.page.as_of), money_only=money_only
        )

    @cached_property
    def history(self) -> pl.DataFrame:
        """All sales to members by day: customer_id, day, lines, net_minor; a day may come several times."""
        carded = pl.col("customer_id").is_not_null() & ~self._strange
        days = pl.col("day_n").cast(pl.Date).alias("day")
        return self._sold("store_id").lazy().filter(carded).select("customer_id", days, "lines", "net_minor").collect()

    @property
    def _strange(self) -> pl.Expr:
        """Whether a card is no member's."""
        return pl.col("customer_id").is_in(self.apart.flagged["customer_id"].implode())

    @cached_property
    def span(self) -> tuple[Period, Period]:
        """The two periods: the longest of the months asked for, 6, 3 and 1 that the data and the festivals allow.

        The same months a year before come first, then the months just before.
        """
        first = self.first_day or self.page.as_of
        refused: ModelError | None = None
        for pair in self._candidates():
            if pair[0].start < first:
                continue
            held = festivals(pair[0].start, pair[1].end).filter(pl.col("festival").is_in(PEAKS))
            try:
                check_periods(*pair, festivals=held["day"].to_list())
            except ModelError as problem:
                refused = refused or problem
            else:
                return pair
        needed = months_before(self.page.as_of, 2) + DAY
        raise refused or ModelError("movement.history", values={"first": first, "needed": needed})

    def _candidates(self) -> Iterator[tuple[Period, Period]]:
        end, asked = self.page.as_of, self.params.months
        lengths = [m for m in (asked, 6, 3, 1) if m <= asked]
        for back in (YEAR, 0):
            for months in lengths:
                start = months_before(end, months)
                last = months_before(end, back) if back else start
                yield Period(months_before(last, months) + DAY, last), Period(start + DAY, end)
                if back and months == YEAR:
                    lunar = periods(end, months=months, aligned=True, compare="last_year", first_day=self.first_day)
                    yield Period(lunar.previous_start, lunar.previous_end), Period(lunar.start, lunar.end)

    @property
    def comparable(self) -> bool:
        """Whether there are two periods to compare, with sales."""
        try:
            return self.change.members > 0
        except (ModelError, LakeError):
            return False

    @cached_property
    def grouped(self) -> Grouped:
        """Sales by group, as little of them as the page needs: days of millions of members are not held."""
        sold = self._sold(COLUMNS[self.group], None if self.group == "store" else self.goods, money_only=True)
        names = self._group_of(sold)
        days = sold.select(
            customer_id=pl.when(~self._strange).then("customer_id"),
            group=names,
            day=pl.col("day_n").cast(pl.Date),
            net_minor="net_minor",
        )
        del sold
        slots = gain_loss.slots(first=self.span[0], second=self.span[1])
        net = pl.col("net_minor")
        sums = (
            days.lazy()
            .with_columns(day=pl.col("day").replace_strict(slots["day"], slots["slot"], default=None))
            .drop_nulls("day")
            .group_by("customer_id", "group", "day")
            .agg(net.sum(), paid_minor=pl.when(net > 0).then(net).otherwise(0).sum())
            .collect(engine="streaming")
        )
        return Grouped(sums, _first_trips(days.lazy().filter(pl.col("customer_id").is_not_null(), net > 0)))

    def _group_of(self, sold: pl.DataFrame) -> pl.Expr:
        """The group of a part: the smallest are one, so that at most twelve are left; an Enum."""
        sums = sold.group_by("part").agg(pl.col("net_minor").abs().sum())
        known = sold["part"].drop_nulls().unique().cast(pl.String).to_list()
        kind = pl.Enum(sorted({*known, OTHER, UNKNOWN}))
        told = sums.with_columns(group=pl.col("part").cast(pl.String).fill_null(UNKNOWN).cast(kind))
        told = told.sort("net_minor", "group")
        most = gain_loss.MAX_GROUPS
        if told.height > most:
            small = pl.int_range(pl.len()) < told.height - most + 1
            told = told.with_columns(group=pl.when(small).then(pl.lit(OTHER, dtype=kind)).otherwise("group"))
        parts, groups = told.filter(pl.col("part").is_not_null()).select("part", "group")
        unknown = told.filter(pl.col("part").is_null())["group"].to_list()
        default = pl.lit(unknown[0] if unknown else UNKNOWN, dtype=kind)
        return pl.col("part").replace_strict(parts, groups, default=default, return_dtype=kind)

    @cached_property
    def change(self) -> gain_loss.GainLoss:
        """Parts of the change of each group, and flows between groups [minor units]."""
        first, second = self.span
        return gain_loss.gain_loss(self.grouped.sums.lazy(), first=first, second=second)

    @cached_property
    def noise(self) -> gain_loss.GainLoss:
        """The same between even and odd weeks, where nothing moved."""
        first, second = self.span
        return gain_loss.noise(self.grouped.sums.lazy(), first=first, second=second)

    @cached_property
    def kinds(self) -> new_lapsed.NewLapsed:
        """New, returning, repeat and lapsed members with their money [minor units]."""
        first, second = self.span
        return new_lapsed.new_lapsed(self.history, first=first, second=second, as_of=self.page.as_of)

    @cached_property
    def tree(self) -> dict[str, int]:
        """Parts of the change of members' sales: members, trips, units (goods a trip), price (money a good)."""
        first, second = self.span
        return revenue_tree.revenue_tree(self._totals(first), self._totals(second))

    @cached_property
    def cohorts(self) -> pl.DataFrame:
        """Newcomers by month, in members and money, so many months later."""
        return cohorts.cohorts(self.history, as_of=self.page.as_of, months=12)

    @cached_property
    def crossed(self) -> cross_shop.CrossShop:
        """Members of the second period by the groups they bought in."""
        inside = (
            self._in(self.span[1])
            .filter(pl.col("paid_minor") > 0, ~pl.col("group").is_in([OTHER, UNKNOWN]))
            .select("customer_id", "group", net_minor="paid_minor")
        )
        sums = (
            inside.group_by("group").agg(pl.col("net_minor").sum()).sort("net_minor", "group", descending=[True, False])
        )
        names = sorted(sums["group"][: cross_shop.MOST].cast(pl.String))
        total = inside.group_by("customer_id").agg(total_minor=pl.col("net_minor").sum())
        bought = inside.group_by("customer_id", set="group").agg(pl.col("net_minor").sum())
        named = bought.with_columns(pl.col("set").cast(pl.String))
        return cross_shop.cross_shop(named, members=total, sets=names)

    @cached_property
    def steps(self) -> pl.DataFrame:
        """From the first to the second and the third trip, by the group with most of each trip's money."""
        best = self.grouped.trips.sort(
            "customer_id", "day", "net_minor", "group", descending=[False, False, True, False]
        ).unique(["customer_id", "day"], keep="first", maintain_order=True)
        trips = best.select("customer_id", "day", category=pl.col("group").cast(pl.String))
        return path.path(trips, as_of=self.page.as_of, horizon_days=HORIZON)

    @cached_property
    def left(self) -> pl.DataFrame:
        """Members of the first period who bought nowhere in the second, the dearest first.

        customer_id, net_minor, margin_minor (sales without cost at everybody's margin rate; null without any cost),
        last_day, group (most of their money).
        """
        first, second = self.span
        before = self.members(panels.customer_period(self.lines, start=first.start, end=first.end))
        most = self._in(first).group_by("customer_id", "group").agg(pl.col("net_minor").sum())
        favourite = (
            most.sort("net_minor", "group", descending=[True, False])
            .unique("customer_id", keep="first")
            .select(pl.col("customer_id", "group").cast(pl.String))
        )
        costed = before.filter(pl.col("uncosted_lines") == 0)
        sold = int(costed["net_minor"].sum())
        rate = int(costed["margin_minor"].sum()) / sold if sold else None
        known = pl.when(pl.col("uncosted_lines") == 0).then("margin_minor")
        margin = known.fill_null((pl.col("net_minor") * rate).round().cast(pl.Int64)) if rate is not None else known
        return (
            before.join(self._came(second), on="customer_id", how="anti")
            .join(favourite, on="customer_id", how="left")
            .select(
                "customer_id", "net_minor", "group", margin_minor=margin,
                last_day=pl.col("last_day_n").cast(pl.Date),
            )
            .sort(pl.coalesce("margin_minor", "net_minor"), "customer_id", descending=[True, False])
        )  # fmt: skip

    @cached_property
    def names(self) -> dict[str, str]:
        """Groups in the reader's words: shops by name, the others as they are."""
        words = self.words
        own = {OTHER: words("movement.group.other"), UNKNOWN: words("movement.group.unknown")}
        shops = self.page.optional("stores") if self.group == "store" else None
        if shops is None:
            return own
        known = shops.select("store_id", pl.col("name").fill_null(pl.col("store_id"))).collect()
        return dict(known.iter_rows()) | own

    @cached_property
    def shops(self) -> pl.DataFrame:
        """Members' own shops by name: customer_id, store_name; empty where members or shops are not connected."""
        stores = self.page.optional("stores")
        if self.people is None or stores is None:
            return pl.DataFrame(schema={"customer_id": pl.String, "store_name": pl.String})
        named = stores.select("store_id", store_name=pl.col("name"))
        home = self.people.select("customer_id", store_id=pl.col("home_store"))
        return home.join(named, on="store_id", how="left").select("customer_id", "store_name").collect()

    def _came(self, period: Period) -> pl.DataFrame:
        """Who bought anything in the period, in whichever shop: customer_id."""
        if self.page.regions is None or self.people is None:
            here = self._visits(period).filter(pl.col("lines") > 0)
            return here.select(pl.col("customer_id").unique().cast(pl.String))
        everywhere = panels.customer_period(self.page.lines_of_members(), start=period.start, end=period.end)
        return everywhere.filter(pl.col("purchase_days") > 0).select("customer_id")

    def _in(self, period: Period) -> pl.DataFrame:
        """Members' sales of one period by group and slot."""
        inside = pl.col("day").is_between(period.start, period.end)
        return self.grouped.sums.filter(inside).drop_nulls("customer_id")

    def _visits(self, period: Period) -> pl.DataFrame:
        """Members' sales of one period by day."""
        return self.history.filter(pl.col("day").is_between(period.start, period.end))

    def _totals(self, period: Period) -> revenue_tree.Totals:
        sold = self._visits(period)
        trips = sold.filter(pl.col("lines") > 0).select("customer_id", "day").unique()
        return revenue_tree.Totals(
            int(sold["net_minor"].sum()), trips["customer_id"].n_unique(), trips.height, int(sold["lines"].sum())
        )


def _first_trips(bought: pl.LazyFrame) -> pl.DataFrame:
    """Rows (customer_id, an Enum, day, …) of the first three days of each customer."""
    customer, day = pl.col("customer_id").to_physical().cast(pl.Int64), pl.col("day").to_physical().cast(pl.Int64)
    keys = bought.select(customer * DAYS + day).unique().collect(engine="streaming").to_series().sort()
    who, days = np.divmod(keys.to_numpy(), DAYS)
    early = np.ones(who.size, dtype=bool)
    early[TRIPS:] = who[TRIPS:] != who[:-TRIPS]
    third = np.zeros(int(who.max(initial=0)) + 1, dtype=np.int64)
    third[who[early]] = days[early]  # in order of days, so the last of the three stays
    return bought.filter(pl.lit(pl.Series(third)).gather(customer) >= day).collect()
