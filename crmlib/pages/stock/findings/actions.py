"""Which shop does what with which goods, each row with its own reason, by money."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.stock.tables import goods_of, shop_of

WAYS = ("transfer", "markdown", "gift", "write_off")
WEEK = 7


def listed(
    position: pl.DataFrame, ends: pl.DataFrame | None, stores: pl.DataFrame, products: pl.DataFrame, *,
    words: Words, as_of: date, lead: int, capacity: int,
) -> ActionList:  # fmt: skip
    """Lots that end, shelves that run out, goods that lie: the dearest first, each shop and product once.

    Parameters
    ----------
    ends : none where lots are not connected. capacity : most rows.
    """
    form = words.format
    expiring = _ending(ends, stores, words=words, as_of=as_of)
    once = ["store_id", "product_id"]
    rest = position.join(expiring.select(once), on=once, how="anti") if expiring.height else position
    short = _short(rest, words=words, as_of=as_of, lead=lead)
    rest = rest.join(short.select(once), on=once, how="anti")
    every = pl.concat([expiring, short, _lying(rest, words=words, as_of=as_of)]).filter(pl.col("stake_minor") > 0)
    every = every.sort("stake_minor", *once, "lot_id", descending=[True, False, False, False])
    chosen = goods_of(shop_of(every.head(capacity), stores), products)
    owner = [words("stock.owner", store=store) for store in chosen["store"]]
    table = chosen.select(
        "store", "goods", "lot_id", "reason", "p_sold", "stake_minor", "suggestion",
        pl.Series("owner", owner, dtype=pl.String), "due_on",
    )  # fmt: skip
    kind = "none" if not every.height else "all" if every.height <= capacity else "capped"
    values = {
        "count": form.count(table.height), "found": form.count(every.height),
        "money": form.money(int(table["stake_minor"].sum())), "all": form.money(int(every["stake_minor"].sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"stock.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words),
        note=words("stock.actions.note"),
        row_key=("store", "goods", "lot_id"),
    )


def _ending(ends: pl.DataFrame | None, stores: pl.DataFrame, *, words: Words, as_of: date) -> pl.DataFrame:
    """A row per lot that will more likely be left than sold, or of which a whole unit will be left."""
    if ends is None or ends.is_empty():
        return pl.DataFrame(schema=ROW)
    form = words.format
    rows = ends.filter((pl.col("p_sold") < 0.5) | (pl.col("left_milli") >= 1000))
    names = dict(stores.select("store_id", pl.coalesce("name", "store_id")).iter_rows())
    reasons, advice = [], []
    for row in rows.iter_rows(named=True):
        values = {
            "days": row["days"], "held": _units(row["on_hand_milli"], words), "left": _units(row["left_milli"], words),
            "to": names.get(row["to_store"], row["to_store"] or ""),
            "off": form.share(row["markdown_bp"] / 10_000, digits=0),
            "moved": _units(row["room_milli"], words),
            "gain": form.money(max(row[f"{way}_minor"] for way in WAYS)),
        }  # fmt: skip
        reasons.append(words("stock.reason.ending" if row["days"] > 0 else "stock.reason.ended", **values))
        advice.append(words(f"stock.advice.{row['advice']}", **values))
    due = pl.min_horizontal("expires_on", pl.lit(as_of + timedelta(days=WEEK)))
    return _rows(rows.with_columns(stake_minor="loss_minor", due_on=due), reasons, advice)


def _short(rest: pl.DataFrame, *, words: Words, as_of: date, lead: int) -> pl.DataFrame:
    """A row per shelf that ends before an order placed today arrives."""
    rows = rest.filter(pl.col("order_milli") > 0)
    reasons, advice = [], []
    for row in rows.iter_rows(named=True):
        values = {
            "held": _units(row["on_hand_milli"], words), "sold": _units(row["sold_milli"], words),
            "lead": lead, "order": _units(row["order_milli"], words),
        }  # fmt: skip
        reasons.append(words("stock.reason.short", **values))
        advice.append(words("stock.advice.order", **values))
    return _rows(
        rows.with_columns(stake_minor="short_minor", due_on=pl.lit(as_of + timedelta(days=1)), lot_id=pl.lit("")),
        reasons,
        advice,
    )


def _lying(rest: pl.DataFrame, *, words: Words, as_of: date) -> pl.DataFrame:
    """A row per shelf with whole units beyond the wanted days."""
    rows = rest.filter(pl.col("excess_milli") > 0)
    reasons, advice = [], []
    for row in rows.iter_rows(named=True):
        idle = row["idle_days"]
        values = {
            "held": _units(row["on_hand_milli"], words), "beyond": _units(row["excess_milli"], words),
            "idle": words.format.count(idle), "sold": _units(row["sold_milli"], words),
        }  # fmt: skip
        kind = "never" if idle is None else "idle" if row["sold_milli"] <= 0 else "slow"
        reasons.append(words(f"stock.reason.{kind}", **values))
        advice.append(words("stock.advice.stop", **values))
    return _rows(
        rows.with_columns(
            stake_minor="excess_minor", due_on=pl.lit(as_of + timedelta(days=2 * WEEK)), lot_id=pl.lit("")
        ),
        reasons,
        advice,
    )


ROW = {
    "store_id": pl.String, "product_id": pl.String, "lot_id": pl.String, "p_sold": pl.Float64,
    "stake_minor": pl.Int64, "due_on": pl.Date, "reason": pl.String, "suggestion": pl.String,
}  # fmt: skip


def _rows(rows: pl.DataFrame, reasons: list[str], advice: list[str]) -> pl.DataFrame:
    given = rows if "p_sold" in rows.columns else rows.with_columns(p_sold=pl.lit(None, dtype=pl.Float64))
    said = given.with_columns(
        pl.Series("reason", reasons, dtype=pl.String), pl.Series("suggestion", advice, dtype=pl.String)
    )
    return said.select(pl.col(name).cast(dtype) for name, dtype in ROW.items())


def _units(milli: int, words: Words) -> str:
    """Thousandths as pieces or kilograms."""
    return words.format.number(milli / 1000, digits=0 if milli % 1000 == 0 else 1)
