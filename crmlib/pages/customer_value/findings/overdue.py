"""Which upper members should have come by now, what is at risk with them, and whom to contact first."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.customers.loyalty.contact_list import ContactList, Result
from crmlib.customers.loyalty.overdue import AHEAD_DAYS, BAND_NAMES, BANDS, LATE, Overdue
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told

OVERDUE_WARN, OVERDUE_FAIL = 0.10, 0.25
"""Overdue share of the upper members with a known rhythm: amber, red."""
DUE_DAYS = {"overdue": 7, "long_overdue": 10, "silent": 14}
"""The fresher the absence, the sooner the call."""
CLEAR = 0.05
"""Overdue members must stay away at least so much more often (lower bounds) for the rule to count as proven."""
NAMED = {"band": "scoring.band"}


def overdue_upper(
    overdue: Overdue, tiers: pl.DataFrame, *, words: Words, upper: tuple[str, ...] = ("A", "B")
) -> Finding:
    """Say how many upper members are overdue against their own rhythm, and the margin at risk.

    Parameters
    ----------
    overdue : all members with a rhythm.
    tiers : customer_id and tier of the current period.
    """
    form = words.format
    name = "tier_smoothed" if "tier_smoothed" in tiers.columns else "tier"
    known = tiers.select("customer_id", tier=pl.col(name).cast(pl.String))
    members = overdue.customers.join(known, on="customer_id", how="inner").filter(pl.col("tier").is_in(upper))
    late = members.filter(pl.col("times") > LATE)
    money = int(late["at_risk_minor"].fill_null(0).sum())
    share = late.height / members.height if members.height else 0.0
    kind, status = _verdict(members.height, late.height, share)
    values = {
        "tiers": words("scoring.join").join(upper),
        "late": form.count(late.height),
        "members": form.count(members.height),
        "share": form.share(share),
        "money": form.money(money),
        "what": words(
            "customer_value.overdue.what.margin" if overdue.with_margin else "customer_value.overdue.what.net"
        ),
    }
    table = _by_band(members)
    worth = {"margin_minor": "net_minor", "at_risk_minor": "at_risk_net_minor"}
    shown = table.with_columns(
        told(table, "band", by=lambda b: words(f"scoring.band.{b}")).alias("name"),
        pl.Series(
            "label",
            [
                words(
                    "customer_value.overdue.label" if k >= 2 else "scoring.persons",
                    customers=form.count(n),
                    count=form.count(n),
                    money=form.money(m),
                )
                for k, (n, m) in enumerate(table.select("customers", "at_risk_minor").iter_rows())
            ],
        ),
        late=pl.Series([k >= 2 for k in range(len(BAND_NAMES))]),
    )
    return Finding.worded(
        "customer_value.overdue",
        kind,
        values,
        words=words,
        key="scoring.overdue",
        status=status,
        table=table,
        view=views.readable(table if overdue.with_margin else table.rename(worth), words=words, names=NAMED),
        chart=labelled.bars(
            shown.select(name="name", value="customers", label="label", tone=toned(~pl.col("late"))),
            words=words,
            title=words("customer_value.overdue.axis"),
        ),
        sure=_proof(overdue, words),
        do=words("customer_value.overdue.do.late" if late.height else "customer_value.overdue.do.none", **values),
        value_minor=money,
        row_key=("band",),
    )


def back_test(overdue: Overdue, *, words: Words) -> Finding:
    """Check on the user's own data whether those the rule calls overdue did stay away more often."""
    form = words.format
    table = overdue.back_test
    rows = {row["band"]: row for row in table.iter_rows(named=True)}
    late = [rows[b] for b in BAND_NAMES[2:]]
    n, away = sum(r["customers"] for r in late), sum(r["stayed_away"] for r in late)
    calm = rows[BAND_NAMES[0]]
    enough = n >= 30 and calm["customers"] >= 30
    proven = enough and away / n >= calm["rate"] + CLEAR
    kind = "small" if not enough else "proven" if proven else "unproven"
    status: Status = "none" if not enough else "ok" if proven else "fail"
    values = {
        "late_rate": form.share(away / n if n else None),
        "calm_rate": form.share(calm["rate"]),
        "customers": form.count(n),
        "days": str(AHEAD_DAYS),
    }
    shown = table.filter(pl.col("customers") > 0)
    shown = shown.with_columns(
        told(shown, "band", by=lambda b: words(f"scoring.band.{b}")).alias("name"),
        told(shown, "rate", by=form.share).alias("label"),
    )
    return Finding.worded(
        "customer_value.back_test",
        kind,
        values,
        words=words,
        key="scoring.overdue_test",
        status=status,
        table=table,
        view=views.readable(table, words=words, names=NAMED),
        chart=labelled.bars(
            shown.select(name="name", value="rate", low="low", high="high", label="label"),
            words=words,
            title=words("customer_value.back_test.axis", days=AHEAD_DAYS),
            percent=True,
        )
        if shown.height
        else None,
        do=words(f"customer_value.back_test.do.{'use' if proven else 'wait'}"),
        row_key=("band",),
        role="check",
    )


