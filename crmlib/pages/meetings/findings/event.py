"""One event: its first sentence, the chain, its money, the trade's ratios, whether it adds up."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.cases.meetings import CostPerOrder
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.meetings import charts

SHARES = ("new_of_invited", "come_rate", "order_rate", "refund_rate")
COUNTS = ("guests_per_staff",)


def answer(event: dict[str, Any], chain: pl.DataFrame, each: CostPerOrder, *, words: Words, closed: bool) -> Answer:
    """As `answer`, of explicit results."""
    form, every = words.format, _all(chain)
    net, back = every["collected_minor"], every["collected_minor"] - each.cost_minor
    kind = "none" if not every["orders"] else "no_cost" if not each.cost_minor else "pays" if back > 0 else "loses"
    values = {
        "meeting": event["meeting_id"], "place": event["kind"], "day": form.day(event["at"].date()),
        "orders": form.count(every["orders"]), "came": form.count(every["came"]),
        "each": words("meetings.yuan", amount=form.money_exact(each.each_minor)), "cost": form.money(each.cost_minor),
        "net": form.money(net), "back": form.money(abs(back)), "invited": form.count(every["invited"]),
        "sold": form.money(every["sold_minor"]), "open": "" if closed else words("meetings.still_open"),
        "owed": form.money(every["owed_minor"]), "refunded": form.money(every["refunded_minor"]),
    }  # fmt: skip
    figures = (
        Figure(
            words("meetings.figure.orders"), form.count(every["orders"]), words("meetings.figure.sizes",
            large=form.count(every["large"]), small=form.count(every["small"])), key="orders", amount=every["orders"],
        ),
        Figure(
            words("meetings.figure.each"), form.money_exact(each.each_minor), words("meetings.figure.cost", **values),
            key="each", amount=each.each_minor, money=True,
        ),
        Figure(
            words("meetings.figure.net"), form.money(net), words("meetings.figure.owed", **values),
            "neutral" if not each.cost_minor else "good" if back > 0 else "bad", key="net", amount=net, money=True,
        ),
        Figure(
            words("meetings.figure.came"), form.count(every["came"]), words("meetings.figure.invited", **values),
            key="came", amount=every["came"],
        ),
    )  # fmt: skip
    return Answer(words(f"meetings.answer.{kind}", **values), figures)


def chain(table: pl.DataFrame, event: dict[str, Any], *, words: Words) -> Finding:
    """Where most guests are lost on the way from invitation to order."""
    form, every = words.format, _all(table)
    asked = every["invited"]
    walked = table.filter(pl.col("kind") == "walk_in").row(0, named=True)
    stayed, left = asked - (every["came"] - walked["came"]), every["came"] - every["bought"]
    kind = "none" if not every["came"] else "door" if stayed >= left else "table"
    values = {
        "invited": form.count(asked), "accepted": form.count(every["accepted"]), "came": form.count(every["came"]),
        "bought": form.count(every["bought"]), "stayed": form.count(stayed), "left": form.count(left),
        "walked": form.count(walked["came"]), "place": event["place"] or event["meeting_id"],
        "seats": form.count(event["capacity"]),
    }  # fmt: skip
    out = table.select(
        pl.col("kind").alias("guest_kind"), guests_invited="invited", guests_accepted="accepted", guests_came="came",
        guests_bought="bought", orders="orders", orders_large="large", orders_small="small",
    )  # fmt: skip
    names = {"guest_kind": "meetings.kind"}
    return Finding.worded(
        "meetings.chain", kind, values, words=words, status="none", table=out, names=names,
        view=views.readable(out, words=words, names=names),
        chart=charts.chain(table, words=words) if asked or every["came"] else None, row_key=("guest_kind",),
    )  # fmt: skip


def money(table: pl.DataFrame, costs: pl.DataFrame, each: CostPerOrder, *, words: Words, closed: bool) -> Finding:
    """Green where what was collected is more than what it cost."""
    form, every = words.format, _all(table)
    net, cost = every["collected_minor"], each.cost_minor
    kind = "no_cost" if not cost else "pays" if net > cost else "loses"
    values = {
        "net": form.money(net), "cost": form.money(cost), "sold": form.money(every["sold_minor"]),
        "owed": form.money(every["owed_minor"]), "refunded": form.money(every["refunded_minor"]),
        "gap": form.money(abs(net - cost)), "orders": form.count(each.orders),
        "each": words("meetings.yuan", amount=form.money_exact(each.each_minor)), "rest": each.remainder_minor,
        "top": words(f"meetings.cost.{costs['kind'][0]}") if costs.height else "",
        "most": form.money(int(costs["amount_minor"][0]) if costs.height else 0),
        "collect": words("meetings.collect", owed=form.money(every["owed_minor"])) if every["owed_minor"] > 0 else "",
        "wait": "" if closed else words("meetings.still_open"),
        "ratio": form.number(net / cost if cost else None, digits=2),
    }  # fmt: skip
    rows = [("sold", every["sold_minor"]), ("owed", -every["owed_minor"]), ("refunded", -every["refunded_minor"]),
            ("collected", net), *((f"cost_{k}", -a) for k, a in costs.iter_rows()), ("left", net - cost)]  # fmt: skip
    named = {"sold", "owed", "refunded", "collected", "left"}
    called = [
        words(f"meetings.line.{k}") if k in named else words(f"meetings.cost.{k.removeprefix('cost_')}")
        for k, _ in rows
    ]
    out = pl.DataFrame(
        {"meeting_line": called, "amount_minor": [a for _, a in rows]}, schema_overrides={"amount_minor": pl.Int64}
    )
    bars = out.select(
        pl.col("meeting_line").alias("name"), (pl.col("amount_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(a) for a in out["amount_minor"]], dtype=pl.String),
        toned(pl.Series([k in ("sold", "collected", "left") for k, _ in rows]), "total").alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "meetings.money", kind, values, words=words, table=out,
        status="none" if kind == "no_cost" else "ok" if kind == "pays" else "fail",
        view=views.readable(out, words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("meetings.chart.money")), value_minor=net - cost,
        row_key=("meeting_line",),
    )  # fmt: skip


def ratios(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Each ratio with what is divided by what."""
    form = words.format
    by = {r["ratio"]: r for r in rows.iter_rows(named=True)}

    def told(row: dict[str, Any], part: str) -> str:
        money = row["ratio"] in ("sold_per_comer", "cost_per_comer", "return_on_cost", "refund_rate")
        is_count = part == "denominator" and row["ratio"] in ("sold_per_comer", "cost_per_comer")
        return form.money(row[part]) if money and not is_count else form.count(row[part])

    def value(row: dict[str, Any]) -> str:
        if row["ratio"] in SHARES:
            return form.share(row["value"])
        if row["ratio"] in ("sold_per_comer", "cost_per_comer"):
            return form.money(row["value"])
        return form.number(row["value"], digits=1 if row["ratio"] in COUNTS else 2)

    table = pl.DataFrame(
        {
            "meeting_ratio": [words(f"meetings.ratio.{r}") for r in by],
            "divided": [told(r, "numerator") for r in by.values()],
            "divided_by": [told(r, "denominator") for r in by.values()],
            "ratio_value": [value(r) for r in by.values()],
            "share_low": [r["low"] if r["ratio"] != "refund_rate" else None for r in by.values()],
            "share_high": [r["high"] if r["ratio"] != "refund_rate" else None for r in by.values()],
        },
        schema_overrides={"share_low": pl.Float64, "share_high": pl.Float64},
    )
    come, order = by["come_rate"], by["order_rate"]
    kind = "some" if order["denominator"] else "none"
    values = {
        "come": form.share(come["value"]), "come_low": form.share(come["low"]), "come_high": form.share(come["high"]),
        "order": form.share(order["value"]), "order_low": form.share(order["low"]),
        "order_high": form.share(order["high"]), "refund": form.share(by["refund_rate"]["value"]),
    }  # fmt: skip
    return Finding.worded(
        "meetings.ratios", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words), row_key=("meeting_ratio",),
    )  # fmt: skip


