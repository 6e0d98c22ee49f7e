"""What the sales pages stand on: the same goods, the same trade of a store's day, the same outlook."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.core.calendar import lunar_aligned
from crmlib.core.dates import EPOCH
from crmlib.kit.finding import MOST_BEHIND
from crmlib.panels.sales import only_goods
from crmlib.report.memory.remember import Later
from crmlib.sales import comparisons, outlook, targets

Spans = list[tuple[date, date]]


def _cube(lines: panels.ReceiptLines, goods: Later[pl.LazyFrame | None], spans: Spans) -> pl.DataFrame:
    """Net sales by store, day, channel and category: a seller's part of a cell is told nowhere."""
    cubes = [panels.store_day_cube(lines, goods.value, start=a, end=b) for a, b in spans]
    keys = ("store_id", "day_n", "channel", "category")
    return pl.concat(cubes).group_by(keys, maintain_order=True).agg(pl.col("net_minor").sum())


def _sold(lines: panels.ReceiptLines, spans: Spans, by: tuple[str, ...]) -> pl.DataFrame:
    return pl.concat([panels.product_period(lines, start=a, end=b, by=by) for a, b in spans])


def _dearest(lines: panels.ReceiptLines, keys: pl.DataFrame, span: tuple[date, date]) -> pl.DataFrame:
    rows = panels.lines_behind(lines, keys, start=span[0], end=span[1])
    return rows.sort(pl.col("net_minor").abs(), "receipt_id", descending=[True, False]).head(MOST_BEHIND)


class SalesStudy(report.Study):
    """Lines of goods, stores and products, sales by store and day, and the month against its target."""

    @cached_property
    def goods(self) -> pl.LazyFrame | None:
        """The table of products; none where it is not connected."""
        return self.page.optional("products")

    @cached_property
    def names(self) -> pl.DataFrame | None:
        """Names of products and their category: product_id, name, category_1; none where they are not connected."""
        return None if self.goods is None else self.goods.select("product_id", "name", "category_1").collect()

    @cached_property
    def shops(self) -> pl.DataFrame | None:
        """The table of stores; none where it is not connected."""
        shops = self.page.optional("stores")
        return None if shops is None else shops.collect()

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """The receipt lines that sell goods, for panels: services are no sales."""
        return self.page.lines if self.goods is None else only_goods(self.page.lines, self.goods)

    def cube(self, days: Sequence[date]) -> pl.DataFrame:
        """Net sales by store, day, channel, category and region (null without stores) on `days`."""
        spans = comparisons.runs(sorted(set(days))) or [(EPOCH, EPOCH)]
        goods = Later(lambda: self.goods, self.lines)  # lines are known by the versions of all tables
        return self._placed(self.page.remember(_cube, self.lines, goods, spans))

    @cached_property
    def days(self) -> pl.DataFrame:
        """One row per store and day: receipts, lines, net, cost, net without a cost, net on cards [minor units].

        Both sums are remembered beside the lake: small, and most of the work of a page.
        """
        visits = self.page.remember(panels.store_day, self.lines)
        visits = visits.select("store_id", "day_n", "receipts", "lines", "member_net_minor")
        sums = self._placed(self.page.remember(panels.store_day_money, self.lines))
        return sums.join(visits, on=["store_id", "day_n"], nulls_equal=True).sort("store_id", "day")

    def _placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of stores (store_id, day_n, …) with their day and region (null without stores)."""
        dated = rows.with_columns(day=pl.lit(EPOCH) + pl.duration(days=pl.col("day_n")))
        if self.shops is None:
            return dated.with_columns(region=pl.lit(None, dtype=pl.String))
        return dated.join(self.shops.select("store_id", "region"), on="store_id", how="left", maintain_order="left")

    def sold(self, days: Sequence[date], *, by: Sequence[str] = ()) -> pl.DataFrame:
        """Sales by product and half (and store, channel) on `days`, each day as often as it stands there."""
        spans = comparisons.runs(days) or [(EPOCH, EPOCH)]
        return self.page.remember(_sold, self.lines, spans, tuple(by))

    def receipts(self, keys: pl.DataFrame, span: tuple[date, date]) -> pl.DataFrame:
        """The receipt lines of some stores or products, the dearest first.

        keys : store_id, product_id or both, named by each row.
        """
        if keys.is_empty():
            return pl.DataFrame()
        keys = keys.unique().sort(pl.all())  # in one order: what is remembered is found by them
        rows = self.page.remember(_dearest, self.lines, keys, span)
        return rows.select(
            "receipt_id", "day", self.store_names(rows["store_id"]).alias("store"),
            self.product_names(rows["product_id"]).alias("goods"), "quantity_milli", "net_minor", "cost_minor",
        )  # fmt: skip

    @cached_property
    def month(self) -> tuple[date, date]:
        """First and last day of the calendar month of the page's day."""
        day = self.page.as_of
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])

    @cached_property
    def asked(self) -> pl.DataFrame:
        """Targets of net sales of this month, in the version in force: level, unit_id, amount_minor."""
        return targets.of_month(self.page.table("targets"), month=self.month[0], on=self.page.as_of)

    @cached_property
    def outlook(self) -> outlook.Completion:
        """Where the month will end, for the company ("" ) and each store, against the targets in force."""
        first, last = self.month
        return outlook.completion(
            self.days, first=first, last=last, as_of=self.page.as_of, targets=targets.of_stores(self.asked)
        )

    def store_names(self, ids: pl.Series) -> pl.Series:
        """Names of stores by their ids, the id where no name is known."""
        return named(ids, self.shops, key="store_id").fill_null(self.words("page.none"))

    def product_names(self, ids: pl.Series) -> pl.Series:
        """Names of products by their ids, the id where no name is known."""
        return named(ids, self.names, key="product_id").fill_null(self.words("page.none"))


class WindowStudy(SalesStudy):
    """A window of so many days that ends with the page's day, and the one it is held against."""

    @cached_property
    def begins(self) -> date:
        """The first day of sales."""
        return self.days["day"].min()  # type: ignore[return-value]

    @cached_property
    def span(self) -> tuple[date, date]:
        """First and last day of the period; half of the history where that is shorter than two periods."""
        known = (self.page.as_of - self.begins).days + 1
        length = min(self.page.params.days, max(known // 2, 1))
        return self.page.as_of - timedelta(days=length - 1), self.page.as_of

    @cached_property
    def ground(self) -> str:
        """What it is held against: the same slot of last year where that is whole, else the period before."""
        return "same_slot" if lunar_aligned(self.span[0]) >= self.begins else "last_period"

    @cached_property
    def partners(self) -> list[date]:
        """The days it is held against, each as often as it is a partner."""
        days: list[date] = comparisons.partners(*self.span, self.ground)["partner"].drop_nulls().to_list()
        return days


def named(ids: pl.Series, table: pl.DataFrame | None, *, key: str) -> pl.Series:
    """The `name` of each id in `table` (key, name), the id itself where there is none."""
    if table is None:
        return ids
    known = pl.DataFrame({key: ids}).join(table.select(key, "name"), on=key, how="left", maintain_order="left")
    return known.select(pl.coalesce("name", key)).to_series().alias(ids.name)
