"""Which festival is near, which goods are its own, on which shelves they will run short or be left, what to move.

A category is a festival's if four fifths of what was ever sold of it went between T−45 and T+14. What is still to be
sold is shared out to shelves by what each sold after the same day of past festivals and has sold of this one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.apportion import largest_remainder
from crmlib.core.calendar import PEAKS, festival_day
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach.festival import FROM, TO, Forecast, cumulative, forecast

OWN_SHARE = 0.8
"""From this share of its units within the slot on a category is the festival's."""
KNOWN_DAYS = 200
"""A category first sold more recently cannot be told from its sales."""
FRESH_DAYS = 14
"""An older count says nothing of festival goods: they sell too fast."""
TEST_AT = -14
"""Forecasts are tried at T−14 once that day is over: later ones are easy."""
SELL_IN_FROM = -90
"""Partners are supplied from so many days before the festival on."""
PAIR = ["store_id", "product_id"]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Feast:
    """One festival of one year.

    Parameters
    ----------
    slot, year, on : T.
    """

    slot: str
    year: int
    on: date

    def offset(self, day: date) -> int:
        """Days from T: −14 is a fortnight before."""
        return (day - self.on).days


def around(as_of: date, *, slots: Sequence[str] = PEAKS) -> tuple[Feast | None, Feast, Feast]:
    """The festival that is running (T−45 … T+14, the nearest), the last one over, the next one to begin.

    Examples
    --------
    >>> running, over, ahead = around(date(2026, 10, 31))
    >>> running, (over.slot, over.year), str(ahead.on)
    (None, ('mid_autumn', 2026), '2027-02-06')
    >>> around(date(2026, 9, 11))[0].slot
    'mid_autumn'
    """
    years = range(as_of.year - 2, as_of.year + 3)
    every = sorted((Feast(s, y, festival_day(s, y)) for s in slots for y in years), key=lambda f: f.on)
    near = [f for f in every if FROM <= f.offset(as_of) <= TO]
    over = [f for f in every if f.offset(as_of) > TO]
    ahead = [f for f in every if f.offset(as_of) < FROM]
    return min(near, key=lambda f: abs(f.offset(as_of)), default=None), over[-1], ahead[0]


def before(feast: Feast, *, begins: date) -> list[date]:
    """T of past festivals of the kind whose whole slot is known from `begins` on, the latest last."""
    years = range(begins.year, feast.year)
    days = [festival_day(feast.slot, year) for year in years]
    return [day for day in days if day + FROM * DAY >= begins]


def own_goods(daily: AnyFrame, products: AnyFrame, *, as_of: date, slots: Sequence[str] = PEAKS) -> pl.DataFrame:
    """The goods of each festival, told from when they are sold: product_id, slot.

    Parameters
    ----------
    daily : product_id, day, quantity_milli of the whole history.
    products : product_id, category_2 (null: the good is told by itself).
    """
    sold = to_polars(daily, needs=["product_id", "day", "quantity_milli"], name="sales by day")
    named = to_polars(products, needs=["product_id", "category_2"], name="products", key="product_id")
    group = pl.coalesce("category_2", "product_id")
    kinds = named.select("product_id", group=group)
    units = (
        sold.filter(pl.col("quantity_milli") > 0, pl.col("day") <= as_of)
        .join(kinds, on="product_id")
        .group_by("group", "day")
        .agg(pl.col("quantity_milli").sum())
    )
    known = units.group_by("group").agg(all=pl.col("quantity_milli").sum(), first=pl.col("day").min())
    known = known.filter(pl.col("first") <= as_of - KNOWN_DAYS * DAY)
    parts = []
    for slot in slots:
        near = pl.lit(value=False)
        for year in range(as_of.year - 10, as_of.year + 2):
            on = festival_day(slot, year)
            near = near | pl.col("day").is_between(on + FROM * DAY, on + TO * DAY)
        inside = units.filter(near).group_by("group").agg(inside=pl.col("quantity_milli").sum())
        parts.append(
            known.join(inside, on="group").select(
                "group", pl.lit(slot).alias("slot"), share=pl.col("inside") / pl.col("all")
            )
        )
    best = pl.concat(parts).filter(pl.col("share") >= OWN_SHARE).sort("share", "slot", descending=[True, False])
    best = best.unique("group", keep="first", maintain_order=True)
    return kinds.join(best, on="group").select("product_id", "slot").sort("product_id")


