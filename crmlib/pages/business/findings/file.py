"""Who business customers are: kind, industry, size, their cards at the till, one of them from all sides."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.customers import business
from crmlib.customers.members.cards import REASONS
from crmlib.kit import table as views
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.business import charts

MOVED = 0.05
"""From 5 % on, a year's orders grew or fell."""
SHOWN, ROWS = 10, 12
KIND = {"partner_kind": "business.kind"}


def moved(now: int, before: int) -> tuple[str, float | None]:
    """``more``, ``fewer``, ``like`` or ``new`` and the change; by `MOVED`.

    Examples
    --------
    >>> moved(110, 100), moved(96, 100)[0], moved(5, 0)
    (('more', 0.10000000000000009), 'like', ('new', None))
    """
    if before <= 0:
        return "new", None
    change = now / before - 1
    return ("more" if change >= MOVED else "fewer" if change <= -MOVED else "like"), change


def kinds(customers: pl.DataFrame, *, words: Words) -> Finding:
    """What distributors, key accounts, group buyers and small shops bought, beside the year before."""
    form, by = words.format, business.by(customers, "kind")
    now, before = int(by["value_minor"].sum()), int(by["before_minor"].sum())
    kind, change = moved(now, before) if by.height else ("none", None)
    top, most = (str(by["kind"][0]), int(by["value_minor"][0])) if by.height else ("distributor", 0)
    values = {
        "customers": form.count(customers.height), "active": form.count(int(by["active"].sum())),
        "money": form.money(now), "change": form.change(change), "before": form.money(before),
        "top": words(f"business.kind.{top}"),
        "share": form.share(most / now if now else None), "limit": form.share(MOVED, digits=0),
    }  # fmt: skip
    table = by.select(
        partner_kind="kind", buyers="customers", buyers_active="active", orders="orders", ordered_minor="value_minor",
        ordered_before_minor="before_minor",
    )  # fmt: skip
    labels = [
        words("business.label.change", money=form.money(v), change=form.change(moved(v, b)[1]))
        for v, b in by.select("value_minor", "before_minor").iter_rows()
    ]
    chart = charts.bars([words(f"business.kind.{k}") for k in by["kind"]], by["value_minor"], labels, words=words)
    return Finding.worded(
        "business.kinds", kind, values, words=words,
        status={"more": "ok", "like": "ok", "fewer": "warn"}.get(kind, "none"),  # type: ignore[arg-type]
        table=table, names=KIND, view=views.readable(table, words=words, names=KIND),
        chart=chart,
        value_minor=abs(now - before), row_key=("partner_kind",),
    )  # fmt: skip


def rows(customers: pl.DataFrame) -> pl.DataFrame:
    """Every business customer as the workbook shows it."""
    return customers.select(
        "partner_id", pl.col("name").alias("buyer"), pl.col("kind").alias("partner_kind"), "region", "industry",
        pl.col("size").alias("business_size"), "people_count", "orders", pl.col("value_minor").alias("ordered_minor"),
        pl.col("before_minor").alias("ordered_before_minor"), pl.col("last_on").alias("last_ordered_on"),
    )  # fmt: skip


def trades(customers: pl.DataFrame, *, words: Words) -> Finding:
    """Industry and size, of those whose file says so; what a group buyer spends a head."""
    form = words.format
    known = customers.filter(pl.col("industry").is_not_null())
    by = business.by(known, "industry", "size").head(SHOWN)
    groups = business.by(known.filter(pl.col("kind") == "group_buyer"), "industry")
    heads, spent = int(groups["people_count"].sum()), int(groups["value_minor"].sum())
    kind = "none" if known.is_empty() else "groups" if groups.height else "known"
    values = {
        "known": form.count(known.height), "customers": form.count(customers.height),
        "top": groups["industry"][0] if groups.height else by["industry"][0] if by.height else "",
        "money": form.money(int(groups["value_minor"][0]) if groups.height else None),
        "head": form.money(spent / heads if heads else None), "groups": form.count(int(groups["customers"].sum())),
        "missing": form.count(customers.height - known.height),
    }  # fmt: skip
    table = by.select(
        "industry", business_size="size", buyers="customers", people_count="people_count", orders="orders",
        ordered_minor="value_minor", ordered_before_minor="before_minor",
    )  # fmt: skip
    names = [
        words("business.label.trade", industry=i, size=words(f"business.size.{s}"))
        for i, s in by.select("industry", "size").iter_rows()
    ]
    chart = charts.bars(names, by["value_minor"], [form.money(v) for v in by["value_minor"]], words=words)
    named = {"business_size": "business.size"}
    return Finding.worded(
        "business.trades", kind, values, words=words, status="none", table=table, names=named,
        view=views.readable(table, words=words, names=named) if by.height else None,
        chart=chart,
        row_key=("industry", "business_size"),
    )  # fmt: skip


