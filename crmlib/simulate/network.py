"""The company's own stores in the city of the site study: as its list has them, with what their receipts say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.core.coordinates import to_wgs84
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World

YEAR_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Known:
    """Own stores that keep a till.

    stores : store_id, name, lat, lon (WGS-84), gcj_lat, gcj_lon (as the list of stores has them), area_m2, rent_yuan,
    opened_on, counter; sold, visits : by store and first day of a month that the receipts cover whole, net sales [fen]
    and days on which a member bought; season : by the same months, what all stores sold relative to a mean month of the
    last year.
    """

    stores: pl.DataFrame
    sold: dict[tuple[str, date], int]
    visits: dict[tuple[str, date], int]
    season: dict[date, float]

    def year(self, store: str, last: date) -> float | None:
        """Net sales of the 12 months up to `last` [yuan]; None where a month is not known."""
        known = [self.sold.get((store, month)) for month in _months_until(last, YEAR_MONTHS)]
        return None if None in known else sum(v for v in known if v is not None) / 100

    def busy(self, month: date) -> float:
        """Season of a month; of one that is not known, the mean of the same months of other years, else 1."""
        like = [index for known, index in self.season.items() if known.month == month.month]
        return self.season.get(month, sum(like) / len(like) if like else 1.0)

    def card_visits(self, end: date, sold: NDArray[np.float64]) -> dict[int, int]:
        """Card visits of the 12 months up to `end` by place in the list; months before the receipts in proportion.

        Parameters
        ----------
        sold : what each store sells in these months [yuan], known stores first.
        """
        found = {}
        for place, store in enumerate(self.stores["store_id"]):
            seen = [self.visits.get((store, month)) for month in _months_until(end, YEAR_MONTHS)]
            earned = sum(value for (of, _), value in self.sold.items() if of == store) / 100
            came = sum(value for (of, _), value in self.visits.items() if of == store)
            if earned > 0 and sold[place] > 0:
                rest = came / earned * sold[place] * seen.count(None) / YEAR_MONTHS
                found[place] = sum(v for v in seen if v is not None) + round(rest)
        return found

    def places(self, schema: pl.Schema) -> pl.DataFrame:
        """The stores as places of a town: counters stand in malls, which lie at a stop."""
        frame = self.stores.select(
            "lat", "lon", site_id="store_id", crs=pl.lit("WGS84"), area_m2=pl.col("area_m2").cast(pl.Float64),
            transit=pl.col("counter").cast(pl.Float64),
        )  # fmt: skip
        return frame.select(schema.names())

    def costs(self, sites: pl.DataFrame) -> pl.DataFrame:
        """`sites` with these stores' rent from the list of stores; what it does not tell is left open."""
        rent = self.stores.select("store_id", known_rent=(pl.col("rent_yuan") * 100).cast(pl.Int64))
        mine = pl.col("site_id").is_in(self.stores["store_id"].implode())
        joined = sites.join(rent, left_on="site_id", right_on="store_id", how="left", maintain_order="left")
        return joined.with_columns(
            rent_minor_month=pl.coalesce("known_rent", "rent_minor_month"),
            **{c: pl.when(~mine).then(pl.col(c)) for c in ("fixed_minor_month", "lease_months")},
        ).drop("known_rent")


def of_company(world: World, told: Telling, *, city: str, last: date) -> Known:
    """Stores of `city` that sell on the day `last`, a month's last day, with their months from the receipts."""
    shops = world.shops
    here = (shops.frame["city"] == city).to_numpy() & (shops.opened <= _number(last)) & (shops.closed > _number(last))
    frame = shops.frame.with_row_index("store").filter(pl.Series(here))
    lat, lon = to_wgs84(frame["lat"].to_numpy(), frame["lon"].to_numpy(), crs="GCJ02")
    stores = frame.select(
        "store", "store_id", "name", "area_m2", "rent_yuan", "opened_on", gcj_lat="lat", gcj_lon="lon",
        lat=pl.Series(lat).round(6), lon=pl.Series(lon).round(6), counter=pl.Series(shops.own[here] == 0),
    )  # fmt: skip
    sums = _by_month(pl.concat(told.totals), pl.col("net_minor").sum().alias("value"))
    visits = _by_month(pl.concat(told.carded), pl.col("members").sum().alias("value"))
    whole = [m for m in sums["month"].unique().sort() if _whole(m, world, last)]
    return Known(stores.drop("store"), _cells(sums, stores, whole), _cells(visits, stores, whole), _season(sums, whole))


def _number(day: date) -> int:
    return (day - EPOCH).days


def _by_month(frame: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """store, month (its first day), value."""
    month = pl.col("day").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo")
    return frame.group_by("store", month=month).agg(value).sort("month", "store")


def _whole(month: date, world: World, last: date) -> bool:
    """The receipts cover the month whole, and it ends by `last`."""
    end = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return world.first_day <= _number(month) and end <= last


def _cells(values: pl.DataFrame, stores: pl.DataFrame, months: list[date]) -> dict[tuple[str, date], int]:
    """By store and whole month since it opened; nothing sold is 0."""
    known = {(store, month): value for store, month, value in values.select("store", "month", "value").iter_rows()}
    return {
        (name, month): max(int(known.get((store, month), 0)), 0)
        for store, name, opened in stores.select("store", "store_id", "opened_on").iter_rows()
        for month in months
        if opened <= month
    }


def _season(sums: pl.DataFrame, months: list[date]) -> dict[date, float]:
    """Sales of all stores by month, relative to the mean of the last twelve; empty where they are fewer."""
    if len(months) < YEAR_MONTHS:
        return {}
    total = dict(sums.group_by("month").agg(pl.col("value").sum()).iter_rows())
    usual = sum(total[m] for m in months[-YEAR_MONTHS:]) / YEAR_MONTHS
    return {m: total[m] / usual for m in months}


def _months_until(last: date, count: int) -> list[date]:
    """First days of the `count` months that end with the month of `last`."""
    at = last.year * 12 + last.month - 1
    return [date(m // 12, m % 12 + 1, 1) for m in range(at - count + 1, at + 1)]
