"""What the books hold: the month of the festival's goods, vouchers, partners."""

from __future__ import annotations

import polars as pl

from crmlib.balances.liability.stored import Festival
from crmlib.balances.stock.books import Books
from crmlib.kit import table as views
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.outreach.festival_goods import Feast
from crmlib.pages.festival.findings.outlook import called, units

IN = ("purchase", "sale_return")
SHOWN = 12
STATUS: dict[str, Status] = {"break": "fail", "received": "warn", "none": "none", "closes": "ok"}


def bought(month: Books) -> int:
    """Received in the month of the page [thousandths]; 0 where nothing was."""
    lines = month.quantity.lines
    return int(lines["purchase"].sum()) if "purchase" in lines.columns else 0


def book(month: Books, *, words: Words, feast: Feast) -> Finding:
    """The month of these goods, line by line: opening + moves + unexplained = closing, as on the stock page."""
    form, totals = words.format, month.quantity.totals
    rows = [
        (name, amount, month.value.totals[name])
        for name, amount in totals.items() if amount or month.value.totals[name] or name in ("opening", "closing")
    ]  # fmt: skip
    table = pl.DataFrame(
        rows, schema={"stock_line": pl.String, "quantity_milli": pl.Int64, "amount_minor": pl.Int64}, orient="row"
    )
    received, after = bought(month), month.quantity.first > feast.on
    kind = (
        "none"
        if month.quantity.lines.is_empty()
        else "break"
        if month.quantity.breaks.height
        else "received"
        if after and received > 0
        else "closes"
    )
    values = {
        "festival": called(feast, words), "first": form.day(month.quantity.first),
        "last": form.day(month.quantity.last),
        "opening": units(totals["opening"], words), "closing": units(totals["closing"], words),
        "received": units(received, words), "cost": form.money(month.value.totals.get("purchase", 0)),
        "count": form.count(month.quantity.breaks.height),
        "money": form.money(int(month.breaks["unexplained_minor"].abs().sum())),
    }  # fmt: skip
    return Finding.worded(
        "festival.book", kind, values, words=words, table=table,
        status=STATUS[kind], role="check",
        view=None if kind == "none" else views.readable(table, words=words, exact=True), row_key=("stock_line",),
        value_minor=abs(month.value.totals.get("purchase", 0)) if kind == "received" else None,
    )  # fmt: skip


def vouchers(lines: pl.DataFrame, coming: Festival | None, *, words: Words, feast: Feast) -> Finding:
    """Sold less drawn, refunded and expired is out, and what of it will be drawn by the day.

    Parameters
    ----------
    lines : from `stored.identity`, of this festival. coming : the forecast of the cards page, where it is of this one.
    """
    form = words.format
    by = {line: (count, money) for line, count, money in lines.iter_rows()}
    out, money = by["rest"]
    expected = None if coming is None else coming.future.expected
    kind = "none" if not by["sell"][0] else "over" if coming is None else "coming"
    values = {
        "festival": called(feast, words, year=True), "out": form.count(out), "money": form.money(money),
        "sold": form.count(by["sell"][0]), "drawn": form.count(-by.get("redeem", (0, 0))[0]),
        "expired": form.count(-by.get("expire", (0, 0))[0]),
        "expected": form.count(None if expected is None else round(expected)),
        "low": form.count(None if coming is None else round(coming.future.low)),
        "high": form.count(None if coming is None else round(coming.future.high)),
    }  # fmt: skip
    table = lines.rename({"line": "voucher_line"})
    return Finding.worded(
        "festival.vouchers", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words) if by["sell"][0] else None, value_minor=money,
        row_key=("voucher_line",),
    )  # fmt: skip


def sell_in(
    rows: pl.DataFrame, partners: pl.DataFrame | None, plan: pl.DataFrame | None, *, words: Words, phase: str
) -> Finding:
    """What partners took, against the plan and last year's same lunar day, and what they still hold."""
    form = words.format
    names = (
        {} if partners is None else dict(partners.select("partner_id", pl.coalesce("name", "partner_id")).iter_rows())
    )
    table = rows.select(
        pl.Series("partner", [names.get(p, p) for p in rows["partner_id"]], dtype=pl.String), "sell_in_milli",
        "sell_out_milli", "held_milli", "before_milli",
    )  # fmt: skip
    planned = (
        None if plan is None or plan["sell_in_plan"].null_count() == plan.height else int(plan["sell_in_plan"].sum())
    )
    into, before, held = (int(rows[c].sum()) for c in ("sell_in_milli", "before_milli", "held_milli"))
    kind = (
        "none"
        if rows.is_empty()
        else "held"
        if phase in ("after", "over") and held > 0
        else "plan"
        if planned
        else "last"
    )
    values = {
        "into": units(into, words), "before": units(before, words), "held": units(held, words),
        "plan": form.count(planned), "count": form.count(rows.height),
        "share": form.share(into / 1000 / planned if planned else into / before if before > 0 else None),
    }  # fmt: skip
    behind = bool(planned) and into < 900 * (planned or 0)
    return Finding.worded(
        "festival.sell_in", kind, values, words=words,
        status="none" if kind in ("none", "last") else "warn" if kind == "held" or behind else "ok", table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None, row_key=("partner",),
    )  # fmt: skip