def cards(flagged: pl.DataFrame, *, words: Words) -> Finding:
    """Cards at the till that are no member's, and whose file names them.

    flagged : reason, net_minor, buyer (null: nobody's).
    """
    form = words.format
    by = pl.DataFrame({"reason": REASONS}).join(
        flagged.group_by("reason").agg(
            cards=pl.len().cast(pl.Int64), linked=pl.col("buyer").is_not_null().sum().cast(pl.Int64),
            net_minor=pl.col("net_minor").sum(),
        ), on="reason", how="inner", maintain_order="left",
    )  # fmt: skip
    trade = flagged.filter(pl.col("reason").is_in(["wholesale", "business"]))
    loose = trade.filter(pl.col("buyer").is_null())
    kind = "none" if flagged.is_empty() else "loose" if loose.height else "linked"
    values = {
        "cards": form.count(flagged.height), "trade": form.count(trade.height), "loose": form.count(loose.height),
        "money": form.money(int(flagged["net_minor"].sum())), "value": form.money(int(trade["net_minor"].sum())),
        "loose_money": form.money(int(loose["net_minor"].sum())),
    }  # fmt: skip
    table = by.select(card_reason="reason", cards="cards", cards_linked="linked", net_minor="net_minor")
    labels = [
        words("business.label.cards", money=form.money(m), cards=form.count(n))
        for m, n in by.select("net_minor", "cards").iter_rows()
    ]
    chart = charts.bars([words(f"business.reason.{r}") for r in by["reason"]], by["net_minor"], labels, words=words)
    named = {"card_reason": "business.reason"}
    return Finding.worded(
        "business.cards", kind, values, words=words,
        status={"none": "none", "loose": "warn", "linked": "ok"}[kind],  # type: ignore[arg-type]
        table=table, names=named, view=views.readable(table, words=words, names=named) if by.height else None,
        chart=chart,
        row_key=("card_reason",),
    )  # fmt: skip


def one(customer: dict[str, Any], course: pl.DataFrame, *, words: Words) -> Finding:
    """One customer from all sides: who it is, what it bought and owes, and everything on file, the latest first."""
    form, row = words.format, customer
    late = row["late_minor"] or 0
    kind = "late" if late > 0 else "fine"
    said = [words(f"business.kind.{row['kind']}"), row["industry"]]
    said += [words("business.people", count=form.count(row["people_count"]))] if row["people_count"] else []
    values = {
        "buyer": row["name"], "who": words("page.join").join(str(s) for s in said if s),
        "money": form.money(row["value_minor"]), "orders": form.count(row["orders"]),
        "change": form.change(moved(row["value_minor"], row["before_minor"])[1]),
        "owed": form.money(row["owed_minor"] or 0), "late": form.money(late), "days": form.count(row["days_late"] or 0),
        "owner": row["owner"] or words("business.nobody"),
        "next": words("business.next.none") if row["p_30"] is None
        else words("business.next.rhythm", gap=form.count(round(row["usual_gap"])),
                   chance=form.share(row["p_30"], digits=0)),
        "last": form.day(row["last_on"]), "events": form.count(course.height),
    }  # fmt: skip
    named = {"business_event": "business.event"}
    shown = course.head(ROWS)
    return Finding.worded(
        "business.one", kind, values, words=words, status="warn" if late else "none", table=course.head(100),
        names=named, view=views.readable(shown, words=words, names=named) if shown.height else None,
        value_minor=late or None,
    )  # fmt: skip


def check(bought: pl.DataFrame, customers: pl.DataFrame, *, words: Words) -> Finding:
    """Whether every order and invoice has a customer in the file, and is counted once."""
    form = words.format
    strange = bought.join(customers, on="partner_id", how="anti")
    lost = int(strange["amount_minor"].sum())
    papers = bought.group_by("partner_id").agg(kinds=pl.col("paper").n_unique()).filter(pl.col("kinds") > 1).height
    kind = "none" if bought.is_empty() else "lost" if strange.height or papers else "closes"
    values = {
        "rows": form.count(bought.height), "strange": form.count(strange.height), "money": form.money(lost),
        "twice": form.count(papers), "all": form.money(int(bought["amount_minor"].sum())),
    }  # fmt: skip
    table = pl.DataFrame({"orders": [bought.height], "orders_strange": [strange.height]})
    return Finding.worded(
        "business.check", kind, values, words=words, role="check", table=table,
        status={"none": "none", "lost": "fail", "closes": "ok"}[kind],  # type: ignore[arg-type]
    )  # fmt: skip
