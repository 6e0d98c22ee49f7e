"""The page of cards, vouchers and held goods says what the data say: results in, cards out."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.balances.liability.stored import Festival
from crmlib.balances.roll_forward import Statement
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.shared import tied

SHOWN = 12
WEEK = 7


def answer(
    owed: dict[str, int], offences: pl.DataFrame, coming: Festival | None, needed: pl.DataFrame | None,
    *, words: Words, wrong: pl.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """As `answer`, of explicit results; `wrong` are the lines on which the tills differ."""
    form, total = words.format, sum(owed.values())
    short = None if needed is None else needed.filter(pl.col("needed_milli") > 0)
    broken = "break" if offences.height else "tie" if wrong is not None and wrong.height else ""
    kind = broken or ("festival" if coming is not None else "owed")
    values = {
        "money": form.money(total),
        "count": form.count(offences.height),
        "worst": form.money(int(offences["amount"].min()) if offences.height else 0),  # type: ignore[arg-type]
        "festival": _named(coming, words),
        "drawn": _drawn(coming, words),
        "short": form.count(None if short is None else short["store_id"].n_unique()),
        **tied.values(wrong, words=words),
    }
    figures = [Figure(words("cards.figure.owed"), form.money(total), key="owed", amount=total, money=True)]
    figures += [
        Figure(words(f"cards.figure.{name}"), form.money(amount), key=name, amount=amount, money=True)
        for name, amount in owed.items()
    ]
    return Answer(words(f"cards.answer.{kind}", **values), tuple(figures), total)


def _named(coming: Festival | None, words: Words) -> str:
    if coming is None:
        return ""
    name, _, year = coming.batch.partition("-")
    return words("cards.of_year", festival=words.label(f"cards.festival.{name}") or name, year=year)


def _drawn(coming: Festival | None, words: Words) -> str:
    if coming is None:
        return ""
    form, future = words.format, coming.future
    values = {
        "expected": form.count(None if future.expected is None else round(future.expected)),
        "open": form.count(coming.open),
        "low": form.count(round(future.low)),
        "high": form.count(round(future.high)),
    }
    return words(f"cards.drawn.{'judged' if future.judged else 'open'}", **values)


def book(made: Statement, offences: pl.DataFrame, *, words: Words) -> Finding:
    """As `book`, of explicit results."""
    form = words.format
    rows = [(name, amount) for name, amount in made.totals.items() if amount or name in ("opening", "closing")]
    table = pl.DataFrame(rows, schema={"card_line": pl.String, "amount_minor": pl.Int64}, orient="row")
    values = {
        "count": form.count(offences.height),
        "opening": form.money(made.totals["opening"]),
        "closing": form.money(made.totals["closing"]),
        "first": form.day(made.first),
        "last": form.day(made.last),
        "cards": form.count(made.lines.height),
        "used": form.money(-made.totals["redeem"]),
        "loaded": form.money(made.totals["issue"] + made.totals["top_up"]),
    }
    bars = table.select(
        pl.Series("name", [words(f"cards.line.{line}") for line in table["card_line"]], dtype=pl.String),
        (pl.col("amount_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in table["amount_minor"]], dtype=pl.String),
        toned(pl.col("card_line").is_in(["opening", "closing"]), "total").alias("tone"),
    )
    return Finding.worded(
        "cards.book",
        "break" if offences.height else "closes",
        values,
        words=words,
        status="fail" if offences.height else "ok",
        table=table,
        view=views.readable(table, words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("cards.chart.money")),
        row_key=("card_line",),
    )


def owed(by_kind: pl.DataFrame, deposit: int, *, words: Words, issuer: str) -> Finding:
    """Expired balances stay owed; what lies untouched for a year is said."""
    form = words.format
    total, quiet = int(by_kind["owed_minor"].sum()), int(by_kind["dormant_minor"].sum())
    values = {
        "money": form.money(total),
        "quiet": form.money(quiet),
        "share": form.share(quiet / total if total else None),
        "deposit": form.money(deposit),
        "expired": form.money(int(by_kind["expired_minor"].sum())),
        "issuer": words(f"cards.parameter.issuer.choice.{issuer}"),
    }
    table = by_kind.rename({"kind": "card_kind", "owed_minor": "owed_total_minor"})
    return Finding.worded(
        "cards.owed",
        "quiet" if quiet > 0 else "some" if total > 0 else "none",
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table, words=words) if table.height else None,
        value_minor=total,
        row_key=("card_kind",),
    )


def vouchers(lines: pl.DataFrame, *, words: Words) -> Finding:
    """Sold less drawn, refunded and expired is open, in vouchers and money."""
    form = words.format
    by = {line: (count, money) for line, count, money in lines.iter_rows()}
    open_count, open_money = by["rest"]
    expired = by.get("expire", (0, 0))
    values = {
        "open": form.count(open_count),
        "money": form.money(open_money),
        "sold": form.count(by["sell"][0]),
        "drawn": form.count(-by.get("redeem", (0, 0))[0]),
        "expired": form.count(-expired[0]),
        "expired_money": form.money(-expired[1]),
        "share": form.share(-expired[0] / by["sell"][0] if by["sell"][0] else None),
    }
    table = lines.rename({"line": "voucher_line"})
    return Finding.worded(
        "cards.vouchers",
        "open" if open_count > 0 else "none",
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table, words=words),
        value_minor=open_money,
        row_key=("voucher_line",),
    )


def coming(found: Festival | None, *, words: Words, as_of: date) -> Finding:
    """From the same number of days before past festivals; their own forecasts beside what was drawn."""
    form = words.format
    kind = "none" if found is None else "judged" if found.future.judged else "open"
    table = pl.DataFrame(schema={"batch": pl.String}) if found is None else found.tested
    values = {
        "festival": _named(found, words),
        "drawn": _drawn(found, words),
        "days": 0 if found is None else (found.on - as_of).days,
        "day": form.day(None if found is None else found.on),
        "cycles": form.count(table.height),
    }
    chart = None
    if found is not None and found.future.expected is not None:
        rows: list[tuple[object, float, float | None, float | None]]
        rows = [(values["festival"], found.future.expected, found.future.low, found.future.high)]
        rows += [(_batch(b, words), float(d), None, None) for b, _, _, d in table.tail(8).reverse().iter_rows()]
        shown = pl.DataFrame(rows, schema=["name", "value", "low", "high"], orient="row", infer_schema_length=None)
        shown = shown.with_columns(pl.Series("label", [form.count(round(v)) for v in shown["value"]], dtype=pl.String))
        chart = intervals.intervals(shown, words=words, title=words("cards.chart.vouchers"))
    shown_table = (
        table
        if found is None
        else table.rename({"batch": "festival_name", "open": "open_vouchers", "drawn": "drawn_vouchers"})
    )
    if found is not None:
        said = pl.Series("festival_name", [_batch(b, words) for b in shown_table["festival_name"]], dtype=pl.String)
        shown_table = shown_table.with_columns(said)
    return Finding.worded(
        "cards.coming",
        kind,
        values,
        words=words,
        status="none",
        table=shown_table,
        view=views.readable(shown_table, words=words) if shown_table.height else None,
        chart=chart,
        row_key=("festival_name",),
    )


def _batch(batch: str, words: Words) -> str:
    name, _, year = batch.partition("-")
    return words("cards.of_year", festival=words.label(f"cards.festival.{name}") or name, year=year)


def held(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Held goods, those past the promised day apart."""
    form = words.format
    late = rows.filter(pl.col("overdue_days") > 0)
    kind = "none" if rows.is_empty() else "late" if late.height else "fine"
    values = {
        "orders": form.count(rows.height),
        "money": form.money(int(rows["value_minor"].sum())),
        "late": form.count(late.height),
        "late_money": form.money(int(late["value_minor"].sum())),
        "longest": form.count(int(late["overdue_days"].max()) if late.height else 0),  # type: ignore[arg-type]
    }
    edges = [(30, "month"), (60, "two_months"), (90, "three_months")]
    days = pl.col("held_days")
    band = pl.coalesce(*[pl.when(days <= most).then(pl.lit(name)) for most, name in edges], pl.lit("longer"))
    by = rows.group_by(held_band=band).agg(
        pl.len().cast(pl.Int64).alias("orders"), pl.col("value_minor").sum().alias("held_minor")
    )
    order = pl.DataFrame({"held_band": [name for _, name in edges] + ["longer"]})
    table = order.join(by, on="held_band", maintain_order="left")
    bars = table.select(
        pl.Series("name", [words(f"cards.held_band.{b}") for b in table["held_band"]], dtype=pl.String),
        (pl.col("held_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in table["held_minor"]], dtype=pl.String),
    )
    return Finding.worded(
        "cards.held",
        kind,
        values,
        words=words,
        status="warn" if kind == "late" else "ok",
        table=table,
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("cards.chart.money")) if table.height else None,
        value_minor=int(late["value_minor"].sum()),
        row_key=("held_band",),
    )


def listed(
    needed: pl.DataFrame | None,
    waiting: pl.DataFrame | None,
    stores: pl.DataFrame | None,
    products: pl.DataFrame | None,
    *,
    words: Words,
    as_of: date,
    capacity: int,
    pseudonyms: dict[str, str],
) -> ActionList:
    """Shops short of goods first, then held goods past the promised day, the dearest first."""
    shops = {} if stores is None else dict(stores.select("store_id", pl.coalesce("name", "store_id")).iter_rows())
    called = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
    goods = {} if products is None else dict(products.select("product_id", called.alias("goods")).iter_rows())
    prices = (
        {} if products is None else dict(products.select("product_id", pl.col("list_minor").fill_null(0)).iter_rows())
    )
    rows = [*_short(needed, prices, words), *_late(waiting, pseudonyms, words)]
    chosen = rows[:capacity]
    table = pl.DataFrame(
        {
            "store": [shops.get(r[0], r[0]) for r in chosen],
            "goods": [goods.get(r[1], r[1]) for r in chosen],
            "customer": pl.Series([r[2] for r in chosen], dtype=pl.String),
            "reason": [r[3] for r in chosen],
            "stake_minor": pl.Series([r[4] for r in chosen], dtype=pl.Int64),
            "suggestion": [r[5] for r in chosen],
            "owner": [words("cards.owner", store=shops.get(r[0], r[0])) for r in chosen],
            "due_on": [as_of + timedelta(days=WEEK)] * len(chosen),
        },
        schema_overrides={"due_on": pl.Date},
    )
    kind = "none" if not rows else "all" if len(rows) <= capacity else "capped"
    values = {
        "count": words.format.count(table.height),
        "found": words.format.count(len(rows)),
        "money": words.format.money(int(table["stake_minor"].sum())),
    }
    return ActionList(
        headline=words(f"cards.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words) if table.height else None,
        note=words("cards.actions.note"),
        row_key=("store", "goods", "customer"),
    )


Row = tuple[str, str, str | None, str, int, str]
"""store_id, product_id, customer (as shown), reason, money, what to do."""


def _short(needed: pl.DataFrame | None, prices: dict[str, int], words: Words) -> list[Row]:
    """A row per shop and product that lacks goods for the draws to come."""
    form = words.format
    rows: list[Row] = []
    for row in [] if needed is None else needed.filter(pl.col("needed_milli") > 0).iter_rows(named=True):
        have, want, lacks = (form.number(row[c] / 1000) for c in ("on_hand_milli", "upper_milli", "needed_milli"))
        worth = round(row["needed_milli"] * prices.get(row["product_id"], 0) / 1000)
        reason, advice = words("cards.reason.short", have=have, want=want), words("cards.advice.send", pieces=lacks)
        rows.append((row["store_id"], row["product_id"], None, reason, worth, advice))
    return rows


def _late(waiting: pl.DataFrame | None, pseudonyms: dict[str, str], words: Words) -> list[Row]:
    """A row per order that was promised and not collected."""
    if waiting is None:
        return []
    rows: list[Row] = []
    late = waiting.filter(pl.col("overdue_days") > 0).sort("value_minor", "order_id", descending=[True, False])
    for row in late.iter_rows(named=True):
        pieces = words.format.number(row["quantity_milli"] / 1000)
        reason = words("cards.reason.held", days=row["overdue_days"], pieces=pieces)
        who = pseudonyms.get(row["customer_id"])
        rows.append((row["store_id"], row["product_id"], who, reason, row["value_minor"], words("cards.advice.call")))
    return rows
