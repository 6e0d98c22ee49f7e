"""Pages made lightly, for tests in which their readers, words and mornings are looked at, and no estimate is."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from altair.utils import schemapi
from markupsafe import Markup

from crmlib.churn import league
from crmlib.churn.models import additive, boosted
from crmlib.clv.forecast import intervals, posterior
from crmlib.clv.judge import backtest
from crmlib.clv.seasonal import lifetime_calendar
from crmlib.customers.groups import needs
from crmlib.promotion.lift import carry
from crmlib.report import drawing
from crmlib.report.html import cards
from crmlib.report.html.content import TableBlock
from crmlib.sites import choose as laws
from crmlib.sites.market import Market

DRAWS, SAMPLE = 20, 200


def draws(patch: pytest.MonkeyPatch) -> None:
    """Fewer draws, samples, members of a season, trees and searches; two models of lifetime, two laws of distance."""
    spaced = intervals.spaced

    def few(theta: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
        return spaced(theta, min(n, DRAWS))

    patch.setattr(intervals, "spaced", few)
    patch.setattr(lifetime_calendar, "SAMPLE", SAMPLE)
    patch.setattr(backtest, "CANDIDATES", ("bg_nbd", "mbg_nbd"))
    for module, name, few_of in (
        (posterior, "ENOUGH", 500), (posterior, "ROUNDS", 1), (posterior, "CHAIN_WARM", 100),
        (posterior, "CHAIN_LENGTH", 500), (posterior, "MOST", 2_000), (league, "ORIGINS", 4),
        (additive, "ROUNDS", 40), (boosted, "ROUNDS", 20), (boosted, "MOST_ROUNDS", 30), (carry, "MAX_EVALUATIONS", 25),
    ):  # fmt: skip
        patch.setattr(module, name, few_of)
    choose = laws.choose

    def simple(town: Market, *, past: laws.Past | None, rng: np.random.Generator, draws: int) -> laws.Choice:
        return choose(town, past=past, rng=rng, forms=("power", "exponential"), nests=(False,), draws=min(draws, DRAWS))

    patch.setattr(laws, "choose", simple)
    stability = needs._stability

    def thrice(points: npt.NDArray[np.float64], k: int, *, rng: np.random.Generator, samples: int) -> Any:
        return stability(points, k, rng=rng, samples=min(samples, 3))

    patch.setattr(needs, "_stability", thrice)


def some(*, members: int | pl.Expr, others: int) -> pl.Expr:
    """Lines of one in so many members, whole, and of one in so many receipts without a card."""
    carded, bare = pl.col("customer_id").hash(1) % members == 0, pl.col("receipt_id").hash(1) % others == 0
    return pl.when(pl.col("customer_id").is_null()).then(bare).otherwise(carded)


def undrawn(patch: pytest.MonkeyPatch, *, data: bool = True) -> None:
    """Charts neither checked against the schema nor drawn: pictures are other tests' affair.

    With `data`, what a chart shows stands on its page.
    """

    def order(self: drawing.Drawer, chart: Any, *, language: str, key: str = "chart") -> Future[drawing.Drawing]:
        drawn: Future[drawing.Drawing] = Future()
        vega = json.dumps(chart.to_dict(validate=False), default=str, ensure_ascii=False) if data else "{}"
        drawn.set_result(drawing.Drawing(svg="<svg></svg>", vega=vega.replace("<", "&lt;")))
        return drawn

    patch.setattr(schemapi, "DEBUG_MODE", False)  # Altair converts and checks each piece of a chart as it is made
    patch.setattr(drawing.Drawer, "order", order)
    patch.setattr(drawing.Drawer, "start", lambda self: None)


def unset(patch: pytest.MonkeyPatch) -> None:
    """Cards without their tables and workbooks, for tests that read sentences and records."""
    patch.setattr(cards, "_table", lambda *_: TableBlock(markup=Markup("")))
