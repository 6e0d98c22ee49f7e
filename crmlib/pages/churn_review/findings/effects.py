"""Did winning back work, against those left alone, for whom, and what did it earn net."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.churn.winback.uplift import CELLS
from crmlib.churn.winback.winback import power
from crmlib.churn.winback.winback_cells import Cells
from crmlib.churn.winback.winback_lists import SCHEMA, TOGETHER
from crmlib.kit.charts import intervals
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.shared import churn_tables as views

HOLDOUT = 0.15
CELL_VERDICTS = ("pick", "disturb")
SHOWN = {"held_out": "left_alone", "net_minor": "net_profit_minor", "cost_minor": "list_cost_minor"}
STATUS = {"works": "ok", "pick": "ok", "harms": "fail", "disturb": "fail", "unclear": "warn"}


def winback(table: pl.DataFrame, *, words: Words, days: int, cells: Cells | None = None) -> Finding:
    """The effect of the lists, only where people were left alone by lot; else how many came, and no word of effect.

    Parameters
    ----------
    table : from `crmlib.churn.winback.winback_lists.read_lists`.
    days : window of the read-out.
    cells : from `crmlib.churn.winback.winback_cells.read_cells`; the four cells lead the headline where
        one of them is clear.
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
    fitted = cells.table if cells is not None and one is not None else None
    kind = _by_cell(fitted) or kind
    sent = table.filter(pl.col("list") != TOGETHER)
    values: dict[str, object] = {
        "lists": form.count(sent.height),
        "treated": form.count(int(sent["treated"].sum())),
        "held": form.count(int(sent["held_out"].sum())),
        "came": form.count(int(sent["came_treated"].sum())),
        "days": days,
    }
    if one is not None:
        values |= _read(one, words)
    money = _money(one)
    if cells is not None and fitted is not None:
        values |= _said(cells, words)
        table = pl.concat([table, _as_lists(fitted)])
        money = kind if kind in CELL_VERDICTS else money
    codes = table["list"].to_list()
    names = [words(f"churn_review.winback.row.{n}") if n in (TOGETHER, *CELLS) else n for n in codes]
    named = table.with_columns(pl.Series("list", names, dtype=pl.String), pl.col("list").alias("code"))
    seen = "churn_review.winback.seen" if one is not None else "churn_review.winback.seen_none"
    sure = [words("churn_review.winback.sure" if one is not None else "churn_review.winback.sure_none", **values)]
    if cells is not None and fitted is not None:
        sure.append(words(f"churn_review.winback.{'cells_few' if cells.missing else 'cells_sure'}", **values))
    return Finding.worded(
        "churn_review.winback",
        kind,
        values,
        words=words,
        key="churn.winback",
        status=STATUS.get(kind, "none"),  # type: ignore[arg-type]
        table=table.rename(SHOWN),
        view=views.show(
            named.select(pl.exclude("closed", "extra", "code")).rename(SHOWN),
            words=words,
        ),
        chart=intervals.intervals(_points(named, words), words=words, title=words("churn.chart.effect"), percent=True)
        if judged.height
        else None,
        seen=words(seen, **values),
        sure=words("churn_review.winback.join").join(sure),
        do=words(f"churn_review.winback.do.{money}", **values),
        value_minor=one["net_minor"] if one and kind != "unclear" else None,
        row_key=("list",),
    )


def _read(one: dict[str, Any], words: Words) -> dict[str, object]:
    """What the list, or all together, showed against those left alone."""
    form, rate = words.format, one["came_held_out"] / one["held_out"]
    plan = power(people=300, holdout=HOLDOUT, base=rate)
    return {
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
        "needed": form.count(_two_digits(_needed(one["effect"], rate))),
    }


def _money(one: dict[str, Any] | None) -> str:
    if one is None:
        return "hold_out"
    if one["net_minor"] is None:
        return "no_money"
    return "gain" if one["net_low_minor"] > 0 else "loss" if one["net_high_minor"] < 0 else "unclear"


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


def _two_digits(people: int | None) -> int | None:
    """As exact as such a number can be."""
    return None if people is None else round(people, 2 - len(str(people)))


def _by_cell(cells: pl.DataFrame | None) -> str | None:
    """What the cells say where one is clear: contacting all loses what the persuadable earn; or contact drives away."""
    if cells is None or cells.is_empty():
        return None
    mine = cells.row(by_predicate=pl.col("cell") == "persuadable", named=True)
    away = cells.row(by_predicate=pl.col("cell") == "do_not_disturb", named=True)
    if mine["net_low_minor"] is not None and mine["net_low_minor"] > 0 > _rest(cells):
        return "pick"
    return "disturb" if away["high"] is not None and away["high"] < 0 else None


def _rest(cells: pl.DataFrame) -> int:
    return int(cells.filter(pl.col("cell") != "persuadable")["net_minor"].sum())


def _said(cells: Cells, words: Words) -> dict[str, object]:
    form = words.format
    said: dict[str, object] = {"people": form.count(cells.people), "missing": form.count(cells.missing)}
    if cells.missing:
        return said
    by = {row["cell"]: row for row in cells.table.iter_rows(named=True)}
    mine, away = by["persuadable"], by["do_not_disturb"]
    return said | {
        "cell_people": form.count(mine["treated"]),
        "cell_net": form.money(mine["net_minor"]),
        "cell_low": form.money(mine["net_low_minor"]),
        "cell_high": form.money(mine["net_high_minor"]),
        "rest": form.money(abs(_rest(cells.table))),
        "away": form.count(away["treated"]),
        "away_effect": form.share(None if away["effect"] is None else abs(away["effect"])),
    }


def _as_lists(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells as rows of the table of lists, after all lists together."""
    extra = pl.col("effect") * pl.col("treated")
    rows = cells.with_columns(extra.alias("extra"), pl.lit(value=True).alias("closed"), pl.lit(None).alias("sent_on"))
    return rows.rename({"cell": "list"}).select(pl.col(n).cast(t) for n, t in SCHEMA.items())


def _points(named: pl.DataFrame, words: Words) -> pl.DataFrame:
    label = [
        words("churn_review.winback.label", effect=words.format.change(e), n=words.format.count(n))
        for e, n in named.select("effect", "treated").rows()
    ]
    together = pl.col("code") == TOGETHER
    shown = named.with_columns(pl.Series("label", label, dtype=pl.String), together.alias("together")).drop_nulls(
        "effect"
    )
    if shown["code"].is_in(CELLS).any():  # for whom it works is the question then; the single lists stay in the table
        shown = shown.filter(together | pl.col("code").is_in(CELLS))
    return shown.select("low", "high", "label", name="list", value="effect", tone=toned(~pl.col("together")))
