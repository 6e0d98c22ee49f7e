"""Where every promotion stands: the answer, the calendar, and what meets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.promotion_desk import charts
from crmlib.pages.shared.promotion_wording import in_words, mechanic, named
from crmlib.promotion.books.board import STAGES
from crmlib.promotion.watch.running import Running

WAITING = ("submitted", "draft")


def soon_of(board: pl.DataFrame, days: int) -> pl.DataFrame:
    """Promotions that begin within so many days."""
    ahead = pl.col("stage").is_in(["approved", *WAITING])
    return board.filter(ahead, pl.col("days_to") <= days)


def answer(board: pl.DataFrame, live: list[Running], whole: dict[str, Any], *, soon: int, words: Words) -> Answer:
    """What runs, what comes, and where the most money is."""
    form = words.format
    next_ = soon_of(board, soon)
    waiting = next_.filter(pl.col("stage").is_in(WAITING)).height
    closed = board.filter(pl.col("stage") == "closed")
    known = closed["reserved_minor"].is_not_null().all()  # not on a page of some regions, nor without books
    held = int(closed["reserved_minor"].fill_null(0).sum())
    over = sum(max(r.projected_discount_minor - (r.budget_minor or 0), 0) for r in live if r.budget_minor)
    net = whole["net_margin_minor"]
    lost = -net if whole["advice"] == "stop" else 0
    money, most = max(
        (0, "calm" if known else "open"), (over, "over"), (held, "held"), (lost, "lost"), key=lambda pair: pair[0]
    )
    values = {
        "running": form.count(len(live)),
        "soon": form.count(next_.height),
        "days": form.count(soon),
        "waiting": form.count(waiting),
        "over": form.money(over),
        "held": form.money(held),
        "closed": form.count(closed.height),
        "lost": form.money(lost),
        "events": form.count(whole["events"] - whole["dark"]),
        "low": form.money(whole["net_margin_low_minor"]),
        "high": form.money(whole["net_margin_high_minor"]),
    }
    begins = "waiting" if waiting else "ready" if next_.height else "none"
    told = [
        words(f"promotion_desk.answer.{'now' if live else 'rest'}", **values),
        words(f"promotion_desk.answer.begins.{begins}", **values),
        words(f"promotion_desk.answer.most.{most}", **values),
    ]
    tones = {"repeat": "good", "stop": "bad"}
    return Answer(
        sentence="".join(told),
        figures=(
            Figure(words("promotion_desk.figure.running"), values["running"], key="running", amount=len(live)),
            Figure(
                words("promotion_desk.figure.soon", **values), values["soon"],
                words(f"promotion_desk.figure.{begins}", **values), "bad" if waiting else "neutral", "soon",
                next_.height,
            ),
            Figure(
                words("promotion_desk.figure.held"), form.money(held if known else None),
                words("promotion_desk.figure.closed", **values), "bad" if held else "neutral", "held", held, money=True,
            ),
            Figure(
                words("promotion_desk.figure.net"), form.money(net), words("promotion_desk.figure.range", **values),
                tones.get(whole["advice"], "neutral"), "net", net, money=True,  # type: ignore[arg-type]
            ),
        ),
        value_minor=money,
    )  # fmt: skip


def calendar(
    found: pl.DataFrame,
    addresses: dict[str, str],
    *,
    as_of: date,
    soon: int,
    words: Words,
    forms: Mapping[str, str] = MappingProxyType({}),
) -> Finding:
    """All promotions on a calendar; promotion_id → where it is looked at, and where one that waits is moved on."""
    form = words.format
    next_ = soon_of(found, soon)
    wild = found.filter(pl.col("stage") == "unapproved").height
    late = next_.filter(pl.col("stage").is_in(WAITING)).height
    kind = "none" if found.is_empty() else "wild" if wild else "late" if late else "fine"
    values = {
        "all": form.count(found.height), "wild": form.count(wild), "late": form.count(late), "days": form.count(soon),
        **{k: form.count(found.filter(pl.col("stage") == k).height) for k in STAGES},
    }  # fmt: skip
    status: Status = {"wild": "fail", "late": "warn", "fine": "ok"}.get(kind, "none")  # type: ignore[assignment]
    bars = found.sort("first_day", "promotion_id").select(
        name=pl.Series(
            [f"{r['first_day']:%m-%d} {named(r, words)}" for r in found.iter_rows(named=True)], dtype=pl.String
        ),
        first_day="first_day",
        after=pl.col("last_day") + timedelta(days=1),
        kind="stage",
        stage=pl.Series([words(f"promotion_desk.stage.{s}") for s in found["stage"]], dtype=pl.String),
    )
    table = found.drop("stores", "products").sort("first_day", "promotion_id", descending=[True, False])
    view = in_words(table, words, {"stage": "promotion_desk.stage", "mechanic": "promotion.mechanic"})
    view = view.rename({"budget_minor": "event_budget_minor"}).with_columns(
        address=pl.Series([addresses.get(i, "") for i in table["promotion_id"]], dtype=pl.String),
        form=pl.Series([forms.get(i, "") for i in table["promotion_id"]], dtype=pl.String),
    )
    order = ["name", "stage", "mechanic", "depth", "category", "first_day", "last_day", "days_to", "event_budget_minor"]
    view = view.select(*order, "reserved_minor", "address", "form")
    return Finding.worded(
        "promotion_desk.calendar",
        kind,
        values,
        words=words,
        key="promotion.calendar",
        status=status,
        table=table,
        view=views.readable(view, words=words, links={"name": "address", "stage": "form"}),
        seen=words("promotion_desk.calendar.seen", **values)
        + (words("promotion_desk.calendar.leads") if any(addresses.values()) else "")
        + (words("promotion_desk.calendar.forms") if any(forms.values()) else ""),
        chart=charts.calendar(bars, today=as_of, words=words) if bars.height else None,
        row_key=("name", "first_day"),
    )


def meetings(found: pl.DataFrame, board: pl.DataFrame, *, words: Words) -> Finding:
    """Promotions that meet on the same goods, stores and days; found: `board.meetings`."""
    called = {r["promotion_id"]: f"{named(r, words)} {mechanic(r, words)}" for r in board.iter_rows(named=True)}
    every = words("promotion_desk.meetings.all")
    counts = {
        c: pl.Series([every if v is None else words.format.count(v) for v in found[c]], dtype=pl.String)
        for c in ("stores", "products")
    }
    said = {c: pl.Series([called[i] for i in found[c]], dtype=pl.String) for c in ("one", "other")}
    return Finding.worded(
        "promotion_desk.meetings",
        "some" if found.height else "none",
        {"count": words.format.count(found.height)},
        words=words,
        key="promotion.meetings",
        status="warn" if found.height else "ok",
        table=found,
        view=views.readable(found.with_columns(**said, **counts), words=words) if found.height else None,
    )
