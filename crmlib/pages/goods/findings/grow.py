"""What grows, what lies, what is new, what can be planned."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.kit import table as views
from crmlib.kit.charts import intervals, labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared.sales_wording import signed
from crmlib.sales.goods import LEAST_GOODS
from crmlib.sales.ranks import SILENT_DAYS
from crmlib.sales.standing import Standing, movers

Named = Callable[[pl.Series], pl.Series]
ROWS = 6
"""Gains and losses drawn, each."""


def growth(stand: Standing, *, words: Words, ground: str, name: Named) -> Finding:
    """Say what gained and lost most in money; growth shrunk to what goods usually do, so that chance is no gain."""
    form = words.format
    known = stand.table.drop_nulls("gain_minor")
    if known.is_empty():
        raise ModelError("sales.few_goods", values={"goods": stand.table.height, "least": LEAST_GOODS})
    sure, falls = movers(stand)
    up, down = sure.head(ROWS), falls.head(ROWS)
    fastest = sure.sort("lower", "product_id", descending=[True, False])
    kind = "both" if up.height and down.height else "up" if up.height else "down" if down.height else "flat"
    values = {
        "ground": words(f"sales.comparison.{ground}"),
        "goods": form.count(known.height),
        "sure": form.count(sure.height),
        "falls": form.count(falls.height),
        "up": name(up["product_id"].head(1)).item() if up.height else "",
        "up_money": signed(int(up["gain_minor"][0]) if up.height else None, words=words),
        "down": name(down["product_id"].head(1)).item() if down.height else "",
        "down_money": signed(int(down["gain_minor"][0]) if down.height else None, words=words),
        "fast": name(fastest["product_id"].head(1)).item() if sure.height else "",
        "usual": form.change(None if stand.usual is None else stand.usual - 1),
        "least": form.change(fastest["lower"][0] - 1 if sure.height else None),
    }
    drawn = pl.concat([up, down.reverse()]) if kind != "flat" else known.sort("v1", descending=True).head(ROWS)
    frame = drawn.select(
        name=name(drawn["product_id"]), value="growth", low="lower", high="upper",
        label=told(drawn, "gain_minor", by=lambda g: signed(g, words=words)),
        tone=pl.when(pl.col("gain_minor") < 0).then(pl.lit("loss")).otherwise(pl.lit("plain")),
        doubt=pl.lit(kind == "flat"),
    )  # fmt: skip
    shown = known.select(
        name=name(known["product_id"]), growth_minor="gain_minor", net_minor="v1", then_minor="v0",
        growth=pl.col("growth") - 1,
        growth_low=pl.col("lower") - 1, growth_high=pl.col("upper") - 1, receipts="n1",
    ).sort(pl.col("growth_minor").abs(), "name", descending=[True, False])  # fmt: skip
    return Finding.worded(
        "goods.growth", kind, values, words=words, status="none", table=shown,
        view=views.readable(shown.head(30), words=words),
        chart=intervals.intervals(frame, words=words, title=words("goods.growth.axis", **values), log=True),
        seen=words(f"goods.growth.seen.{'flat' if kind == 'flat' else 'fast' if sure.height else 'none'}", **values),
        value_minor=abs(int(down["gain_minor"].sum())), row_key=("name",),
    )  # fmt: skip


def slow(stand: Standing, *, words: Words, counted: bool, name: Named) -> Finding:
    """Say how many goods have not been sold for four weeks, and what lies in them.

    counted : whether stock was counted; else only the silence is known.
    """
    form = words.format
    still = stand.table.filter(pl.col("days_since_sale") >= SILENT_DAYS)
    lies = int(still["stock_minor"].fill_null(0).sum())
    kind = "none" if still.is_empty() else "money" if counted and lies > 0 else "silent"
    order = ["stock_minor", "days_since_sale"] if counted else ["days_since_sale"]
    still = still.sort(*order, "product_id", descending=[*[True] * len(order), False], nulls_last=True)
    values = {
        "goods": form.count(still.height),
        "days": form.count(SILENT_DAYS),
        "money": form.money(lies),
        "first": name(still["product_id"].head(1)).item() if still.height else "",
        "since": form.count(int(still["days_since_sale"][0]) if still.height else 0),
    }
    shown = still.select(
        name=name(still["product_id"]),
        days_unsold="days_since_sale",
        stock_minor="stock_minor",
        abc="abc",
        then_minor="v0",
    )
    chart = None
    if kind == "money":
        bars = shown.filter(pl.col("stock_minor") > 0).head(2 * ROWS)

        def said(minor: int, days: int) -> str:
            return words("goods.slow.label", money=form.money(minor), days=form.count(days))

        label = told(bars, "stock_minor", "days_unsold", by=said)
        chart = labelled.amounts(bars, "stock_minor", label=label, words=words, axis="goods.slow.axis")
    status: Status = "ok" if kind == "none" else "warn"
    return Finding.worded(
        "goods.slow", kind, values, words=words, status=status, table=shown,
        view=views.readable(shown.head(20), words=words), chart=chart,
        sure=words(f"goods.slow.sure.{'counted' if counted else 'not_counted'}", **values),
        value_minor=lies, row_key=("name",),
    )  # fmt: skip


def fresh(stand: Standing, *, words: Words, ground: str, name: Named) -> Finding:
    """Say what goods newly sold bring, and what was lost with those no longer sold."""
    form = words.format
    if stand.table["v0"].null_count() == stand.table.height:
        return Finding.unavailable("goods.fresh", "data", words=words)
    new, gone = (stand.table.filter(pl.col("status") == s) for s in ("new", "gone"))
    brought, lost = int(new["v1"].sum()), int(gone["v0"].sum())
    kind = "none" if new.is_empty() and gone.is_empty() else "more" if brought >= lost else "less"
    values = {
        "ground": words(f"sales.comparison.{ground}"),
        "new": form.count(new.height),
        "gone": form.count(gone.height),
        "brought": form.money(brought),
        "lost": form.money(lost),
        "first": name(new.sort("v1", descending=True)["product_id"].head(1)).item()
        if new.height
        else words("page.none"),
    }
    both = pl.concat([new, gone]).with_columns(change_minor=pl.col("v1").fill_null(0) - pl.col("v0").fill_null(0))
    both = both.sort(pl.col("change_minor").abs(), "product_id", descending=[True, False])
    shown = both.select(
        name=name(both["product_id"]),
        status="status",
        net_minor="v1",
        then_minor="v0",
        receipts="n1",
        days_unsold="days_since_sale",
    )
    bars = both.head(2 * ROWS)
    chart = None
    if bars.height:
        label = told(bars, "change_minor", by=lambda g: signed(g, words=words))
        chart = labelled.amounts(bars, "change_minor", name=name(bars["product_id"]), label=label, words=words)
    return Finding.worded(
        "goods.fresh", kind, values, words=words, status="none", table=shown,
        view=views.readable(shown.head(20), words=words, names={"status": "goods.status"}), chart=chart,
        value_minor=abs(brought - lost), row_key=("name",), names={"status": "goods.status"},
    )  # fmt: skip


def steady(stand: Standing, *, words: Words) -> Finding:
    """Say how many of the goods that earn can be ordered by rule, and how many need a look each week."""
    form = words.format
    known = stand.table.drop_nulls("xyz").filter(pl.col("status") != "gone")
    if known.is_empty():
        return Finding.unavailable("goods.steady", "data", words=words)
    cells = (
        known.group_by("abc", "xyz").agg(goods=pl.len().cast(pl.Int64), net_minor=pl.col("v1").sum()).sort("abc", "xyz")
    )
    rule, look = (int(cells.filter((pl.col("abc") == "A") & (pl.col("xyz") == c))["goods"].sum()) for c in ("X", "Z"))
    top = int(cells.filter(pl.col("abc") == "A")["goods"].sum())
    kind = "rule" if top and rule / top > 0.5 else "look"
    counts = {"rule": rule, "look": look, "top": top, "goods": known.height}
    values = {key: form.count(count) for key, count in counts.items()}

    def cell(abc: str, xyz: str) -> str:
        return words("goods.steady.cell", abc=abc, xyz=words(f"goods.steady.kind.{xyz}"))

    def said(goods: int, net: int) -> str:
        return words("goods.steady.label", goods=form.count(goods), money=form.money(net))

    frame = cells.select(
        name=told(cells, "abc", "xyz", by=cell), value="goods", label=told(cells, "goods", "net_minor", by=said)
    )
    chart = labelled.bars(frame, words=words, title=words("goods.steady.axis"))
    return Finding.worded(
        "goods.steady", kind, values, words=words, status="none", table=cells.rename({"goods": "products"}),
        view=views.readable(cells.rename({"goods": "products"}), words=words), chart=chart,
        row_key=("abc", "xyz"),
    )  # fmt: skip
