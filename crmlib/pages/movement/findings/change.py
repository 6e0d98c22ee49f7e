"""Where the change of sales came from: parts that add up, flows beyond chance, the tree of factors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from crmlib.core.money import minor_per_unit
from crmlib.kit.charts.labelled import bars
from crmlib.kit.finding import Answer, Figure, Finding, Status, Tone
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.movement.gain_loss import GainLoss
from crmlib.movement.periods import Period

Span = tuple[Period, Period]
SHOWN = ("no_card", "new", "lost", "more", "less")
"""Parts of the whole change; what moves between groups adds up to nothing."""
SMALL = 0.001
"""A flow of a smaller share of sales is not worth a sentence, however sure it is."""
DRAIN = 0.05
"""Amber if lost and less are this share of sales above what idle weeks show."""


def answer(change: GainLoss, left: pl.DataFrame, *, span: Span, names: Mapping[str, str], words: Words) -> Answer:
    """Say the change, its largest part, and the largest flow if one is beyond chance.

    Parameters
    ----------
    change : parts and flows of the change between the two periods of `span`.
    left : members who bought in the first period only.
    """
    form, whole = words.format, _whole(change)
    part = max(SHOWN, key=lambda name: abs(whole[name]))
    named = _worth(change)
    way = "up" if whole["delta"] > 0 else "down" if whole["delta"] < 0 else "same"
    sentence = words(
        f"movement.answer.{way}",
        money=form.money(abs(whole["delta"])),
        share=form.share(abs(whole["delta"]) / whole["before"]) if whole["before"] > 0 else words("page.none"),
        part=words(f"movement.part.{part}", money=form.money(abs(whole[part]))),
        flow=_flow(named, names, words),
        left=form.count(left.height),
    )
    figures = (
        Figure(words("movement.figure.delta"), words.format.gain(whole["delta"]), _span(span, words),
               _tone(whole["delta"]), key="delta", amount=whole["delta"], money=True),
        Figure(words("movement.figure.lost"), words.format.gain(whole["lost"]), words("movement.figure.people",
               count=form.count(change.lost)), _tone(whole["lost"]), key="lost", amount=whole["lost"], money=True),
        Figure(words("movement.figure.new"), words.format.gain(whole["new"]), words("movement.figure.people",
               count=form.count(change.new)), _tone(whole["new"]), key="new", amount=whole["new"], money=True),
        Figure(words("movement.figure.less"), words.format.gain(whole["less"]), key="less", amount=whole["less"],
               tone=_tone(whole["less"]), money=True),
    )  # fmt: skip
    return Answer(sentence, figures)


def no_answer(first: date | None, *, words: Words) -> Answer:
    """Say that there is nothing to compare with yet, or that no sale carries a member.

    Parameters
    ----------
    first : first day of members' sales; none without any.
    """
    if first is None:
        return Answer(words("movement.answer.no_members"))
    return Answer(words("movement.answer.short", day=words.format.day(first)))


def parts(change: GainLoss, noise: GainLoss, *, span: Span, names: Mapping[str, str], words: Words) -> Finding:
    """Split the change into parts that add up to it.

    Parameters
    ----------
    noise : the same between even and odd weeks: how much "lost" and "less" there is where nothing happened.
    """
    form, whole, idle = words.format, _whole(change), _whole(noise)
    drained, usual = (-(w["lost"] + w["less"]) / max(w["before"], 1) for w in (whole, idle))
    kind = "drain" if drained - usual > DRAIN else "usual"
    status: Status = "warn" if kind == "drain" else "none"
    table = change.groups.select(
        pl.col("group").replace(names).alias("moved_group"),
        pl.col("net_1_minor").alias("moved_before_minor"),
        pl.col("net_2_minor").alias("moved_after_minor"),
        *(pl.col(f"{p}_minor").alias(f"moved_{p}_minor") for p in ("delta", *SHOWN, "in", "out")),
    ).sort("moved_delta_minor")
    drawn = pl.DataFrame(
        {
            "name": [words(f"movement.name.{p}") for p in SHOWN],
            "value": [whole[p] / minor_per_unit(form.currency) for p in SHOWN],
            "label": [words.format.gain(whole[p]) for p in SHOWN],
        }
    )
    values = {
        "drained": form.share(drained),
        "usual": form.share(usual),
        "money": form.money(abs(whole["lost"] + whole["less"])),
        "excess": form.money(max(drained - usual, 0.0) * whole["before"]),
        "delta": words.format.gain(whole["delta"]),
        "span": _span(span, words),
    }
    return Finding.worded(
        "movement.parts",
        kind,
        values,
        words=words,
        status=status,
        table=table,
        view=readable(table, words=words),
        chart=bars(drawn, words=words, title=words("movement.axis")),
        value_minor=-round((drained - usual) * whole["before"]) if kind == "drain" else None,
        row_key=("moved_group",),
    )


def flows(change: GainLoss, noise: GainLoss, *, group: str, names: Mapping[str, str], words: Words) -> Finding:
    """Name the net flows between groups that chance does not explain.

    Parameters
    ----------
    group : what the groups are: category, brand or store.
    """
    form = words.format
    table = change.flows.with_columns(pl.col("from", "to").replace(names)).filter(pl.col("net_minor") > 0)
    named = _worth(change).with_columns(pl.col("from", "to").replace(names))
    switched, idle = (int(c.flows["gross_minor"].sum()) for c in (change, noise))
    base, idle_base = (max(_whole(c)["before"], 1) for c in (change, noise))
    kind = "named" if named.height else "chance"
    first: dict[str, Any] = named.row(0, named=True) if named.height else {"from": "", "to": "", "net_minor": 0}
    values = {
        "from": first["from"],
        "to": first["to"],
        "money": form.money(first["net_minor"]),
        "count": form.count(named.height),
        "switched": form.share(switched / base),
        "idle": form.share(idle / idle_base),
        "what": words(f"movement.what.{group}"),
    }
    shown = table.sort("net_minor", descending=True).select("from", "to", "net_minor", "gross_minor", "named")
    shown = shown.rename(
        {
            "from": "moved_from", "to": "moved_to", "net_minor": "moved_net_minor", "gross_minor": "moved_gross_minor",
            "named": "beyond_chance",
        }
    )  # fmt: skip
    drawn = named.head(8).select(
        name=pl.format("{} → {}", "from", "to"),
        value=pl.col("net_minor") / minor_per_unit(form.currency),
        label=pl.Series([form.money(m) for m in named["net_minor"].head(8)], dtype=pl.String),
    )
    return Finding.worded(
        "movement.flows",
        kind,
        values,
        words=words,
        status="none",
        table=shown,
        view=readable(shown, words=words),
        chart=bars(drawn, words=words, title=words("movement.axis")) if named.height else None,
        row_key=("moved_from", "moved_to"),
    )


def tree(factors: Mapping[str, int], *, words: Words) -> Finding:
    """Say which factor did most to members' sales.

    Parameters
    ----------
    factors : parts of the change of members' sales by factor [minor units]; they add up to it.
    """
    form = words.format
    total = sum(factors.values())
    most = max(factors, key=lambda name: abs(factors[name]))
    way = "up" if factors[most] >= 0 else "down"
    table = pl.DataFrame({"moved_factor": list(factors), "moved_minor": list(factors.values())})
    drawn = pl.DataFrame(
        {
            "name": [words(f"movement.factor.{name}") for name in factors],
            "value": [part / minor_per_unit(form.currency) for part in factors.values()],
            "label": [words.format.gain(part) for part in factors.values()],
        }
    )
    values = {"total": words.format.gain(total), "money": form.money(abs(factors[most]))}
    return Finding.worded(
        "movement.tree",
        f"{way}_{most}",
        values,
        words=words,
        status="none",
        table=table,
        view=readable(table, words=words, names={"moved_factor": "movement.factor"}),
        chart=bars(drawn, words=words, title=words("movement.axis")),
        do=words(f"movement.tree.do.{way}"),
        row_key=("moved_factor",),
        names={"moved_factor": "movement.factor"},
    )


def _whole(change: GainLoss) -> dict[str, int]:
    sums = {name: int(change.groups[f"{name}_minor"].sum()) for name in (*SHOWN, "delta")}
    return sums | {"before": int(change.groups["net_1_minor"].sum())}


def _worth(change: GainLoss) -> pl.DataFrame:
    """Flows beyond chance that are worth a sentence, the largest first."""
    least = SMALL * max(_whole(change)["before"], 1)
    return change.flows.filter("named", pl.col("net_minor") >= least).sort("net_minor", descending=True)


def _flow(named: pl.DataFrame, names: Mapping[str, str], words: Words) -> str:
    if named.is_empty():
        return words("movement.flow.none")
    row = named.row(0, named=True)
    ends = {"from": names.get(row["from"], row["from"]), "to": names.get(row["to"], row["to"])}
    return words("movement.flow.some", money=words.format.money(row["net_minor"]), **ends)


def _span(span: Span, words: Words) -> str:
    day = words.format.day
    first, second = (words("page.period", start=day(p.start), end=day(p.end)) for p in span)
    return words("movement.span", first=first, second=second)


def _tone(minor: int) -> Tone:
    return "good" if minor > 0 else "bad" if minor < 0 else "neutral"
