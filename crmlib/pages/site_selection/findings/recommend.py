"""The recommendation: which sites, what they bring together, and how much better than the rule of thumb."""

from __future__ import annotations

from functools import partial

import polars as pl

from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Limits, Status, Tone
from crmlib.kit.words import Words
from crmlib.pages.shared import sites_tables as views
from crmlib.pages.site_selection import charts
from crmlib.pages.site_selection.findings.wording import interval, joined, months, on_axis, why_none
from crmlib.sites.plan import Plan
from crmlib.sites.study import Town

LEASE_WARN, LEASE_FAIL = 0.7, 0.5
"""Chance that all chosen sites together pay back before the first lease ends: below, amber; below, red."""
SAME = 0.02
"""Profits closer than this (share of ours) count as no better than the rule of thumb."""
RENT_SLACK = 1.0
"""A rent above so many times the affordable one is too high."""


def answer(plan: Plan, town: Town, *, words: Words) -> Answer:
    """Say which sites to open and what they bring."""
    form, row = words.format, plan.together.row(0, named=True)
    if not plan.chosen:
        return Answer(words(f"site_selection.answer.{why_none(plan)}", count=form.count(plan.table.height)))
    values = {
        "count": form.count(len(plan.chosen)),
        "names": joined(plan.chosen, town.names, words),
        "net": form.money(plan.net_minor),
        "profit": form.money(plan.profit_minor),
        "payback": months(row["payback_p50"], words),
    }
    better: Tone = "good" if plan.better_low_minor > 0 else "bad" if plan.better_high_minor < 0 else "neutral"
    paid: Tone = "good" if row["p_lease"] >= LEASE_WARN else "bad" if row["p_lease"] < LEASE_FAIL else "neutral"
    whole = partial(form.share, digits=0)
    figures = (
        Figure(
            words("site_selection.figure.net"), form.money(plan.net_minor),
            interval(plan.net_low_minor, plan.net_high_minor, words), "neutral", "net", plan.net_minor, money=True,
        ),
        Figure(
            words("site_selection.figure.profit"), form.money(plan.profit_minor),
            words("site_selection.figure.capex", capex=form.money(plan.capex_minor)),
            "neutral" if plan.profit_minor > 0 else "bad", "profit", plan.profit_minor, money=True,
        ),
        Figure(
            words("site_selection.figure.payback"), months(row["payback_p50"], words),
            words("site_selection.figure.chances", p12=whole(row["p_12"]), p24=whole(row["p_24"])),
            paid, "payback", row["payback_p50"],
        ),
        Figure(
            words("site_selection.figure.better"), form.money(plan.better_minor),
            interval(plan.better_low_minor, plan.better_high_minor, words), better, "better", plan.better_minor,
            money=True,
        ),
    )  # fmt: skip
    return Answer(words("site_selection.answer.open", **values), figures)


def recommendation(plan: Plan, town: Town, *, words: Words) -> Finding:
    """Say what the chosen sites bring together, and compare them with the sites the rule of thumb would open."""
    form = words.format
    kind = _kind(plan)
    over = plan.alone_net_minor / plan.net_minor - 1 if plan.net_minor else 0.0
    together = plan.together.row(0, named=True)
    values = {
        "count": form.count(len(plan.chosen)),
        "names": joined(plan.chosen, town.names, words),
        "net": form.money(plan.net_minor),
        "net_interval": interval(plan.net_low_minor, plan.net_high_minor, words),
        "profit": form.money(plan.profit_minor),
        "better": form.money(abs(plan.better_minor)),
        "better_interval": interval(plan.better_low_minor, plan.better_high_minor, words),
        "feel": joined(plan.experience, town.names, words),
        "gap": form.share(max(plan.gap, 0.0)),
        "over": form.share(over),
        "p24": form.share(together["p_24"], digits=0),
        "p12": form.share(together["p_12"], digits=0),
        "p_lease": form.share(together["p_lease"], digits=0),
        "lease": form.count(together["lease_months"]),
    }
    table = plan.curve.with_columns(better_minor=pl.col("profit_minor") - pl.col("feel_minor"))
    return Finding.worded(
        "site_selection.recommendation",
        kind,
        values,
        words=words,
        key="sites.recommendation",
        status=_status(plan, together["p_lease"]),
        table=table,
        view=views.plain(table, words=words),
        chart=charts.profit_curve(_curve(plan, words), words=words),
        do=words(f"site_selection.recommendation.do.{'open' if plan.chosen else kind}", **values),
        value_minor=plan.profit_minor,
        row_key=("k",),
    )