def contact_list(
    listed: ContactList,
    *,
    words: Words,
    pseudonyms: pl.Series,
    owners: pl.Series,
    as_of: date,
    last: Result | None = None,
    with_margin: bool = True,
) -> ActionList:
    """Name whom to contact first, each with the own reason, and say who is held back and what came of the last list.

    Parameters
    ----------
    listed : chosen by `scoring.contact_list.choose` from overdue upper members.
    pseudonyms, owners : of the chosen, in their order; an owner may be null.
    as_of : the report's day; due dates count from it.
    with_margin : the value at stake is margin; else net sales, and the column says so.
    """
    form = words.format
    rows = listed.chosen
    reasons = [
        words("customer_value.actions.reason", gap=form.number(gap), days=form.count(days))
        for gap, days in rows.select("gap_days", "days_since").iter_rows()
    ]
    band = rows["band"].cast(pl.String).to_list()
    table = pl.DataFrame(
        {
            "customer_id": pseudonyms,
            "tier": rows["tier"],
            "reason": pl.Series(reasons, dtype=pl.String),
            "at_risk_minor" if with_margin else "at_risk_net_minor": rows["at_risk_minor"],
            "suggestion": pl.Series(
                [_suggestion(words, tier, b) for tier, b in zip(rows["tier"], band, strict=True)], dtype=pl.String
            ),
            "owner": owners.fill_null(words("customer_value.actions.no_owner")),
            "due_on": pl.Series([as_of + timedelta(days=DUE_DAYS[b]) for b in band], dtype=pl.Date),
        }
    )  # fmt: skip
    control = "held" if listed.held_back.height else "none"
    headline = words(
        f"customer_value.actions.headline.{'some' if listed.found else 'nobody'}",
        shown=form.count(table.height),
        found=form.count(listed.found),
    )
    note = words(f"customer_value.actions.control.{control}", control=form.count(listed.held_back.height))
    return ActionList(
        headline=headline,
        table=table,
        view=views.readable(table, words=words),
        note=f"{note} {_outcome(last, words)}".strip(),
        row_key=("customer_id",),
    )


def _suggestion(words: Words, tier: str, band: str) -> str:
    own = f"customer_value.actions.do.{tier}.{band}"
    return words(own if words.has(own) else f"customer_value.actions.do.other.{band}")


def _outcome(last: Result | None, words: Words) -> str:
    if last is None or not last.listed:
        return words("customer_value.actions.last.first")
    form = words.format
    kind = "control" if last.control else "alone"
    return words(
        f"customer_value.actions.last.{kind}",
        listed=form.count(last.listed),
        came=form.count(last.came),
        rate=form.share(last.rate),
        low=form.share(last.low),
        high=form.share(last.high),
        control=form.count(last.control),
        control_came=form.count(last.control_came),
    )


def _proof(overdue: Overdue, words: Words) -> str:
    form = words.format
    table = overdue.back_test
    late = table.filter(pl.col("band").cast(pl.String).is_in(BAND_NAMES[2:]))
    calm = table.row(0, named=True)
    n = int(late["customers"].sum())
    if not n:
        return words("customer_value.overdue.sure.untested", times=form.number(BANDS[1]))
    return words(
        "customer_value.overdue.sure.tested",
        times=form.number(BANDS[1]),
        customers=form.count(n),
        late=form.share(int(late["stayed_away"].sum()) / n),
        calm=form.share(calm["rate"]),
        days=str(AHEAD_DAYS),
    )


def _verdict(members: int, late: int, share: float) -> tuple[str, Status]:
    if not members:
        return "no_rhythm", "none"
    if not late:
        return "none", "ok"
    return "late", "fail" if share >= OVERDUE_FAIL else "warn" if share >= OVERDUE_WARN else "ok"


def _by_band(members: pl.DataFrame) -> pl.DataFrame:
    counted = members.group_by("band").agg(
        customers=pl.len().cast(pl.Int64),
        margin_minor=pl.col("margin_minor").sum(),
        at_risk_minor=pl.col("at_risk_minor").fill_null(0).sum(),
    )
    return (
        pl.DataFrame({"band": pl.Series(BAND_NAMES, dtype=pl.Enum(BAND_NAMES))})
        .join(counted, on="band", how="left", maintain_order="left")
        .with_columns(pl.exclude("band").fill_null(0))
    )
