"""What earns and what loses: the answer, the classes, goods under cost, the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared.sales_wording import signed
from crmlib.sales.ranks import SILENT_DAYS
from crmlib.sales.standing import Standing, movers

Named = Callable[[pl.Series], pl.Series]
ROWS = 10
ANSWER_DAYS = 7
LITTLE, MUCH = 0.001, 0.02
"""Goods under cost that lose less than a thousandth of the margin are not worth a word, from 2 % on they are red."""


def _sold(stand: Standing) -> pl.DataFrame:
    return stand.table.filter(pl.col("v1") > 0)


def _worth(stand: Standing) -> str:
    return "margin_minor" if stand.basis == "margin" else "v1"


def answer(stand: Standing, *, words: Words, period: str, ground: str, name: Named) -> Answer:
    """How many goods make 80 % of the margin, what is lost under cost, the largest gain and loss.

    stand : of `sales.standing.standing`.
    """
    form, table = words.format, _sold(stand)
    top = table.filter(pl.col("abc") == "A")
    loss = table.filter(pl.col("margin_minor") < 0)
    ups, downs = movers(stand)
    still = stand.table.filter((pl.col("days_since_sale") >= SILENT_DAYS) & (pl.col("stock_minor") > 0))
    values = {
        "silent": form.count(still.height),
        "days": form.count(SILENT_DAYS),
        "lies": form.money(int(still["stock_minor"].sum())),
        "period": period,
        "top": form.count(top.height),
        "goods": form.count(table.height),
        "losers": form.count(loss.height),
        "loss": form.money(-int(loss["margin_minor"].sum())),
        "ground": words(f"sales.comparison.{ground}"),
        "down": name(downs["product_id"].head(1)).item() if downs.height else "",
        "down_money": signed(int(downs["gain_minor"][0]) if downs.height else None, words=words),
        "up": name(ups["product_id"].head(1)).item() if ups.height else "",
        "up_money": signed(int(ups["gain_minor"][0]) if ups.height else None, words=words),
        "usual": form.change(None if stand.usual is None else stand.usual - 1),
    }
    said = [stand.basis]
    lost = -int(loss["margin_minor"].sum())
    if stand.basis == "margin" and (not lost or lost >= LITTLE * int(table["margin_minor"].sum())):
        said.append("losers" if lost else "no_losers")
    if still.height:
        said.append("lies")
    if stand.usual is not None:
        kind = "both" if ups.height and downs.height else "up" if ups.height else "down" if downs.height else "flat"
        said.append(kind)
    parts = words("page.semicolon").join(words(f"goods.answer.{key}", **values) for key in said)
    worth, sales = int(table[_worth(stand)].sum()), int(stand.table["v1"].sum())
    tone: Tone = "good" if not lost else "bad" if lost >= LITTLE * worth else "neutral"
    figures = [
        Figure(words("goods.figure.goods"), form.count(table.height), words("goods.figure.top", **values), key="goods",
               amount=table.height),
        Figure(words("goods.figure.net"), form.money(sales), period, key="net", amount=sales, money=True),
    ]  # fmt: skip
    if stand.basis == "margin":
        rate = words("goods.figure.rate", rate=form.share(worth / sales if sales > 0 else None))
        under = words("goods.figure.lost", **values)
        figures += [
            Figure(words("goods.figure.margin"), form.money(worth), rate, key="margin", amount=worth, money=True),
            Figure(
                words("goods.figure.losers"), form.count(loss.height), under, tone, key="losers", amount=loss.height
            ),
        ]
    elif stand.usual is not None:
        gain = int(stand.table["gain_minor"].sum())
        figures.append(
            Figure(words("goods.figure.gain"), signed(gain, words=words), values["ground"],
                   "good" if gain > 0 else "bad", key="gain", amount=gain, money=True)
        )  # fmt: skip
    return Answer(words("goods.answer.whole", parts=parts), tuple(figures))


def earners(stand: Standing, *, words: Words, name: Named) -> Finding:
    """Say how few goods make 80 % of the margin (of sales where costs are missing)."""
    form, table, worth = words.format, _sold(stand), _worth(stand)
    counts = {c: table.filter(pl.col("abc") == c) for c in ("A", "B", "C")}
    top = counts["A"].height / table.height if table.height else 0.0
    kind = f"{'few' if top <= 0.25 else 'many'}_{stand.basis}"
    if table.is_empty():
        raise ModelError("sales.no_goods")
    first = table.row(0, named=True)
    values = {
        "top": form.count(counts["A"].height),
        "goods": form.count(table.height),
        "part": form.share(top),
        "tail": form.count(counts["C"].height),
        "tail_share": form.share(float(counts["C"]["share"].sum())),
        "first": name(table["product_id"].head(1)).item(),
        "first_money": form.money(first[worth]),
        "first_share": form.share(first["share"]),
    }
    shown = table.select(
        name=name(table["product_id"]), abc="abc", net_minor="v1", margin_minor="margin_minor",
        margin_rate="margin_rate", share="share", share_up_to="reached", quantity_milli="quantity_milli", receipts="n1",
    )  # fmt: skip
    bars = shown.head(ROWS)
    column = "margin_minor" if stand.basis == "margin" else "net_minor"
    chart = labelled.amounts(bars, column, words=words, axis=f"goods.axis.{stand.basis}")
    return Finding.worded(
        "goods.earners", kind, values, words=words, status="none", table=shown,
        view=views.readable(shown.head(30), words=words), chart=chart, row_key=("name",),
    )  # fmt: skip


def losers(stand: Standing, *, words: Words, name: Named) -> Finding:
    """Say which goods were sold under their cost over the whole period, and what that cost."""
    form, table = words.format, _sold(stand)
    if stand.basis != "margin":
        return Finding.unavailable("goods.losers", "data", words=words)
    loss = table.filter(pl.col("margin_minor") < 0).sort("margin_minor", "product_id")
    low = table.filter((pl.col("margin_rate") < 0.1) & (pl.col("margin_minor") >= 0) & (pl.col("abc") != "C"))
    earned = int(table.filter(pl.col("margin_minor") > 0)["margin_minor"].sum())
    lost = -int(loss["margin_minor"].sum())
    kind = "some" if loss.height else "thin" if low.height else "none"
    values = {
        "goods": form.count(loss.height),
        "loss": form.money(lost),
        "share": form.share(lost / earned if earned > 0 else None),
        "first": name((loss if loss.height else low)["product_id"].head(1)).item() if loss.height or low.height else "",
        "money": form.money(-int(loss["margin_minor"][0]) if loss.height else 0),
        "thin": form.count(low.height),
    }
    status: Status = "fail" if lost >= MUCH * earned > 0 else "warn" if lost >= LITTLE * earned > 0 else "ok"
    rows = pl.concat([loss, low])
    shown = rows.select(
        name=name(rows["product_id"]), net_minor="v1", margin_minor="margin_minor", margin_rate="margin_rate",
        quantity_milli="quantity_milli", receipts="n1",
    )  # fmt: skip
    chart = None
    if loss.height:
        bars = shown.head(min(ROWS, loss.height))
        chart = labelled.amounts(bars, "margin_minor", words=words, axis="goods.axis.margin")
    return Finding.worded(
        "goods.losers", kind, values, words=words, status=status, table=shown,
        view=views.readable(shown.head(20), words=words), chart=chart, value_minor=lost, row_key=("name",),
    )  # fmt: skip


def actions(
    advised: pl.DataFrame, stand: Standing, *, words: Words, as_of: date, capacity: int, name: Named
) -> ActionList:
    """One row per good to act on: reprice, delist or push, why, what is at stake, who, until when.

    advised : of `sales.standing.advice`.
    """
    form = words.format

    def off(day: date | None) -> str:
        return "" if day is None else form.day(day)

    by = advised.head(capacity).join(stand.table, on="product_id", how="left", maintain_order="left")
    reasons = [
        words(
            f"goods.actions.reason.{row['reason']}", rate=form.share(row["margin_rate"]), net=form.money(row["v1"]),
            days=form.count(row["days_since_sale"]), upper=form.change((row["upper"] or 1.0) - 1),
            lower=form.change((row["lower"] or 1.0) - 1), day=off(row["delisted_on"]),
        )
        for row in by.iter_rows(named=True)
    ]  # fmt: skip
    table = pl.DataFrame(
        {
            "name": name(by["product_id"]),
            "action": told(by, "action", by=lambda a: words(f"goods.actions.do.{a}")),
            "reason": pl.Series(reasons, dtype=pl.String),
            "stake_minor": by["money_minor"],
            "owner": told(by, "action", by=lambda a: words(f"goods.actions.owner.{a}")),
            "due_on": pl.Series([as_of + timedelta(days=ANSWER_DAYS)] * by.height, dtype=pl.Date),
        }
    )
    kind = "none" if advised.is_empty() else "all" if by.height == advised.height else "some"
    return ActionList(
        headline=words(f"goods.actions.headline.{kind}", shown=form.count(by.height), found=form.count(advised.height)),
        table=table,
        view=views.readable(table, words=words),
        note=words("goods.actions.note"),
        row_key=("name",),
    )
