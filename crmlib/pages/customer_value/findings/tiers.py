"""How far sales hang on few customers, and who rose, fell or stayed away."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.customer_value import charts
from crmlib.pages.customer_value import tables as views
from crmlib.scoring.migration import NONE, Migration
from crmlib.scoring.pyramid import Pyramid

MOST = 0.5
"""From this share on, the upper tiers hold "most" of the sales; all members are counted, so no interval is needed."""
SOME = 0.25
"""From here on sales are "concentrated to a degree"; below they are spread out."""
NEAR = 0.9
"""A member at 90 % of a threshold is near it."""
LOST_WARN, LOST_FAIL = 0.10, 0.25
"""Share of last period's upper tiers that did not buy: from here on amber, red."""
KEPT = 0.5
"""Below this share of kept first-tier members the movement is amber."""


def concentration(pyramid: Pyramid, *, words: Words, start: date, end: date) -> Finding:
    """Say which share of sales the upper tiers hold.

    Parameters
    ----------
    pyramid : tiers of the period from `start` to `end`, both included.
    """
    upper = _upper(pyramid)
    rows = pyramid.tiers.filter(pl.col("tier").is_in(upper))
    held = _held(pyramid, upper)
    few = float(rows["share_customers"].sum())
    kind = "most" if held >= MOST and few < MOST else "some" if held >= max(SOME, few) and few < MOST else "spread"
    form = words.format
    values = {
        "tiers": words("scoring.join").join(upper),
        "share_customers": form.share(few),
        "share_net": form.share(held),
    }
    first = pyramid.tiers.row(0, named=True)
    near, nothing = _near(pyramid), int(pyramid.tiers["not_positive"].sum())
    done = "threshold" if first["threshold_minor"] is not None and near > 0 else "no_threshold"
    return Finding.worded(
        "customer_value.concentration",
        kind,
        values,
        words=words,
        key="scoring.pyramid",
        status="none",
        table=pyramid.tiers,
        view=views.tiers(pyramid.tiers, words=words),
        chart=charts.concentration(pyramid.tiers, words=words),
        seen=words(
            "customer_value.concentration.seen_negative" if nothing else "customer_value.concentration.seen",
            customers=form.count(pyramid.customers.height),
            rest=pyramid.tiers["tier"][-1],
            rest_share=form.share(pyramid.tiers["share_net"][-1]),
            not_positive=form.count(nothing),
        ),
        sure=words("customer_value.concentration.sure", start=form.day(start), end=form.day(end)),
        do=words(
            f"customer_value.concentration.do.{done}",
            tier=first["tier"],
            threshold=form.money(first["threshold_minor"]),
            near=form.count(near),
        ),
        row_key=("tier",),
    )


def migration(moves: Migration, *, words: Words, start: date, end: date, full: bool = True) -> Finding:
    """Say whether the upper tiers held since the last period, and what went with those who stayed away.

    Parameters
    ----------
    moves : movement from the previous period to the one from `start` to `end`.
    full : the data cover the whole previous period; else the note says they do not, and there is no verdict.
    """
    form = words.format
    tiers = [t for t in moves.table["tier_now"].unique(maintain_order=True) if t != NONE]
    upper, first = tiers[: min(2, len(tiers) - 1)], tiers[0]
    were = moves.customers.filter(pl.col("tier_before").is_in(upper))
    lost = were.filter(pl.col("tier_now") == NONE)
    firsts = were.filter(pl.col("tier_before") == first)
    kept = _share(int((firsts["tier_now"] == first).sum()), firsts.height)
    share_lost = _share(lost.height, were.height)
    kind, status = _verdict(were.height, share_lost, kept)
    sure = words("customer_value.migration.sure", start=form.day(start), end=form.day(end))
    values = {
        "tiers": words("scoring.join").join(upper),
        "first": first,
        "kept": form.share(kept),
        "fell": form.share(1 - kept),
        "lost": form.count(lost.height),
        "share_lost": form.share(share_lost),
        "money": form.money(int(lost["net_before_minor"].sum())),
    }
    return Finding.worded(
        "customer_value.migration",
        kind,
        values,
        words=words,
        key="scoring.migration",
        status=status if full else "none",
        table=moves.table,
        view=views.migration(moves.table, words=words),
        chart=charts.migration(moves.table, words=words),
        seen=words(
            "customer_value.migration.seen",
            start=form.count(moves.active_start),
            new=form.count(moves.new),
            won_back=form.count(moves.won_back),
            lost=form.count(moves.lost),
            end=form.count(moves.active_end),
        ),
        sure=sure if full else words("customer_value.migration.partial", sure=sure),
        do=words("customer_value.migration.do.lost" if lost.height else "customer_value.migration.do.held", **values),
        value_minor=int(lost["net_before_minor"].sum()),
        row_key=("tier_before", "tier_now"),
    )


