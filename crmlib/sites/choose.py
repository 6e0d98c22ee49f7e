"""Which decay form, and is there an own-brand nest? Decided by held-out flows first, by past openings where they tie.

A wrong form hides in gross revenue but biases net revenue by 20 to 40 %. Every form is fitted on 80 % of the cells;
the Poisson deviance on the others ranks them. Forms within 2 % of the best are told apart by what past openings took
from old stores, and among equals the simpler form wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.sites import backtest, huff
from crmlib.sites.backtest import Backtest
from crmlib.sites.decay import FORMS, Form
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Market

HELD_OUT = 0.2
NEAR = 0.02  # held-out deviances this close (relative) do not decide
EQUAL_BIAS = 0.02  # net biases this close do not decide either
ORDER = {"power": 0, "exponential": 1, "offset": 2, "spline": 3}


@dataclass(frozen=True, slots=True)
class Past:
    """The market before some openings, the market after them, and the stores that opened between."""

    before: Market
    after: Market
    opened: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen fit on all flows; one row per form tried; the back-test of the chosen form, if there were openings.

    trials : form, nested, deviance (held-out, per visit), slope, net_bias (null without openings), chosen, failed.
    """

    fit: HuffFit
    trials: pl.DataFrame
    backtest: Backtest | None


def choose(
    market: Market,
    *,
    past: Past | None,
    rng: np.random.Generator,
    forms: tuple[Form, ...] = FORMS,
    nests: tuple[bool, ...] | None = None,
    draws: int = 200,
) -> Choice:
    """Try every form with and without the nest, and fit the chosen one on everything.

    Parameters
    ----------
    market : the market of today.
    past : openings to judge by; none if there are fewer than three.
    nests : whether to try the own-brand nest. By default both, but only the plain logit without a competitor layer:
        a nest would then stand in for the unknown rivals and bias net revenue by some −40 %.

    Raises
    ------
    ModelError
        `sites.calibration_failed` if no form gives a usable fit.
    """
    held_out = rng.random(len(market.cell_ids)) < HELD_OUT
    rows = []
    last_error: ModelError | None = None
    for form, nested in product(forms, nests or ((False, True) if market.rivals.ids else (False,))):
        try:
            rows.append(_trial(market, form, nested, held_out))
        except ModelError as error:
            last_error = error
            rows.append({"form": form, "nested": nested, "deviance": None, "slope": None})
    trials = pl.DataFrame(
        rows, schema={"form": pl.String, "nested": pl.Boolean, "deviance": pl.Float64, "slope": pl.Float64}
    )
    usable = trials.drop_nulls("deviance")
    if usable.is_empty():
        raise last_error or AssertionError("no form was tried")
    near = usable.filter(pl.col("deviance") <= pl.col("deviance").min() * (1 + NEAR))
    tests = {} if past is None else _tests(past, near, draws=draws, rng=rng)
    form, nested = _decide(near, tests)
    bias = [tests[f, n].net_bias if (f, n) in tests else None for f, n in trials.select("form", "nested").rows()]
    return Choice(
        fit=huff.fit(market, form=form, nested=nested),
        trials=trials.with_columns(
            net_bias=pl.Series(bias, dtype=pl.Float64),
            chosen=(pl.col("form") == form) & (pl.col("nested") == nested),
            failed=pl.col("deviance").is_null(),
        ),
        backtest=tests.get((form, nested)),
    )


def _trial(market: Market, form: Form, nested: bool, held_out: huff.Bools) -> dict[str, object]:  # noqa: FBT001
    use = np.broadcast_to(~held_out[:, None], market.visits.shape)
    fitted = huff.fit(market, form=form, nested=nested, use=use)
    mean = huff.expected_visits(market, fitted)
    deviance = huff.deviance(market.visits, mean, np.broadcast_to(held_out[:, None], mean.shape).astype(float))
    return {"form": form, "nested": nested, "deviance": deviance, "slope": fitted.slope}


def _tests(past: Past, near: pl.DataFrame, *, draws: int, rng: np.random.Generator) -> dict[tuple[str, bool], Backtest]:
    """Back-tests of the forms that the flows cannot tell apart."""
    out = {}
    for form, nested in near.select("form", "nested").rows():
        try:
            fitted = huff.fit(past.before, form=form, nested=nested)
            out[form, nested] = backtest.run(past.before, fitted, past.after, past.opened, draws=draws, rng=rng)
        except ModelError as error:
            if error.code == "sites.no_openings":
                return {}
    return out


def _decide(near: pl.DataFrame, tests: dict[tuple[str, bool], Backtest]) -> tuple[Form, bool]:
    """The simplest of the forms whose net bias on openings is within two points of the least."""
    rows = [(f, n) for f, n in near.select("form", "nested").rows() if not tests or (f, n) in tests]
    rows = rows or near.select("form", "nested").rows()
    bias = {key: abs(tests[key].net_bias) if key in tests else 0.0 for key in rows}
    least = min(bias.values())
    equal = [key for key in rows if bias[key] <= least + EQUAL_BIAS]
    form, nested = min(equal, key=lambda key: (key[1], ORDER[key[0]]))
    return form, nested