def book(
    table: pl.DataFrame, guests: pl.DataFrame, inside: pl.DataFrame, outside: pl.DataFrame, *, words: Words
) -> Finding:
    """Came, orders and money, each counted twice; orders of people who did not come are counted and named."""
    form, every = words.format, _all(table)
    came = guests.filter(pl.col("came_at").is_not_null())
    invited = came.filter(pl.col("invited_at").is_not_null()).height
    walked = came.filter("walk_in").height
    unasked = came.height - invited - walked
    paid = int(inside["collected_minor"].sum()) + every["owed_minor"] + int(inside["refunded_minor"].sum())
    gaps = {
        "came": every["came"] - invited - walked,
        "kinds": every["came"] - int(table.filter(pl.col("kind") != "all")["came"].sum()),
        "orders": every["orders"] - every["large"] - every["small"], "sold": int(inside["sold_minor"].sum()) - paid,
    }  # fmt: skip
    fine = not any(gaps.values())
    values = {
        "outside": form.count(outside.height), "money": form.money(int(outside["sold_minor"].sum())),
        "came": form.count(every["came"]), "invited": form.count(invited), "walked": form.count(walked),
        "unasked": form.count(unasked), "gap": form.count(sum(abs(g) for g in gaps.values())),
    }  # fmt: skip
    out = pl.DataFrame(
        {"meeting_sum": [words(f"meetings.sum.{k}") for k in gaps], "unexplained_rest": list(gaps.values())},
        schema_overrides={"unexplained_rest": pl.Int64},
    )
    return Finding.worded(
        "meetings.book", "closes" if fine else "break", values, words=words, status="ok" if fine else "fail", table=out,
        view=views.readable(out, words=words), row_key=("meeting_sum",), role="check",
    )  # fmt: skip


def _all(table: pl.DataFrame) -> dict[str, Any]:
    """The row of all guests."""
    return table.filter(pl.col("kind") == "all").row(0, named=True)