def shelves(
    daily: AnyFrame, made: Forecast, *, feast: Feast, past: Sequence[date], on_hand: pl.DataFrame | None,
    drawn: pl.DataFrame | None = None, stores: Collection[str] = (),
) -> pl.DataFrame:  # fmt: skip
    """Each store and good: what is still asked of it and what lies, in whole units.

    Parameters
    ----------
    daily : store_id, product_id, day, quantity_milli of the festival's goods.
    made : expected total by T+14. on_hand : store_id, product_id, on_hand_milli; none where nothing was counted.
    drawn : store_id, product_id, expected_milli of vouchers that will still be redeemed.
    stores : only these are open.

    Returns
    -------
    store_id, product_id, sold_milli (this festival), to_sell_milli (adds up to total − sold), drawn_milli,
    on_hand_milli (null: not counted), left_milli, short_milli (both null there).
    """
    rows = to_polars(daily, needs=[*PAIR, "day", "quantity_milli"], name="sales by day")
    if stores:
        rows = rows.filter(pl.col("store_id").is_in(list(stores)))
    found = _weighed(rows, feast, past, made.offset)
    none = pl.DataFrame(schema={"store_id": pl.String, "product_id": pl.String, "amount": pl.Int64})
    have = none if on_hand is None else on_hand.select(*PAIR, amount="on_hand_milli")
    want = none if drawn is None else drawn.select(*PAIR, amount="expected_milli")
    for name, more in (("on_hand_milli", have), ("drawn_milli", want)):
        sums = more.group_by(PAIR).agg(pl.col("amount").sum().alias(name))
        found = found.join(sums, on=PAIR, how="full", coalesce=True)
    found = found.with_columns(pl.col("sold_milli", "weight", "drawn_milli").fill_null(0)).sort(PAIR)
    rest = max(made.total_milli - made.sold_milli, 0) // 1000
    weights = found["weight"].to_numpy()
    share = largest_remainder(weights, np.array([rest if weights.sum() > 0 else 0]), np.array([0]))
    found = found.with_columns(to_sell_milli=pl.Series(share, dtype=pl.Int64) * 1000)
    spare = pl.col("on_hand_milli").clip(lower_bound=0) - pl.col("to_sell_milli") - pl.col("drawn_milli")
    return found.select(
        *PAIR, "sold_milli", "to_sell_milli", "drawn_milli", "on_hand_milli",
        left_milli=spare.clip(lower_bound=0) // 1000 * 1000,
        short_milli=(-spare).clip(lower_bound=0) // 1000 * 1000,
    )  # fmt: skip


def _weighed(rows: pl.DataFrame, feast: Feast, past: Sequence[date], offset: int) -> pl.DataFrame:
    """store_id, product_id, sold_milli of this festival, weight: that and what went after this day of past ones."""
    day = (pl.col("day") - pl.lit(feast.on)).dt.total_days()
    now = rows.filter(day.is_between(FROM, offset)).group_by(PAIR).agg(sold_milli=pl.col("quantity_milli").sum())
    later = [rows.filter(pl.col("day").is_between(on + (offset + 1) * DAY, on + TO * DAY)) for on in past]
    then = pl.concat([rows.clear(), *later]).group_by(PAIR).agg(then=pl.col("quantity_milli").sum())
    found = now.join(then, on=PAIR, how="full", coalesce=True).with_columns(pl.col("sold_milli", "then").fill_null(0))
    weight = pl.col("sold_milli").clip(lower_bound=0) + pl.col("then").clip(lower_bound=0)
    return found.select(*PAIR, "sold_milli", weight=weight)


