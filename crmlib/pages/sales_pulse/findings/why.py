"""Why sales and margin changed: causes, receipts and their value, and what was earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.money import axis
from crmlib.kit.charts.steps import steps
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.sales_pulse.findings.growth import change, row_of
from crmlib.pages.shared.sales_wording import cause, largest, points, signed
from crmlib.sales.causes import total
from crmlib.sales.trade import by_ticket

if TYPE_CHECKING:
    import altair as alt

EVEN = 0.01
"""A gap below 1 % of the earlier sales is about even."""
RATE_MOVED = 0.01
"""A margin rate that moved by a point or more is said to have moved."""
UNCOSTED = 0.05
"""From 5 % of sales without a cost on, the margin is that of a part."""


def causes(split: pl.DataFrame, *, words: Words, ground: str, products: tuple[pl.DataFrame, pl.DataFrame]) -> Finding:
    """Say what made the difference, and by how much; the steps add up to it exactly.

    Parameters
    ----------
    split : unit, cause, gap_minor; products : sales by product before and now.
    """
    form = words.format
    then, now = (int(t["net_minor"].sum()) for t in products)
    parts, gap = total(split), now - then
    kind = "even" if then > 0 and abs(gap) < EVEN * then else "more" if gap > 0 else "less"
    up, down = largest(parts, sign=1), largest(parts, sign=-1)
    first, second = (up, down) if gap > 0 else (down, up)
    values = {
        "ground": words(f"sales.comparison.{ground}"),
        "gap": form.money(abs(gap)),
        "cause": cause(first[0], words=words) if first else words("page.none"),
        "money": signed(first[1] if first else None, words=words),
        "other": cause(second[0], words=words) if second else words("page.none"),
        "back": signed(second[1] if second else None, words=words),
        "then": form.money(then),
        "now": form.money(now),
    }
    reason = first[0] if first and kind != "even" else "even"
    do = words(f"sales_pulse.causes.do.{reason}", **values)
    table = split.filter(pl.col("gap_minor") != 0)
    status: Status = "none" if kind == "even" else "ok" if kind == "more" else "warn"
    return Finding.worded(
        "sales_pulse.causes",
        kind if first and (second or kind != "even") else "only" if first else "same",
        values,
        words=words,
        key="sales.causes",
        status=status,
        table=table,
        view=views.readable(table, words=words, exact=True),
        chart=_fall(parts, words=words),
        seen=words("sales_pulse.causes.seen.both" if second else "sales_pulse.causes.seen.one", **values),
        do=do,
        value_minor=abs(gap),
        row_key=("unit", "cause"),
    )


def _fall(parts: pl.DataFrame, *, words: Words) -> alt.LayerChart | None:
    """The steps of a gap, the largest first, and their sum."""
    if parts.is_empty():
        return None
    shown = parts.sort(pl.col("gap_minor").abs(), descending=True, maintain_order=True)
    divisor, title = axis(float(shown["gap_minor"].abs().max() or 0), words=words)  # type: ignore[arg-type]
    frame = shown.select(
        name=told(shown, "cause", by=lambda c: cause(c, words=words)),
        value=pl.col("gap_minor") / divisor,
        label=told(shown, "gap_minor", by=lambda g: signed(g, words=words)),
    )
    gap = int(parts["gap_minor"].sum())
    return steps(frame, words=words, title=title, total=words("sales.difference"), label=signed(gap, words=words))


def receipts(trade: pl.DataFrame, *, words: Words, ground: str | None) -> Finding:
    """Say whether there were more or fewer receipts, and whether they were larger or smaller.

    trade : of `sales.trade.compared`.
    """
    form = words.format
    now, then = row_of(trade, "now"), row_of(trade, ground)
    count, ticket = (change(now, then, c) for c in ("receipts", "ticket_minor"))
    values = {
        "ground": words(f"sales.comparison.{ground}") if ground else "",
        "receipts": form.count(int(now["receipts"] or 0)),
        "ticket": form.money(now["ticket_minor"]),
        "lines": form.number(now["lines_each"], digits=2),
        "lines_then": form.number(then.get("lines_each"), digits=2),
        "cards": form.share(now["card_share"]),
        "count": form.change(count),
        "value": form.change(ticket),
        "more": form.change(None if count is None else abs(count)).lstrip("+"),
        "larger": form.change(None if ticket is None else abs(ticket)).lstrip("+"),
    }
    columns = ["comparison", "receipts", "ticket_minor", "lines_each", "card_share", "stores", "store_days"]
    known = now["card_share"] is not None
    shown = trade.select(columns if known else [c for c in columns if c != "card_share"])
    chart = None
    if then:
        parts = by_ticket(
            (int(then["net_minor"] or 0), int(now["net_minor"] or 0)),
            (int(then["receipts"] or 0), int(now["receipts"] or 0)),
        )
        values |= {
            k: signed(v, words=words) for k, v in (("by_count", parts["receipts"]), ("by_value", parts["ticket"]))
        }
        chart = _two(parts, words=words)
    kind = "alone" if count is None or ticket is None else f"{_way(count)}_{_way(ticket)}"
    advice = "alone" if count is None else "count" if _way(count) == "down" else _way(ticket or 0.0)
    advice = {"down": "value", "same": "keep", "up": "keep"}.get(advice, advice)
    seen = words(f"sales_pulse.receipts.seen.{'both' if chart is not None else 'alone'}", **values)
    seen += words("sales_pulse.receipts.cards", **values) if known else ""
    status: Status = "none" if count is None or _way(count) == "same" else "warn" if count < 0 else "ok"
    return Finding.worded(
        "sales_pulse.receipts", kind, values, words=words, key="sales.receipts", status=status, table=shown,
        view=views.readable(shown, words=words, kinds={"ticket_minor": ("money", 2)}),
        chart=chart,
        seen=seen,
        do=words(f"sales_pulse.receipts.do.{advice}"),
        row_key=("comparison",),
    )  # fmt: skip


def _way(value: float) -> str:
    return "same" if abs(value) < EVEN else "up" if value > 0 else "down"


def _two(parts: dict[str, int], *, words: Words) -> alt.LayerChart:
    divisor, title = axis(max(abs(v) for v in parts.values()), words=words)
    frame = pl.DataFrame(
        {
            "name": [words(f"sales_pulse.receipts.part.{name}") for name in parts],
            "value": [v / divisor for v in parts.values()],
            "label": [signed(v, words=words) for v in parts.values()],
        }
    )
    return labelled.bars(frame, words=words, title=title)


def margin(trade: pl.DataFrame, split: pl.DataFrame, *, words: Words, ground: str) -> Finding:
    """Say what was earned and why more or less than before.

    Parameters
    ----------
    trade : of `sales.trade.compared`; split : of `sales.trade.margin_split`, the gap of its margins.
    """
    form = words.format
    now, then = row_of(trade, "now"), row_of(trade, ground)
    before, after = (int(side["margin_minor"] or 0) for side in (then, now))
    rates = (then["margin_rate"], now["margin_rate"])
    without = now["uncosted_share"] or 0.0
    moved = None if rates[0] is None or rates[1] is None else rates[1] - rates[0]
    parts = total(split)
    gap = after - before
    first = largest(parts, sign=1 if gap > 0 else -1)
    second = largest(parts, sign=-1 if gap > 0 else 1)
    kind = "held" if moved is None or abs(moved) < RATE_MOVED else "rose" if moved > 0 else "fell"
    values = {
        "ground": words(f"sales.comparison.{ground}"),
        "margin": form.money(after),
        "rate": form.share(rates[1]),
        "points": points(rates[1], rates[0], words=words),
        "gap": signed(gap, words=words),
        "cause": cause(first[0], words=words) if first else words("page.none"),
        "money": signed(first[1] if first else None, words=words),
        "other": cause(second[0], words=words) if second else words("page.none"),
        "back": signed(second[1] if second else None, words=words),
        "left": form.share(without),
    }
    table = split.filter(pl.col("gap_minor") != 0)
    status: Status = {"held": "ok", "rose": "ok", "fell": "warn"}[kind]  # type: ignore[assignment]
    return Finding.worded(
        "sales_pulse.margin", kind, values, words=words, key="sales.margin", status=status, table=table,
        view=views.readable(table, words=words, exact=True),
        chart=_fall(parts, words=words),
        sure=words(f"sales_pulse.margin.sure.{'part' if without >= UNCOSTED else 'all'}", **values),
        do=words(f"sales_pulse.margin.do.{_worst(parts, kind)}", **values),
        value_minor=abs(gap),
        row_key=("unit", "cause"),
    )  # fmt: skip


def _worst(parts: pl.DataFrame, kind: str) -> str:
    """What to do goes by the largest loss among the causes that somebody decides on."""
    if kind != "fell":
        return "held"
    own = parts.filter(pl.col("cause").is_in(["price", "unit_cost", "mix"]))
    found = largest(own, sign=-1)
    return found[0] if found else "volume"
