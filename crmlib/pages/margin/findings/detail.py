"""The margin rate, stores, goods under cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared.sales_wording import points, signed

Named = Callable[[pl.Series], pl.Series]
T = TypeVar("T")
ROWS = 10
MOVED = 0.01
"""A margin rate that moved by a point or more is said to have moved."""


def tried(step: Callable[[], T]) -> T | None:
    """A step of the study, or none where the data do not allow it."""
    try:
        return step()
    except ModelError:
        return None


def totals(split: pl.DataFrame) -> tuple[float, float, int]:
    """Margin rate now and then, and the margin now [minor units]."""
    names = ("margin_minor", "net_minor", "margin_then_minor", "then_minor")
    margin, net, margin_then, net_then = (int(split[name].sum()) for name in names)
    return margin / net, margin_then / net_then, margin


def answer(
    split: pl.DataFrame | None, by_store: pl.DataFrame | None, below: pl.DataFrame | None, *, words: Words, period: str,
    ground: str, sales: int, name: Named, dear: pl.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """One sentence: the margin rate, what moved it, what is lost under cost, in purchases or in which store.

    split : of `sales.margins.rate_split`; by_store : of `below`; below : of `under_cost`; none where costs are missing.
    dear : of `shelf.dearer`.
    """
    form = words.format
    figures = [Figure(words("margin.figure.net"), form.money(sales), period, key="net", amount=sales, money=True)]
    if by_store is None:
        return Answer(words("margin.answer.no_cost", period=period, net=form.money(sales)), tuple(figures))
    margin, net = int(by_store["margin_minor"].sum()), int(by_store["net_minor"].sum())
    rate = margin / net if net else None
    values = {"period": period, "rate": form.share(rate), "margin": form.money(margin)}
    said, then = ["alone"], None
    if split is not None:
        now, then, _ = totals(split)
        own, mix = float(split["within"].sum()), float(split["mix"].sum())
        moved = now - then
        kind = "held" if abs(moved) < MOVED else "rose" if moved > 0 else "fell"
        values |= {
            "ground": words(f"sales.comparison.{ground}"), "points": points(now, then, words=words),
            "reason": words(f"margin.reason.{'own' if abs(own) >= abs(mix) else 'mix'}"),
        }  # fmt: skip
        said = [kind]
    lost = 0 if below is None else -int(below["margin_minor"].sum())
    short = by_store.filter(pl.col("short_minor") > 0)
    if lost > 0:
        said.append("under")
        values["lost"] = form.money(lost)
    if dear is not None and dear.height:
        said.append("dearer")
        values["more"] = form.money(int(dear["more_minor"].sum()))
    if short.height:
        said.append("store")
        values |= {"store": name(short["store_id"].head(1)).item(), "short": form.money(int(short["short_minor"][0]))}
    parts = words("page.semicolon").join(words(f"margin.answer.{key}", **values) for key in said)
    change = None if then is None or rate is None else rate - then
    tone: Tone = "neutral" if change is None or abs(change) < MOVED else "good" if change > 0 else "bad"
    against = "" if then is None else words("margin.figure.points", points=points(rate, then, words=words))
    figures += [
        Figure(words("margin.figure.rate"), form.share(rate), against, tone, key="rate", amount=rate),
        Figure(words("margin.figure.margin"), form.money(margin), key="margin", amount=margin, money=True),
        Figure(words("margin.figure.lost"), form.money(lost), tone="bad" if lost else "good", key="lost", amount=lost,
               money=True),
    ]  # fmt: skip
    return Answer(words("margin.answer.whole", parts=parts), tuple(figures))


def rate(split: pl.DataFrame, *, words: Words, ground: str, name: Named) -> Finding:
    """Say whether the margin rate moved, and whether by the goods' own rates or by what was sold more.

    split : of `sales.margins.rate_split`, by category.
    """
    form = words.format
    now, then, _ = totals(split)
    own, mix = float(split["within"].sum()), float(split["mix"].sum())
    moved = now - then
    kind = "held" if abs(moved) < MOVED else "rose" if moved > 0 else "fell"
    effect = split.with_columns(rate_effect=pl.col("within") + pl.col("mix"), category=name(split["category"]))
    effect = effect.with_columns(pl.col("category").fill_null(words("sales.unknown")))
    lead = effect.sort("rate_effect", descending=moved > 0, maintain_order=True).row(0, named=True)
    values = {
        "ground": words(f"sales.comparison.{ground}"),
        "rate": form.share(now),
        "points": points(now, then, words=words),
        "own": points(own, 0.0, words=words),
        "mix": points(mix, 0.0, words=words),
        "lead": lead["category"],
        "part": points(lead["rate_effect"], 0.0, words=words),
    }
    shown = effect.head(ROWS)
    frame = shown.select(
        name="category", value="rate_effect", label=told(shown, "rate_effect", by=lambda e: points(e, 0.0, words=words))
    )
    why = "own" if abs(own) >= abs(mix) else "mix"
    status: Status = {"held": "ok", "rose": "ok", "fell": "warn"}[kind]  # type: ignore[assignment]
    table = effect.select(
        "category", "net_minor", "margin_minor", "margin_rate", "rate_then", "rate_effect", "within", "mix"
    )
    return Finding.worded(
        "margin.rate", kind, values, words=words, status=status, table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(frame, words=words, title=words("margin.rate.axis"), percent=True),
        do=words(f"margin.rate.do.{why if kind == 'fell' else 'held'}", **values),
        row_key=("category",),
    )  # fmt: skip


def stores(by_store: pl.DataFrame, *, words: Words, name: Named) -> Finding:
    """Say which store earns most less than it would at the rate of all."""
    form = words.format
    short = by_store.filter(pl.col("short_minor") > 0)
    whole = int(by_store["margin_minor"].sum()) / int(by_store["net_minor"].sum())
    kind = "one" if by_store.height < 2 else "short" if short.height else "even"
    first = (short if short.height else by_store).row(0, named=True)
    values = {
        "store": name(short["store_id"].head(1)).item() if short.height else "",
        "rate": form.share(first["margin_rate"]),
        "all": form.share(whole),
        "short": form.money(first["short_minor"]),
        "stores": form.count(short.height),
        "total": form.money(int(short["short_minor"].sum())),
    }
    table = by_store.with_columns(store=name(by_store["store_id"])).select(
        "store", "net_minor", "margin_minor", "margin_rate", below_average_minor="short_minor"
    )
    bars = table.filter(pl.col("below_average_minor") != 0)
    bars = pl.concat([bars.head(ROWS // 2), bars.tail(ROWS // 2)]) if bars.height > ROWS else bars
    chart = None
    if bars.height:
        label = told(bars, "below_average_minor", by=lambda g: signed(-g, words=words))
        chart = labelled.amounts(
            bars, "below_average_minor", name="store", label=label, words=words, axis="margin.stores.axis", turned=True
        )
    return Finding.worded(
        "margin.stores", kind, values, words=words, status="warn" if kind == "short" else "none", table=table,
        view=views.readable(table, words=words), chart=chart, value_minor=int(short["short_minor"].sum()),
        row_key=("store",),
    )  # fmt: skip


def named(below: pl.DataFrame, *, stores: Named, products: Named) -> pl.DataFrame:
    """Products of stores by name, with sales, cost, margin and quantity."""
    return below.select(
        store=stores(below["store_id"]), name=products(below["product_id"]), net_minor="net_minor",
        cost_minor="cost_minor", margin_minor="margin_minor", quantity_milli="quantity_milli",
    )  # fmt: skip


def under(below: pl.DataFrame, *, words: Words, stores: Named, products: Named) -> Finding:
    """Say what was lost with goods that a store sold under their cost over the window."""
    form = words.format
    table = named(below, stores=stores, products=products)
    lost = -int(table["margin_minor"].sum())
    by = table.group_by("name", maintain_order=True).agg(pl.col("margin_minor").sum(), stores=pl.len())
    by = by.sort("margin_minor", "name")
    kind = "some" if table.height else "none"
    values = {
        "pairs": form.count(table.height),
        "lost": form.money(lost),
        "goods": form.count(by.height),
        "first": by["name"][0] if by.height else "",
        "money": form.money(-int(by["margin_minor"][0]) if by.height else 0),
        "stores": form.count(int(by["stores"][0]) if by.height else 0),
    }
    chart = None
    if by.height:
        bars = by.head(ROWS)
        chart = labelled.amounts(bars, "margin_minor", words=words)
    return Finding.worded(
        "margin.under", kind, values, words=words, status="warn" if lost else "ok", table=table,
        view=views.readable(table.head(20), words=words), chart=chart, value_minor=lost, row_key=("store", "name"),
        role="check",
    )  # fmt: skip