def priced(rows: pl.DataFrame, goods: AnyFrame, stores: AnyFrame) -> pl.DataFrame:
    """`rows` of `shelves` with region, category, is_gift, left_minor (at cost) and short_minor (margin not earned)."""
    needs = ["product_id", "category_2", "is_gift", "list_minor", "cost_minor"]
    named = to_polars(goods, needs=needs, name="products", key="product_id").select(needs)
    shops = to_polars(stores, needs=["store_id", "region"], name="stores", key="store_id").select("store_id", "region")
    both = rows.join(named, on="product_id", how="left", maintain_order="left")
    both = both.join(shops, on="store_id", how="left", maintain_order="left")
    cost, price = pl.col("cost_minor").fill_null(0), pl.col("list_minor").fill_null(0)
    return both.select(
        *rows.columns, "region", "is_gift", category="category_2",
        left_minor=(pl.col("left_milli") * cost / 1000).round().cast(pl.Int64),
        short_minor=(pl.col("short_milli") * (price - cost).clip(lower_bound=0) / 1000).round().cast(pl.Int64),
    )  # fmt: skip


def curves(daily: AnyFrame, *, feast: Feast, past: Sequence[date], as_of: date) -> pl.DataFrame:
    """Units sold by the end of each lunar day: year, offset, units; this festival up to `as_of`."""
    parts = []
    for on, last in [*((day, TO) for day in past), (feast.on, min(feast.offset(as_of), TO))]:
        offset = range(FROM, last + 1)
        units = cumulative(daily, festival_on=on)[: len(offset)] / 1000
        year = feast.year if on == feast.on else on.year
        parts.append(pl.DataFrame({"year": [year] * len(offset), "offset": list(offset), "units": units}))
    return pl.concat(parts)


def transfers(rows: pl.DataFrame) -> pl.DataFrame:
    """What to move from shelves with too much to shelves with too little of the same good, within a region.

    Parameters
    ----------
    rows : from `shelves`, with region.

    Returns
    -------
    product_id, from_store, store_id, quantity_milli; the largest want is served first, from the fullest shelf.
    """
    moved: list[tuple[str, str, str, int]] = []
    for (_, product), part in rows.group_by("region", "product_id", maintain_order=True):
        left = dict(part.filter(pl.col("left_milli") > 0).select("store_id", "left_milli").iter_rows())
        wants = part.filter(pl.col("short_milli") > 0).sort("short_milli", "store_id", descending=[True, False])
        for store, short in wants.select("store_id", "short_milli").iter_rows():
            want = short
            while want > 0 and left:
                giver = max(left, key=lambda s: (left[s], s))
                units = min(want, left[giver])
                moved.append((str(product), giver, store, units))
                want -= units
                left[giver] -= units
                if left[giver] == 0:
                    del left[giver]
    schema = {"product_id": pl.String, "from_store": pl.String, "store_id": pl.String, "quantity_milli": pl.Int64}
    return pl.DataFrame(moved, schema=schema, orient="row")


