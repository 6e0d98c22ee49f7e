"""After the event: what to do next time."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.promotion_review.findings.review import grounds
from crmlib.pages.shared.promotion_wording import mechanic, named, units
from crmlib.promotion.verdict import ADVICE, doubt, verdict

CAPACITY = 12


def actions(events: pl.DataFrame, *, words: Words, capacity: int = CAPACITY) -> ActionList:
    """What to do with each recent promotion: repeat, change, stop, or measure properly; by money at stake."""
    rows = []
    for event in events.iter_rows(named=True):
        kind, why = verdict(event), doubt(event)
        at_stake = (
            abs(event["net_margin_minor"] or 0)
            if event["net_margin_minor"] is not None and kind != "unclear"
            else event["discount_minor"] or 0
        )
        reason = words(
            f"promotion_review.action.reason.{kind}",
            net=words.format.money(None if event["net_margin_minor"] is None else abs(event["net_margin_minor"])),
            units=units(event["lift_milli"], words),
            low=words.format.money(event["net_margin_low_minor"]),
            high=words.format.money(event["net_margin_high_minor"]),
            discount=words.format.money(event["discount_minor"]),
            why=words(f"promotion_review.doubt.{why}") if why else "",
            **grounds(event, words),
        )
        rows.append(
            {
                "promotion_id": event["promotion_id"],
                "name": named(event, words),
                "first_day": event["first_day"],
                "mechanic": mechanic(event, words),
                "advice": words(f"promotion_review.action.{ADVICE[kind]}"),
                "reason": reason,
                "stake_minor": at_stake,
            }
        )
    table = pl.DataFrame(rows).sort("stake_minor", "promotion_id", descending=[True, False]).head(capacity)
    headline = words(
        "promotion_review.action.headline", shown=words.format.count(table.height), all=words.format.count(len(rows))
    )
    return ActionList(
        headline=headline,
        table=table,
        view=views.readable(table.drop("promotion_id"), words=words),
        note=words("promotion_review.action.note"),
        row_key=("name", "first_day"),
    )