def answer(
    pyramid: Pyramid,
    moves: Migration,
    *,
    words: Words,
    late: pl.DataFrame | None = None,
    basis: str = "margin",
    reserve: tuple[str, str] = ("", "good"),
    full: bool = True,
) -> Answer:
    """The upper customers whom to look after first, and the four figures that matter.

    Parameters
    ----------
    pyramid, moves : this period's tiers, and the movement from the previous period into it.
    late : upper members who are late, with at_risk_minor; with it the sentence speaks of those on the action list.
    basis : what is at risk: margin, or sales where no cost is known.
    reserve : what must be said beside that money (`churn_wording.reserve`).
    full : the data cover the whole previous period; else figures are not compared with it.
    """
    form = words.format
    upper = _upper(pyramid)
    lost = moves.customers.filter(pl.col("tier_before").is_in(upper), pl.col("tier_now") == NONE)
    count, money = lost.height, int(lost["net_before_minor"].sum())
    if late is not None:
        count, money = late.height, int(late["at_risk_minor"].sum())
    kind = _answer_kind(pyramid, moves, upper=upper, count=count, late=late is not None)
    net, before = int(pyramid.customers["net_minor"].sum()), int(moves.customers["net_before_minor"].sum())
    tiers = words("scoring.join").join(upper)
    first = pyramid.tiers.row(0, named=True)
    what = words(f"customer_value.overdue.what.{basis}")
    sentence = words(
        f"customer_value.answer.{kind}", tiers=tiers, lost=form.count(count), money=form.money(money), what=what,
        customers=form.count(moves.active_end), net=form.money(net), share=form.share(_held(pyramid, upper)),
    )  # fmt: skip
    return Answer(
        sentence=sentence + (reserve[0] if kind == "overdue" and reserve[1] != "good" else ""),
        figures=(
            _against(
                words("customer_value.figure.net"),
                form.money(net),
                net,
                before if full else 0,
                key="net_minor",
                words=words,
            ),
            _against(
                words("customer_value.figure.customers"),
                words("scoring.persons", count=form.count(moves.active_end)),
                moves.active_end,
                moves.active_start if full else 0,
                key="customers",
                words=words,
            ),
            Figure(
                label=words("customer_value.figure.first_share", tier=first["tier"]),
                value=form.share(first["share_net"]),
                comparison=words("customer_value.figure.first_customers", customers=form.count(first["customers"])),
                key="first_share",
                amount=first["share_net"],
            ),
            Figure(
                label=words("customer_value.figure.lost" if late is None else "churn.late.figure", tiers=tiers),
                value=words("scoring.persons", count=form.count(count)),
                comparison=words("customer_value.figure.lost_money", money=form.money(money), what=what)
                if late is None
                else words("churn.late.money", money=form.money(money), basis=what),
                tone="bad" if count else "good",
                key="lost" if late is None else "late",
                amount=float(count),
            ),
        ),
    )


def _answer_kind(pyramid: Pyramid, moves: Migration, *, upper: list[str], count: int, late: bool) -> str:
    """What can be said first: who is overdue or lost, else that all are there, or that nothing can be compared."""
    if count:
        return "overdue" if late else "lost"
    if int(pyramid.customers["net_minor"].sum()) <= 0:
        return "none"
    if late:
        return "rhythm"
    if moves.customers.filter(pl.col("tier_before").is_in(upper)).is_empty():
        return "first"
    return "held"


def _held(pyramid: Pyramid, upper: list[str]) -> float:
    """Share of sales of the upper tiers."""
    return float(pyramid.tiers.filter(pl.col("tier").is_in(upper))["share_net"].fill_null(0).sum())


def _against(label: str, value: str, now: int, before: int, *, key: str, words: Words) -> Figure:
    """A figure beside its change on the period before; a fall is never good."""
    return Figure(
        label=label,
        value=value,
        comparison=words("customer_value.figure.against", change=words.format.change(_change(now, before)))
        if before > 0
        else words("customer_value.figure.partial"),
        tone="good" if now > before > 0 else "bad" if now < before else "neutral",
        key=key,
        amount=float(now),
        money=key.endswith("_minor"),
    )


def _upper(pyramid: Pyramid) -> list[str]:
    """The tiers a planner calls the upper ones: the first two, or the only one above the rest."""
    return pyramid.tiers["tier"].to_list()[: min(2, len(pyramid.shares))]


def _near(pyramid: Pyramid) -> int:
    threshold = pyramid.cuts[0]
    if threshold is None:
        return 0
    net = pyramid.customers["net_minor"]
    return int(((net < threshold) & (net >= NEAR * threshold)).sum())


def _verdict(were: int, share_lost: float, kept: float) -> tuple[str, Status]:
    if not were:
        return "nobody", "none"
    if share_lost >= LOST_WARN:
        return "lost", "fail" if share_lost >= LOST_FAIL else "warn"
    return ("fell", "warn") if kept < KEPT else ("held", "ok")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _change(now: int, before: int) -> float | None:
    return now / before - 1 if before > 0 else None