def afterwards(daily: AnyFrame, products: AnyFrame, *, days: Sequence[date], as_of: date) -> pl.DataFrame:
    """What was still sold after each festival, and at which price.

    Returns
    -------
    festival_on, after_milli (T+1 … T+14), after_share (of all from T−45 on), price_share (of the list price, null
    without sales); of festivals of which `as_of` knows T+14.
    """
    sold = to_polars(daily, needs=["product_id", "day", "quantity_milli", "net_minor"], name="sales by day")
    listed = to_polars(products, needs=["product_id", "list_minor"], name="products", key="product_id")
    sold = sold.join(listed.select("product_id", "list_minor"), on="product_id")
    rows: list[tuple[date, int, float | None, float | None]] = []
    for on in days:
        if on + TO * DAY > as_of:
            continue
        whole = sold.filter(pl.col("day").is_between(on + FROM * DAY, on + TO * DAY))
        late = whole.filter(pl.col("day") > on, pl.col("quantity_milli") > 0)
        units, total = int(late["quantity_milli"].sum()), int(whole["quantity_milli"].sum())
        full = float((late["quantity_milli"] / 1000 * late["list_minor"]).sum())
        rows.append(
            (on, units, units / total if total > 0 else None, float(late["net_minor"].sum()) / full if full else None)
        )
    schema = {"festival_on": pl.Date, "after_milli": pl.Int64, "after_share": pl.Float64, "price_share": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def tested(daily: AnyFrame, *, days: Sequence[date], offset: int, as_of: date) -> pl.DataFrame:
    """Each closed festival as it would have been forecast at `offset` from the others, by lunar day and by solar date.

    Returns
    -------
    festival_on, total_milli (true), lunar_milli, solar_milli (null where the others had sold nothing by that day).
    """
    closed = [on for on in days if on + TO * DAY <= as_of]
    curves = {on: cumulative(daily, festival_on=on) for on in closed}
    curves = {on: curve for on, curve in curves.items() if curve[-1] > 0}
    rows: list[tuple[date, int, int | None, int | None]] = []
    for on, curve in curves.items():
        others = [(day, other) for day, other in curves.items() if day != on]
        if not others or not FROM <= offset <= TO:
            continue
        sold = float(curve[offset - FROM])
        lunar = float(np.mean([other[offset - FROM] / other[-1] for _, other in others]))
        today = on + offset * DAY
        dates = [(_same_date(today, day.year) - day).days for day, _ in others]
        shares = [
            o[min(max(d, FROM), TO) - FROM] / o[-1] if d >= FROM else 0.0
            for d, (_, o) in zip(dates, others, strict=True)
        ]
        solar = float(np.mean(shares))
        rows.append((on, round(curve[-1]), _divided(sold, lunar), _divided(sold, solar)))
    schema = dict(
        zip(("festival_on", "total_milli", "lunar_milli", "solar_milli"), (pl.Date, *[pl.Int64] * 3), strict=True)
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def _same_date(day: date, year: int) -> date:
    return date(year, day.month, min(day.day, 28) if day.month == 2 else day.day)


def _divided(sold: float, share: float) -> int | None:
    return round(sold / share) if share > 0 else None


def sell_in(moves: AnyFrame, *, feast: Feast, as_of: date) -> pl.DataFrame:
    """What partners took of the festival's goods from T−90 to `as_of`, passed on, and a year ago by the same lunar day.

    Parameters
    ----------
    moves : partner_id, day, kind, quantity_milli of the festival's goods.

    Returns
    -------
    partner_id, sell_in_milli (less what came back), sell_out_milli, held_milli (in − out), before_milli (sell-in by
    this day of last year's festival); the largest first.
    """
    rows = to_polars(moves, needs=["partner_id", "day", "kind", "quantity_milli"], name="moves of partners")
    kind = pl.col("kind").cast(pl.String)
    last = festival_day(feast.slot, feast.year - 1)
    until = min(feast.offset(as_of), TO)
    sign = pl.when(kind == "sell_in").then(1).when(kind == "return_up").then(-1).otherwise(0)
    into = sign * pl.col("quantity_milli")
    out = pl.when(kind == "sell_out").then(1).when(kind == "return_down").then(-1).otherwise(0) * pl.col(
        "quantity_milli"
    )
    this = pl.col("day").is_between(feast.on + SELL_IN_FROM * DAY, feast.on + until * DAY)
    then = pl.col("day").is_between(last + SELL_IN_FROM * DAY, last + until * DAY)
    sums = rows.group_by("partner_id").agg(
        sell_in_milli=into.filter(this).sum(),
        sell_out_milli=out.filter(this).sum(),
        before_milli=into.filter(then).sum(),
    )
    sums = sums.filter((pl.col("sell_in_milli") != 0) | (pl.col("before_milli") != 0))
    return sums.select(
        "partner_id", "sell_in_milli", "sell_out_milli", held_milli=pl.col("sell_in_milli") - pl.col("sell_out_milli"),
        before_milli="before_milli",
    ).sort("sell_in_milli", "partner_id", descending=[True, False])  # fmt: skip


def expected(daily: AnyFrame, *, feast: Feast, past: Sequence[date], as_of: date) -> Forecast:
    """What the festival will have sold by T+14: `festival.forecast`; once that day is over, what it sold.

    Raises
    ------
    ModelError
        As `festival.forecast`.
    """
    if feast.offset(as_of) < TO:
        return forecast(daily, festival_on=feast.on, past=list(past), as_of=as_of)
    sold = round(float(cumulative(daily, festival_on=feast.on)[-1]))
    return Forecast(TO, sold, sold, sold, sold, len(past), probable=False)
