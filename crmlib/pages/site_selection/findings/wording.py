"""How amounts and lists of sites are said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.sites.plan import Plan


def axis_minor(words: Words) -> float:
    """Minor units of one step of a money axis: 10,000 yuan in Chinese, a thousand in English."""
    return 100 * words.format.locale.money.axis


def on_axis(minor: float | None, words: Words) -> float | None:
    """An amount in the unit of the chart's axis."""
    return None if minor is None else round(minor / axis_minor(words), 2)


MOST_NAMED = 5
"""Sites named in a sentence; the table has all."""


def joined(ids: Iterable[str], names: Mapping[str, str], words: Words) -> str:
    """Names of sites in one phrase, the first ones where they are many."""
    every = [names.get(i, i) for i in ids]
    told = words("page.join").join(every[:MOST_NAMED])
    return told if len(every) <= MOST_NAMED else words("site_selection.and_more", names=told, count=str(len(every)))


def why_none(plan: Plan) -> str:
    """Why no site was chosen: ``budget`` where some would earn their rent, else ``none``."""
    return "budget" if plan.table.filter(pl.col("profit_minor") > 0).height else "none"


def nothing(section: str, *, key: str, words: Words) -> Finding:
    """What a finding about the chosen sites says where none was chosen."""
    return Finding.worded(
        section,
        "nothing",
        {},
        words=words,
        key=key,
        status="none",
        table=pl.DataFrame(schema={"site_id": pl.String}),
        seen="",
        sure="",
        do=words("site_selection.recommendation.do.none"),
    )


def months(value: int | None, words: Words) -> str:
    """A payback time, or that there is none within ten years."""
    return words("site_selection.never") if value is None else words("site_selection.months", count=str(value))


def interval(low: float, high: float, words: Words) -> str:
    """An 80 % interval of money."""
    return words("site_selection.interval", low=words.format.money(low), high=words.format.money(high))
