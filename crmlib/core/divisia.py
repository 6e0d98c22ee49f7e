"""Why a value differs between two periods: volume, mix and price, without a rest, class by class.

Source: Ang (2005), "The LMDI approach to decomposition analysis", Energy Policy 33(7), 867-871. For a good with value
v and quantity q above 0 in both periods, w = L(v1, v0), the logarithmic mean, and with Q the sum of q over the goods of
one class and s = q / Q

    v1 − v0 = w·ln(Q1/Q0) + w·ln(s1/s0) + w·ln(p1/p0)          volume, mix, price.

Quantities of different units never meet: kilograms and packs are classes of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats, Ints, run_starts, whole_parts, whole_rows

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


def parts(v0: Floats, q0: Floats, v1: Floats, q1: Floats, starts: Ints) -> tuple[Floats, Floats]:
    """Volume, mix and price part of Σ v1 − v0 of each class, shape (classes, 3), and Σ w, shape (classes,).

    v0, q0, v1, q1 : all > 0, shape (goods,), sorted by class; starts : first good of each class, shape (classes,).

    Examples
    --------
    >>> goods = {"v0": [1e5, 1e5], "q0": [100.0, 50.0], "v1": [88e3, 171e3], "q1": [80.0, 90.0]}
    >>> parts(**{name: np.array(values) for name, values in goods.items()}, starts=np.array([0]))[0].round(1).tolist()
    [[28313.5, 28527.7, 2158.8]]
    """
    w = log_mean(v1, v0)
    grown = np.log(np.add.reduceat(q1, starts) / np.add.reduceat(q0, starts))
    weight = np.add.reduceat(w, starts)
    mix = np.add.reduceat(w * np.log(q1 / q0), starts) - weight * grown
    price = np.add.reduceat(w * np.log(v1 / q1 * (q0 / v0)), starts)
    return np.column_stack([weight * grown, mix, price]), weight


def kinds(goods: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """`goods` with `kind`: both (all of `columns` > 0), odd (in both periods, but not so), new, gone; by v0 and v1."""
    there, here = pl.col("v0").is_not_null(), pl.col("v1").is_not_null()
    good = pl.min_horizontal(*columns) > 0
    kind = pl.when(there & here & good).then(pl.lit("both")).when(there & here).then(pl.lit("odd"))
    return goods.with_columns(kind=kind.when(here).then(pl.lit("new")).otherwise(pl.lit("gone")))


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
    table = kinds(goods, ("v0", "q0", "v1", "q1"))

    def exact(both: pl.DataFrame, starts: Ints) -> tuple[Floats, Floats]:
        v0, q0, v1, q1 = (both[c].to_numpy().astype(np.float64) for c in ("v0", "q0", "v1", "q1"))
        return parts(v0, q0, v1, q1, starts)

    gap = pl.col("v1").fill_null(0) - pl.col("v0").fill_null(0)
    return told(table.with_columns(gap=gap), by=by, causes=PARTS, exact=exact)


def told(
    goods: pl.DataFrame,
    *,
    by: Sequence[str],
    causes: Sequence[str],
    exact: Callable[[pl.DataFrame, Ints], tuple[Floats, Floats]],
) -> pl.DataFrame:
    """Rows by class and cause in whole units: `causes` from `exact`, then new, gone, odd.

    Parameters
    ----------
    goods : the columns of `by`, kind (of `kinds`), gap [minor units].
    exact : parts (classes, causes) and Σ w (classes,) of goods of kind both, sorted by class, with the classes' starts.
    """
    keys = list(by)
    sums = {k: pl.col("gap").filter(pl.col("kind") == k).sum() for k in ("both", "new", "gone", "odd")}
    classes = goods.group_by(keys, maintain_order=True).agg(**sums).with_row_index("__class")
    both = goods.filter(pl.col("kind") == "both").join(
        classes.select(*keys, "__class"), on=keys, nulls_equal=True, maintain_order="left"
    )
    both = both.sort("__class", maintain_order=True)
    of_class = both["__class"].to_numpy().astype(np.int64)
    whole, weight = np.zeros((classes.height, len(causes)), dtype=np.int64), np.zeros(classes.height)
    if both.height:
        starts = run_starts(of_class)
        found = of_class[starts]
        sizes, weight[found] = exact(both, starts)
        whole[found] = whole_rows(sizes, classes["both"].to_numpy()[found])
    wide = classes.with_columns(
        *(pl.Series(name, whole[:, n]) for n, name in enumerate(causes)), weight=pl.Series(weight)
    )
    order = [*causes, "new", "gone", "odd"]
    long = wide.unpivot(on=order, index=["__class", *keys, "weight"], variable_name="cause", value_name="gap_minor")
    place = pl.col("cause").replace_strict(order, range(len(order)), return_dtype=pl.Int64)
    return long.sort("__class", place).select(*keys, "cause", "gap_minor", "weight")


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
