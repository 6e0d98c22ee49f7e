"""The steps of the movement report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.core.apportion import run_of, run_starts
from crmlib.core.calendar import festivals
from crmlib.core.errors import LakeError, ModelError
from crmlib.customers.members.periods import months_before, periods
from crmlib.movement import cohorts, cross_shop, gain_loss, new_lapsed, path, revenue_tree
from crmlib.movement.periods import Period, check_periods
from crmlib.pages.movement.parameters import Movement
from crmlib.pages.shared.members import MemberStudy
from crmlib.panels import traits
from crmlib.report.memory.remember import Later

T = TypeVar("T")
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
CUSTOMER, ON = (pl.col(c).to_physical().cast(pl.Int64) for c in ("customer_id", "day"))
MEMBER_DAY = CUSTOMER * DAYS + ON


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

    @cached_property
    def _reach(self) -> tuple[date, date]:
        """First and last day of the lines."""
        first, last = panels.span(self.lines) or (self.page.as_of, self.page.as_of)
        return first, min(last, self.page.as_of)

    def _kept(self, step: str, make: Callable[[], T]) -> T:
        """What `make` gives of the sales, found where a page of the same sales made it: in the other language, too."""
        goods, column = self.goods, COLUMNS[self.group]
        parts = None if goods is None or self.group == "store" else goods.select("product_id", column)
        nobody, group, span = self.apart.flagged["customer_id"], self.group, self.span
        return self.page.remember(_made, Later(make, self.lines, parts, nobody, group, *span), step=step)

    @cached_property
    def history(self) -> pl.DataFrame:
        """All sales to members by day: customer_id, day, lines, net_minor; a day may come several times."""
        first, last = self._reach
        days = panels.member_days(self.lines, start=first, end=last)
        return days.filter(~self._strange).select(
            "customer_id", pl.col("day_n").cast(pl.Date).alias("day"), "lines", "net_minor"
        )

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
        first, last = self._reach
        goods = None if self.group == "store" else self.goods
        sold = traits.customer_part_day(
            self.lines, goods, by=COLUMNS[self.group], start=first, end=last, money_only=True
        )
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
        return self._kept("change", lambda: gain_loss.gain_loss(self.grouped.sums.lazy(), first=first, second=second))

    @cached_property
    def noise(self) -> gain_loss.GainLoss:
        """The same between even and odd weeks, where nothing moved."""
        first, second = self.span
        return self._kept("noise", lambda: gain_loss.noise(self.grouped.sums.lazy(), first=first, second=second))

    @cached_property
    def kinds(self) -> new_lapsed.NewLapsed:
        """New, returning, repeat and lapsed members with their money [minor units]."""
        first, second = self.span
        as_of = self.page.as_of
        return self._kept("kinds", lambda: new_lapsed.new_lapsed(self.history, first=first, second=second, as_of=as_of))

    @cached_property
    def tree(self) -> dict[str, int]:
        """Parts of the change of members' sales: members, trips, units (goods a trip), price (money a good)."""
        first, second = self.span
        return self._kept("tree", lambda: revenue_tree.revenue_tree(self._totals(first), self._totals(second)))

    @cached_property
    def cohorts(self) -> pl.DataFrame:
        """Newcomers by month, in members and money, so many months later."""
        return self._kept("cohorts", lambda: cohorts.cohorts(self.history, as_of=self.page.as_of, months=12))

    @cached_property
    def crossed(self) -> cross_shop.CrossShop:
        """Members of the second period by the groups they bought in."""
        return self._kept("crossed", self._crossed)

    def _crossed(self) -> cross_shop.CrossShop:
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
        return cross_shop.cross_shop(bought, members=total, sets=names)

    @cached_property
    def steps(self) -> pl.DataFrame:
        """From the first to the second and the third trip, by the group with most of each trip's money."""
        return self._kept("steps", self._steps)

    def _steps(self) -> pl.DataFrame:
        trips = _main_groups(self.grouped.trips)
        named = trips.select("customer_id", "day", category=pl.col("group").cast(pl.String))
        return path.path(named, as_of=self.page.as_of, horizon_days=HORIZON)

    @cached_property
    def left(self) -> pl.DataFrame:
        """Members of the first period who bought nowhere in the second, the dearest first.

        customer_id, net_minor, margin_minor (sales without cost at everybody's margin rate; null without any cost),
        last_day, group (most of their money).
        """
        return self._kept("left", self._left)

    def _left(self) -> pl.DataFrame:
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
        bought = sold.filter(pl.col("lines") > 0)
        trips = bought.select(MEMBER_DAY).to_series().n_unique()
        return revenue_tree.Totals(
            int(sold["net_minor"].sum()), bought["customer_id"].n_unique(), trips, int(sold["lines"].sum())
        )


def _made(of: Later[T], *, step: str) -> T:
    """The value; steps of the same sales are told apart by their name."""
    return of.value


def _main_groups(trips: pl.DataFrame) -> pl.DataFrame:
    """Of each member's day the row of the group with most money, of equal ones the first; by member and day."""
    ordered = trips.with_columns(key=MEMBER_DAY).sort("key")
    if ordered.is_empty():
        return trips
    starts = run_starts(ordered["key"].to_numpy())
    run, net = run_of(starts, ordered.height), ordered["net_minor"].to_numpy()
    best = net == np.maximum.reduceat(net, starts)[run]
    place = ordered["group"].to_physical().to_numpy().astype(np.int64) * net.size + np.arange(net.size)
    chosen = np.minimum.reduceat(np.where(best, place, np.iinfo(np.int64).max), starts)
    return ordered[chosen % net.size].drop("key")


def _first_trips(bought: pl.LazyFrame) -> pl.DataFrame:
    """Rows (customer_id, an Enum, day, …) of the first three days of each customer."""
    keys = bought.select(MEMBER_DAY).unique().collect(engine="streaming").to_series().sort()
    who, days = np.divmod(keys.to_numpy(), DAYS)
    early = np.ones(who.size, dtype=bool)
    early[TRIPS:] = who[TRIPS:] != who[:-TRIPS]
    third = np.zeros(int(who.max(initial=0)) + 1, dtype=np.int64)
    third[who[early]] = days[early]  # in order of days, so the last of the three stays
    return bought.filter(pl.lit(pl.Series(third)).gather(CUSTOMER) >= ON).collect()
