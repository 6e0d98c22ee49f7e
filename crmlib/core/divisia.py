"""Why a value differs between two periods: volume, mix and price, without a rest, class by class.

Source: Ang (2005), "The LMDI approach to decomposition analysis", Energy Policy 33(7), 867-871. For a good with value
v and quantity q above 0 in both periods, w = L(v1, v0), the logarithmic mean, and with Q the sum of q over the goods of
one class and s = q / Q

    v1 − v0 = w·ln(Q1/Q0) + w·ln(s1/s0) + w·ln(p1/p0)          volume, mix, price.

Quantities of different units never meet: kilograms and packs are classes of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats, whole_parts

PARTS = ("volume", "mix", "price")
CAUSES = (*PARTS, "new", "gone", "odd")
"""Beside the three parts: goods of one period only, and goods with a value or quantity of 0 or less."""


def log_mean(a: Floats, b: Floats) -> Floats:
    """L(a, b) = (a − b) / ln(a / b), a where both are equal; both > 0, shape (n,).

    Examples
    --------
    >>> log_mean(np.array([2.0, 3.0]), np.array([1.0, 3.0])).round(4).tolist()
    [1.4427, 3.0]
    """
    x = np.log(a / b)
    near = np.abs(x) < 1e-5  # L = b (1 + x/2 + x²/6 + …): here the quotient would lose its digits
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(near, b * (1 + x / 2 + x * x / 6), (a - b) / np.where(near, 1.0, x))


def parts(v0: Floats, q0: Floats, v1: Floats, q1: Floats) -> tuple[float, float, float, float]:
    """Volume, mix and price part of Σ v1 − v0 for the goods of one class, and Σ w; all > 0, shape (goods,), goods ≥ 1.

    Examples
    --------
    >>> goods = {"v0": [1e5, 1e5], "q0": [100.0, 50.0], "v1": [88e3, 171e3], "q1": [80.0, 90.0]}
    >>> [round(part, 1) for part in parts(**{name: np.array(values) for name, values in goods.items()})[:3]]
    [28313.5, 28527.7, 2158.8]
    """
    w = log_mean(v1, v0)
    grown = math.log(q1.sum() / q0.sum())
    volume = float(w.sum()) * grown
    mix = float((w * (np.log(q1 / q0) - grown)).sum())
    price = float((w * np.log(v1 / q1 * (q0 / v0))).sum())
    return volume, mix, price, float(w.sum())


def split(goods: pl.DataFrame, *, by: Sequence[str]) -> pl.DataFrame:
    """Split of each class: the columns of `by`, cause (in the order of `CAUSES`), gap_minor, weight (Σ w of the class).

    Parameters
    ----------
    goods : one row per class and good: the columns of `by`, v0, q0, v1, q1 [whole units], null where the good is absent
        in that period.

    Returns
    -------
    Six rows per class; they add up to Σ v1 − Σ v0 of the class exactly.
    """
    there, here = pl.col("v0").is_not_null(), pl.col("v1").is_not_null()
    both = there & here
    good = pl.min_horizontal("v0", "q0", "v1", "q1") > 0
    kind = pl.when(both & good).then(pl.lit("both")).when(both).then(pl.lit("odd"))
    table = goods.with_columns(kind=kind.when(here).then(pl.lit("new")).otherwise(pl.lit("gone")))
    rows = []
    for key, of_class in table.group_by(list(by), maintain_order=True):
        groups = {str(k): g for (k,), g in of_class.group_by("kind")}
        gaps, weight = _causes(groups)
        rows += [(*key, cause, gap, weight) for cause, gap in gaps.items()]
    named = {name: goods.schema[name] for name in by}
    schema = {**named, "cause": pl.String(), "gap_minor": pl.Int64(), "weight": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _causes(groups: Mapping[str, pl.DataFrame]) -> tuple[dict[str, int], float]:
    """Whole minor units of each cause, from the goods by kind (both, new, gone, odd), and Σ w."""
    gaps, weight = dict.fromkeys(CAUSES, 0), 0.0
    for kind, goods in groups.items():
        gap = int(goods["v1"].sum() or 0) - int(goods["v0"].sum() or 0)
        if kind == "both":
            *exact, weight = parts(*(goods[name].to_numpy().astype(np.float64) for name in ("v0", "q0", "v1", "q1")))
            gaps.update(zip(PARTS, whole_parts(np.array(exact), gap).tolist(), strict=True))
        else:
            gaps[kind] = gap
    return gaps, weight


def finer(gap: int, ratios: Mapping[str, float], *, weight: float) -> dict[str, int]:
    """The volume part of a gap in the factors whose product the growth of Q is, whole and without a rest.

    Parameters
    ----------
    gap : volume part [minor units], weight · Σ ln(ratio) up to rounding.
    ratios : factor now ÷ then by name, > 0 (stores, days per store, receipts per store-day, units per receipt).
    weight : Σ w of the class [minor units], as `split` gives it.

    Examples
    --------
    >>> finer(0, {"stores": 2.0, "units": 0.5}, weight=100.0)
    {'stores': 69, 'units': -69}
    """
    exact = np.array([weight * math.log(r) for r in ratios.values()])
    return dict(zip(ratios, whole_parts(exact, gap).tolist(), strict=True))
