"""Did winning back work, against those left alone, and what did it earn net."""

from __future__ import annotations

import polars as pl

from crmlib.charts import churn as pictures
from crmlib.churn.winback import power
from crmlib.churn.winback_lists import TOGETHER
from crmlib.findings.finding import Finding
from crmlib.tables import churn as views
from crmlib.text import Words

HOLDOUT = 0.15


def winback(table: pl.DataFrame, *, words: Words, days: int) -> Finding:
    """The effect of the lists, only where people were left alone by lot; else how many came, and no word of effect.

    Parameters
    ----------
    table : from `crmlib.churn.winback_lists.read_lists`.
    days : window of the read-out.
    """
    form = words.format
    total = table.filter(pl.col("list") == TOGETHER)
    judged = table.drop_nulls("effect")
    one = (
        (total if total.height and total["effect"][0] is not None else judged.tail(1)).row(0, named=True)
        if judged.height
        else None
    )
    kind = "none" if table.is_empty() else _verdict(one)
    held = table["held_out"].sum()
    sent = table.filter(pl.col("list") != TOGETHER)
    values: dict[str, object] = {
        "lists": form.count(sent.height),
        "treated": form.count(int(sent["treated"].sum())),
        "held": form.count(int(sent["held_out"].sum())),
        "came": form.count(int(sent["came_treated"].sum())),
        "days": days,
    }
    money = "no_money"
    if one is not None:
        rate = one["came_held_out"] / one["held_out"]
        plan = power(people=300, holdout=HOLDOUT, base=rate)
        values |= {
            "effect": form.share(one["effect"]),
            "low": form.share(one["low"]),
            "high": form.share(one["high"]),
            "alone": form.share(rate),
            "contacted": form.share(one["came_treated"] / one["treated"]),
            "cost": form.money(one["cost_minor"]),
            "net": form.money(one["net_minor"]),
            "net_low": form.money(one["net_low_minor"]),
            "net_high": form.money(one["net_high_minor"]),
            "detectable": form.share(plan.detectable),
            "needed": form.count(_needed(one["effect"], rate)),
        }
        if one["net_minor"] is not None:
            money = "gain" if one["net_low_minor"] > 0 else "loss" if one["net_high_minor"] < 0 else "unclear"
    names = [words("churn.winback.together") if n == TOGETHER else n for n in table["list"].to_list()]
    named = table.with_columns(pl.Series("list", names, dtype=pl.String))
    headline = words(f"churn.winback.headline.{kind}", **values)
    seen = "churn.winback.seen" if one is not None else "churn.winback.seen_none"
    return Finding(
        key="churn.winback",
        status={"works": "ok", "harms": "fail", "unclear": "warn"}.get(kind, "none"),  # type: ignore[arg-type]
        headline=headline,
        table=table,
        view=views.show(named.select(pl.exclude("closed", "extra")).rename({"held_out": "left_alone"}), words=words),
        chart=pictures.effects(_points(named, words, form_share=form.share), words=words) if judged.height else None,
        alt=headline,
        note_seen=words(seen, **values),
        note_sure=words("churn.winback.sure" if held else "churn.winback.sure_none", **values),
        note_do=words(f"churn.winback.do.{money if one is not None else 'hold_out'}", **values),
        value_minor=one["net_minor"] if one else None,
        row_key=("list",),
    )


def _verdict(one: dict[str, object] | None) -> str:
    if one is None:
        return "no_holdout"
    low, high = float(str(one["low"])), float(str(one["high"]))
    return "works" if low > 0 else "harms" if high < 0 else "unclear"


def _needed(effect: float, base: float) -> int | None:
    """People a list needs to show an effect of this size with 80 % power, by doubling."""
    if effect <= 0:
        return None
    people = 100
    while people < 1_000_000 and power(people=people, holdout=HOLDOUT, base=base).detectable > effect:
        people = round(people * 1.1)
    return people


def _points(named: pl.DataFrame, words: Words, *, form_share: object) -> pl.DataFrame:
    label = [
        words("churn.winback.label", effect=words.format.change(e), n=words.format.count(n))
        for e, n in named.select("effect", "treated").rows()
    ]
    together = pl.col("list") == words("churn.winback.together")
    shown = named.with_columns(pl.Series("label", label, dtype=pl.String), together.alias("together")).drop_nulls(
        "effect"
    )
    return shown.select(pl.col("list").alias("name"), "effect", "low", "high", "label", "together")
