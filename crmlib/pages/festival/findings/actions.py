"""Who moves, orders, marks down or calls, each row with its own reason, by money."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.outreach.festival_goods import DAY
from crmlib.pages.festival.findings.days import REMIND
from crmlib.pages.festival.findings.outlook import Facts, units

OVER, VOUCHERS = "over", "vouchers"
"""What stands in place of a good: all that is left of a shop, the vouchers it sold."""
SOON = timedelta(days=2)
ROW = {
    "store_id": pl.String, "product_id": pl.String, "reason": pl.String, "stake_minor": pl.Int64,
    "suggestion": pl.String, "due_on": pl.Date,
}  # fmt: skip


def listed(
    facts: Facts, rows: pl.DataFrame, moved: pl.DataFrame, waiting: pl.DataFrame | None, *, stores: pl.DataFrame,
    products: pl.DataFrame, words: Words, capacity: int,
) -> ActionList:  # fmt: skip
    """Transfers and orders up to the day, markdown from the day after, vouchers to remind of; the dearest first.

    Parameters
    ----------
    rows : shelves with money. moved : what moves between shops. waiting : vouchers of the festival; none where they are
        not connected. capacity : most rows.
    """
    shops = dict(stores.select("store_id", pl.coalesce("name", "store_id")).iter_rows())
    before = facts.phase in ("ahead", "running")
    moved = moved if before else moved.clear()
    parts = [_moves(facts, rows, moved, shops, words), _short(facts, rows, moved, words)] if before else []
    parts += [_left(facts, rows, moved, words)] if facts.phase != "over" else [_over(facts, rows, products, words)]
    parts.append(_vouchers(facts, waiting, words))
    every = pl.concat([pl.DataFrame(schema=ROW), *parts]).filter(pl.col("stake_minor") > 0)
    every = every.sort("stake_minor", "store_id", "product_id", "suggestion", descending=[True, False, False, False])
    chosen = every.head(capacity)
    called = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
    goods = dict(products.select("product_id", called.alias("goods")).iter_rows())
    goods |= {OVER: words("festival.all_goods"), VOUCHERS: words("festival.vouchers.title")}
    store = [shops.get(s, s) for s in chosen["store_id"]]
    table = chosen.select(
        pl.Series("store", store, dtype=pl.String),
        pl.Series("goods", [goods.get(p, p) for p in chosen["product_id"]], dtype=pl.String),
        "reason", "stake_minor", "suggestion",
        pl.Series("owner", [words("festival.owner", store=s) for s in store], dtype=pl.String), "due_on",
    )  # fmt: skip
    kind = "none" if not every.height else "all" if every.height <= capacity else "capped"
    form = words.format
    values = {
        "count": form.count(table.height), "found": form.count(every.height),
        "money": form.money(int(table["stake_minor"].sum())), "all": form.money(int(every["stake_minor"].sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"festival.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words) if table.height else None, note=words("festival.actions.note"),
        row_key=("store", "goods", "suggestion"),
    )  # fmt: skip


def _moves(facts: Facts, rows: pl.DataFrame, moved: pl.DataFrame, shops: dict[str, str], words: Words) -> pl.DataFrame:
    """A row per transfer, at the shop that gives."""
    made = []
    unit = {(s, p): m / u for s, p, m, u in rows.select(*list(ROW)[:2], "short_minor", "short_milli").iter_rows() if u}
    for product, giver, store, milli in moved.iter_rows():
        worth = round(milli * unit.get((store, product), 0.0))
        reason = words("festival.reason.move", to=shops.get(store, store), units=units(milli, words))
        advice = words("festival.advice.move", to=shops.get(store, store), units=units(milli, words))
        made.append((giver, product, reason, worth, advice, facts.as_of + SOON))
    return _frame(made)


def _short(facts: Facts, rows: pl.DataFrame, moved: pl.DataFrame, words: Words) -> pl.DataFrame:
    """A row per shelf that stays short after the transfers: an order while one still arrives, else no promise."""
    sums = moved.group_by("store_id", "product_id").agg(pl.col("quantity_milli").sum())
    got = {(s, p): q for s, p, q in sums.iter_rows()}
    made = []
    late = facts.as_of > facts.last_order
    for row in rows.filter(pl.col("short_milli") > 0).iter_rows(named=True):
        still = row["short_milli"] - got.get((row["store_id"], row["product_id"]), 0)
        if still <= 0:
            continue
        worth = round(row["short_minor"] * still / row["short_milli"])
        asked = row["to_sell_milli"] + row["drawn_milli"]
        reason = words("festival.reason.short", have=units(row["on_hand_milli"], words), want=units(asked, words))
        advice = words(f"festival.advice.{'late' if late else 'order'}", units=units(still, words))
        made.append(
            (row["store_id"], row["product_id"], reason, worth, advice, facts.as_of if late else facts.last_order)
        )
    return _frame(made)


def _left(facts: Facts, rows: pl.DataFrame, moved: pl.DataFrame, words: Words) -> pl.DataFrame:
    """A row per shelf that is left with goods after the transfers."""
    sums = moved.group_by("from_store", "product_id").agg(pl.col("quantity_milli").sum())
    gave = {(s, p): q for s, p, q in sums.iter_rows()}
    made = []
    for row in rows.filter(pl.col("left_milli") > 0).iter_rows(named=True):
        still = row["left_milli"] - gave.get((row["store_id"], row["product_id"]), 0)
        if still <= 0:
            continue
        worth = round(row["left_minor"] * still / row["left_milli"])
        kind = "after" if facts.phase == "after" else "before"
        values = {
            "left": units(still, words),
            "have": units(row["on_hand_milli"], words),
            "day": words.format.day(facts.markdown_on),
        }
        due = facts.as_of + SOON if kind != "before" else facts.markdown_on
        made.append((
            row["store_id"], row["product_id"], words(f"festival.reason.left.{kind}", **values), worth,
            words(f"festival.advice.left.{kind}", **values), due,
        ))  # fmt: skip
    return _frame(made)


def _over(facts: Facts, rows: pl.DataFrame, products: pl.DataFrame, words: Words) -> pl.DataFrame:
    """A row per shop with all that is left there: one decision, not one per shelf."""
    names = dict(products.select("product_id", pl.coalesce("name", "product_id")).iter_rows())
    left = rows.filter(pl.col("left_milli") > 0).sort("left_minor", "product_id", descending=[True, False])
    made = []
    for (store,), part in left.group_by("store_id", maintain_order=True):
        first = part.row(0, named=True)
        values = {
            "goods": names.get(first["product_id"], first["product_id"]), "units": units(first["left_milli"], words),
            "left": units(part["left_milli"].sum(), words), "kinds": words.format.count(part.height),
        }  # fmt: skip
        made.append((
            str(store), OVER, words("festival.reason.left.over", **values), int(part["left_minor"].sum()),
            words("festival.advice.left.over", **values), facts.as_of + SOON,
        ))  # fmt: skip
    return _frame(made)


def _vouchers(facts: Facts, waiting: pl.DataFrame | None, words: Words) -> pl.DataFrame:
    """A row per shop that sold vouchers still out: its buyers are reminded before the day, or before they expire."""
    if waiting is None:
        return _frame([])
    form, made = words.format, []
    out = waiting.filter(pl.col("gone_on").is_null())
    by = out.group_by("store_id").agg(pl.len(), pl.col("sold_minor").sum(), pl.col("expires_on").min()).sort("store_id")
    for store, count, money, expires in by.iter_rows():
        kind = "before" if facts.phase in ("ahead", "running") else "after"
        due = max(facts.feast.on + REMIND * DAY, facts.as_of) if kind == "before" else facts.as_of + SOON
        values = {"count": form.count(count), "expires": form.day(expires)}
        made.append((
            store, VOUCHERS, words(f"festival.reason.vouchers.{kind}", **values), int(money),
            words(f"festival.advice.vouchers.{kind}", **values), due,
        ))  # fmt: skip
    return _frame(made)


def _frame(made: list[tuple[str, str, str, int, str, date]]) -> pl.DataFrame:
    return pl.DataFrame(made, schema=ROW, orient="row")
