"""Whom to invite: the first sentence, cells, means, what the list can show, the list itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import intervals
from crmlib.kit.finding import ActionList, Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.outreach.cells import Expected
from crmlib.outreach.money import Z
from crmlib.outreach.register import Filed
from crmlib.pages.shared.churn_wording import means_in_words
from crmlib.pages.shared.points_wording import points

SHOWN = 50
REACHED = ("sms", "call", "email")
WEEK = 7


def answer(listed: pl.DataFrame, filed: Filed, expected: Expected, named: pl.DataFrame, *, words: Words) -> Answer:
    """Name the people, the good most of them are invited with, and the expected net or that it is not known."""
    form = words.format
    first = listed.group_by("product_1").len().sort("len", "product_1", descending=[True, False])
    good = str(first["product_1"][0]) if first.height else ""
    names = dict(named.select("product_id", "goods").iter_rows())
    values = {
        "count": form.count(listed.height), "control": form.count(filed.of("control").height),
        "goods": names.get(good, good), "net": form.money(expected.net_minor), "low": form.money(expected.low_minor),
        "high": form.money(expected.high_minor), "shows": points(filed.plan.shows, words),
    }  # fmt: skip
    against = "unknown" if expected.net_minor is None else "range"
    weak = "" if filed.plan.measurable else words("invitations.weak", **values)
    figures = [
        Figure(words("invitations.figure.invited"), form.count(listed.height), key="invited", amount=listed.height,
               comparison=words("invitations.figure.control", **values)),
        Figure(
            words("invitations.figure.net"), form.money(expected.net_minor), key="net",
            amount=expected.net_minor or 0, money=True,
            comparison=words(f"invitations.figure.{against}", **values),
            tone="good" if (expected.low_minor or 0) > 0 else "neutral",
        ),
        Figure(words("invitations.figure.shows"), values["shows"], key="shows",
               tone="neutral" if filed.plan.measurable else "bad", amount=filed.plan.shows),
    ]  # fmt: skip
    return Answer(words(f"invitations.answer.{kind_of(expected)}", **values) + weak, tuple(figures))


def kind_of(expected: Expected) -> str:
    """What earlier lists say of this one."""
    if expected.net_minor is None:
        return "unknown"
    if (expected.low_minor or 0) > 0:
        return "pays"
    return "costs" if (expected.high_minor or 0) < 0 else "open"


def cells(
    effects: pl.DataFrame, listed: pl.DataFrame, expected: Expected, *, words: Words, objective: str, margin: float,
    cost_minor: int,
) -> Finding:  # fmt: skip
    """Net of one contact in each cell with its interval, and how many of the list stand in it.

    Parameters
    ----------
    effects : from `members.cell_effects` [minor units a head]. margin : of a unit of spend [share].
    """
    form = words.format
    mine = effects.filter(pl.col("objective") == objective)
    counts = listed.group_by("tier", "recency").len("members")
    rows = mine.join(counts, on=["tier", "recency"])
    each = pl.col("effect_minor") * margin - cost_minor
    half = Z * pl.col("se_minor") * margin
    rows = rows.with_columns(net=each, low=each - half, high=each + half).sort("tier", "recency")
    cell = [words("invitations.cell", tier=t, recency=words(f"invitations.recency.{r}"))
            for t, r in rows.select("tier", "recency").iter_rows()]  # fmt: skip
    whole = [c.round().cast(pl.Int64) for c in (pl.col("net"), pl.col("low"), pl.col("high"))]
    table = rows.select(
        pl.Series("cell", cell, dtype=pl.String), pl.col("members").cast(pl.Int64), pl.col("lists"),
        net_each_minor=whole[0], net_low_minor=whole[1], net_high_minor=whole[2],
    )  # fmt: skip
    kind = kind_of(expected)
    best = rows.filter(pl.col("low") > 0).height
    values = {
        "count": form.count(rows.height), "sure": form.count(best), "net": form.money(expected.net_minor),
        "low": form.money(expected.low_minor), "high": form.money(expected.high_minor),
        "known": form.count(expected.known), "people": form.count(expected.people),
        "objective": words(f"invitations.parameter.objective.choice.{objective}"),
        "lists": form.count(int(mine["lists"].max()) if mine.height else 0),  # type: ignore[arg-type]
    }  # fmt: skip
    alike = rows.height > 1 and table["net_each_minor"].n_unique() == 1
    seen = words(f"invitations.cells.seen.{kind}", **values) + (words("invitations.cells.alike") if alike else "")
    per = MINOR_PER_UNIT[form.currency]
    bars = rows.select(
        pl.Series("name", cell, dtype=pl.String), value=pl.col("net") / per, low=pl.col("low") / per,
        high=pl.col("high") / per,
    ).with_columns(pl.Series("label", [form.money(m) for m in table["net_each_minor"]], dtype=pl.String))  # fmt: skip
    return Finding.worded(
        "invitations.cells", kind, values, words=words,
        status={"pays": "ok", "costs": "fail"}.get(kind, "none"),  # type: ignore[arg-type]
        table=table, seen=seen, view=views.readable(table, words=words) if table.height else None,
        chart=intervals.intervals(bars, words=words, title=words("invitations.axis.net")) if rows.height else None,
        value_minor=expected.net_minor, row_key=("cell",),
    )  # fmt: skip


def means(counts: pl.DataFrame, *, words: Words) -> Finding:
    """By which means, by consent and caps; the headline says how many cannot be written to."""
    form = words.format
    total = int(counts["members"].sum())
    reached = int(counts.filter(pl.col("means").is_in(REACHED))["members"].sum())
    asked = int(counts.filter(pl.col("means") == "ask")["members"].sum())
    kind = "nobody" if not total else "ask" if asked == total else "some" if reached < total else "all"
    values = {
        "total": form.count(total), "reached": form.count(reached), "rest": form.count(total - reached),
        "share": form.share(reached / total if total else None),
    }  # fmt: skip
    table = counts.select(means_in_words(counts["means"], words), "members")
    return Finding.worded(
        "invitations.means", kind, values, words=words, status="warn" if kind == "ask" else "none", table=table,
        view=views.readable(table, words=words) if table.height else None, row_key=("means",),
    )  # fmt: skip


def power(filed: Filed, *, words: Words, base: float, planned: float) -> Finding:
    """Amber where the list cannot show what is hoped for; said before sending."""
    form, plan = words.format, filed.plan
    control = filed.of("control").height
    kind = "shows" if plan.measurable else "weak"
    values = {
        "people": form.count(plan.people), "control": form.count(control),
        "share": form.share(plan.control_bp / 10_000),
        "shows": points(plan.shows, words), "planned": points(planned, words), "base": form.share(base),
    }  # fmt: skip
    steps = filed.draws.select(draw_step=pl.col("step").cast(pl.String), members="recipients", left_out="left_out")
    away = filed.of("season").height
    seen = words("invitations.power.seen", **values)
    seen += words("invitations.power.away", count=form.count(away)) if away else ""
    return Finding.worded(
        "invitations.power", kind, values, words=words, seen=seen, status="ok" if plan.measurable else "warn",
        table=steps, view=views.readable(steps, words=words), row_key=("draw_step",),
    )  # fmt: skip


def listed(
    rows: pl.DataFrame, named: pl.DataFrame, stores: Mapping[str, str], *, words: Words, pseudonyms: pl.Series,
    as_of: date,
) -> ActionList:  # fmt: skip
    """One line a member, best first.

    Parameters
    ----------
    rows : `Study.listed`. pseudonyms : of the members, in order.
    """
    form = words.format
    goods = {p: (g, c) for p, g, c in named.iter_rows()}
    none = words("page.none")
    told, place, when = [], [], []
    for row in rows.iter_rows(named=True):
        wanted = [row[f"product_{n}"] for n in (1, 2, 3) if row[f"product_{n}"]]
        told.append(words("invitations.join").join(goods.get(p, (p, ""))[0] for p in wanted))
        shop = stores.get(row["store_id"], row["store_id"] or none)
        shelf = goods.get(row["product_1"], ("", None))[1]
        place.append(words("invitations.place", store=shop, shelf=shelf) if shelf else shop)
        when.append(none if row["weekday"] is None else words(
            "invitations.when", day=words(f"invitations.weekday.d{row['weekday']}"),
            slot=words(f"invitations.slot.{row['send_slot']}"),
        ))  # fmt: skip
    table = pl.DataFrame({
        "customer_id": pseudonyms, "invited_with": pl.Series(told, dtype=pl.String),
        "p_buy": rows["p"], "when": pl.Series(when, dtype=pl.String), "invite_at": pl.Series(place, dtype=pl.String),
        "sent_by": means_in_words(pl.Series(["sms"] * rows.height, dtype=pl.String), words),
        "tier": rows["tier"], "owner": rows["owner"].fill_null(none),
        "due_on": pl.Series([as_of + timedelta(days=WEEK)] * rows.height, dtype=pl.Date),
    })  # fmt: skip
    kind = "none" if not rows.height else "all" if rows.height <= SHOWN else "capped"
    values = {"count": form.count(rows.height), "shown": form.count(min(rows.height, SHOWN))}
    return ActionList(
        headline=words(f"invitations.list.headline.{kind}", **values), table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None,
        note=words("invitations.list.note"), row_key=("customer_id",),
    )  # fmt: skip