def actions(plan: Plan, town: Town, *, words: Words) -> ActionList:
    """What to do about each chosen site, and about the two next best: sign, or negotiate down to an affordable rent."""
    chosen = plan.table.filter(pl.col("choice").is_not_null())
    spare = plan.table.filter(pl.col("choice").is_null() & (pl.col("profit_minor") > 0)).head(2)
    judge = town.ramp.month_to_judge if town.ramp else 12
    rows = [
        {
            "site_id": row["site_id"],
            "name": town.names.get(row["site_id"], row["site_id"]),
            "advice": _advice(row, words),
            "profit_minor": row["profit_minor"],
            "rent_minor_month": row["rent_minor_month"],
            "affordable_minor_month": row["affordable_minor_month"],
            "p_lease": row["p_lease"],
            "judge": words("site_selection.actions.judge", month=str(judge)),
        }
        for row in pl.concat([chosen, spare]).iter_rows(named=True)
    ]
    table = pl.DataFrame(rows, schema_overrides={"affordable_minor_month": pl.Int64})
    view = views.plain(table.drop("site_id"), words=words) if rows else None
    return ActionList(
        headline=words(
            "site_selection.actions.headline", count=words.format.count(chosen.height), spare=str(spare.height)
        ),
        table=table,
        view=view,
        note=words("site_selection.actions.note"),
        row_key=("site_id",),
    )


def limits(plan: Plan, town: Town, *, words: Words) -> Limits:
    """What the page cannot tell."""
    keys = ["future", "quality", "per_head"] + ([] if town.rivals_known else ["no_rivals"])
    far = plan.table.filter(pl.col("extrapolated") != "").height
    extra = (words("site_selection.limits.extrapolated", count=words.format.count(far)),) if far else ()
    return Limits((words("sites.limits.footfall"), *(words(f"site_selection.limits.{k}") for k in keys), *extra))


def _advice(row: dict[str, object], words: Words) -> str:
    """Sign, negotiate or keep in reserve."""
    rent, limit = row["rent_minor_month"], row["affordable_minor_month"]
    assert isinstance(rent, int) and isinstance(limit, int)
    dear = rent > limit * RENT_SLACK
    kind = "reserve" if row["choice"] is None else "negotiate" if dear else "sign"
    return words(f"site_selection.actions.{kind}", limit=words.format.money(limit))


def _kind(plan: Plan) -> str:
    if not plan.chosen:
        return why_none(plan)
    if abs(plan.better_minor) <= SAME * abs(plan.profit_minor):
        return "same"
    if plan.better_minor < 0:
        return "worse"
    return "better" if plan.better_low_minor > 0 else "perhaps"


def _status(plan: Plan, p_lease: float) -> Status:
    if not plan.chosen:
        return "none"
    return "ok" if p_lease >= LEASE_WARN else "fail" if p_lease < LEASE_FAIL else "warn"


def _curve(plan: Plan, words: Words) -> pl.DataFrame:
    """Both rankings in one tidy frame; the asked number and the last one are labelled."""
    last = plan.curve["k"].max()
    rows = []
    for who, column in (("ours", "profit_minor"), ("feel", "feel_minor")):
        for k, amount in plan.curve.select("k", column).iter_rows():
            shown = k in (plan.goal.k, last)
            rows.append(
                {
                    "k": k,
                    "who": words(f"site_selection.recommendation.{who}"),
                    "amount": on_axis(amount, words),
                    "label": words.format.money(amount) if shown else "",
                }
            )
    return pl.DataFrame(rows)
