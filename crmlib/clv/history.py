"""The purchase history of a set of customers: its contract, and its exact compression.

A purchase history has one row per customer: `x` repeat purchases [count], `t_x` time from the first to the last
purchase and `T` time from the first purchase to the end of the observed period, both in the same time unit. The
likelihood of every model here depends on nothing else, so equal rows are merged with a weight: ten million
customers of one season are a few thousand rows, and the fit is the same to the last bit that sums allow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.clv.numerics.arrays import Array
from crmlib.clv.numerics.compress import merge, pack, unpack
from crmlib.core.errors import ModelError, check_choice, mask
from crmlib.core.frames import AnyFrame, to_polars

Unit: TypeAlias = Literal["day", "week"]
DAYS_PER_UNIT: dict[str, int] = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True)
class PurchaseHistory:
    """Unique rows of a purchase history, sorted, with the number of customers that share each.

    Parameters
    ----------
    x, t_x, T : repeat purchases, time of the last one, age; shape (n_rows,).
    weight : customers with this row, shape (n_rows,).
    row_of : for each customer of the input the index of its row, shape (n_customers,); empty if not asked for.
    purchase, dropout : covariates of the purchase and the dropout process, shape (n_rows, number of names).
    purchase_names, dropout_names : their column names.
    unit : what one unit of `t_x` and `T` is.
    log_gaps : sum over all customers of the logs of the times between purchases [log unit], for models of regular
        buying; none where the history does not say.
    """

    x: Array
    t_x: Array
    T: Array
    weight: Array
    row_of: npt.NDArray[np.int64]
    purchase: Array
    dropout: Array
    purchase_names: tuple[str, ...]
    dropout_names: tuple[str, ...]
    unit: Unit
    log_gaps: float | None = None

    @property
    def n_rows(self) -> int:
        """Number of unique rows."""
        return len(self.x)

    @property
    def n_customers(self) -> int:
        """Number of customers."""
        return _total(self.weight)


def read(
    history: AnyFrame | PurchaseHistory,
    *,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    index: bool = True,
) -> PurchaseHistory:
    """Check a purchase history and compress it exactly; one that is compressed already passes through.

    Parameters
    ----------
    history : any frame with `x`, `t_x`, `T` (and the covariates); `customer_id` is used in messages only; a column
        `customers` gives the number who share a row of a table that is merged already; `log_gaps` each customer's
        sum of ln(time between purchases), see `crmlib.clv.estimate.regularity`.
    unit : unit of `t_x` and `T`.
    purchase, dropout : names of numeric covariate columns of the two processes.
    index : whether to keep each customer's row number (predictions need it, a fit does not).

    Raises
    ------
    ModelError
        `clv.no_rows`, `clv.broken_rows` (null, not finite, negative, t_x > T, …) with the first offenders.

    Examples
    --------
    >>> h = read(pl.DataFrame({"x": [1, 0, 1], "t_x": [2.0, 0.0, 2.0], "T": [5.0, 5.0, 5.0]}))
    >>> h.n_customers, h.n_rows, h.weight.tolist(), h.row_of.tolist()
    (3, 2, [1.0, 2.0], [1, 0, 1])
    """
    if isinstance(history, PurchaseHistory):
        return history
    names = list(dict.fromkeys([*purchase, *dropout]))
    frame = to_polars(history, needs=["x", "t_x", "T", *names], name="purchase_history")
    if frame.is_empty():
        check(frame)
    check_choice(unit, DAYS_PER_UNIT, name="unit")
    per, shared = DAYS_PER_UNIT[unit], _floats(frame["customers"]) if "customers" in frame.columns else None
    columns = {name: _floats(frame[name]) for name in ("x", "t_x", "T", *names)}
    keys = None if names else pack(*columns.values(), days_per_unit=per)
    if keys is None:
        rows, weight, row_of = merge(list(columns.values()), shared=shared, index=index)
    else:
        (merged,), weight, row_of = merge([keys], shared=shared, index=index)
        rows = list(unpack(merged, days_per_unit=per))
    unique = dict(zip(columns, rows, strict=True)) | {"weight": weight}
    whole = shared is None or bool((shared == np.floor(shared)).all())
    if not (whole and _sound(unique)):
        check(frame, covariates=names)
    n = len(unique["x"])
    return PurchaseHistory(
        x=unique["x"],
        t_x=unique["t_x"],
        T=unique["T"],
        weight=unique["weight"],
        row_of=row_of,
        purchase=np.column_stack([unique[c] for c in purchase]) if purchase else np.empty((n, 0)),
        dropout=np.column_stack([unique[c] for c in dropout]) if dropout else np.empty((n, 0)),
        purchase_names=tuple(purchase),
        dropout_names=tuple(dropout),
        unit=unit,
        log_gaps=_log_gaps(frame, shared),
    )


def _log_gaps(frame: pl.DataFrame, shared: Array | None) -> float | None:
    """The sum of the column `log_gaps` over all customers, if the history has it."""
    if "log_gaps" not in frame.columns:
        return None
    sums = np.nan_to_num(_floats(frame["log_gaps"]), nan=0.0)
    return float(sums.sum() if shared is None else sums @ shared)


def check(frame: pl.DataFrame, *, covariates: Sequence[str] = ()) -> None:
    """Refuse rows that are no purchase history, saying which rule is broken, how often, and by whom first."""
    if frame.is_empty():
        raise ModelError("clv.no_rows")
    rules = _rules(covariates, shared="customers" in frame.columns)
    counts = frame.select((~rule.fill_null(value=False)).sum().alias(name) for name, rule in rules.items())
    broken = {name: int(n) for name, n in counts.row(0, named=True).items() if n}
    if not broken:
        return
    bad = frame.filter(~pl.all_horizontal(rule.fill_null(value=False) for rule in rules.values()))
    first = bad.row(0, named=True)
    shown = {k: first[k] for k in ("x", "t_x", "T")}
    ids = [mask(i) for i in bad["customer_id"].head(5)] if "customer_id" in bad.columns else []
    raise ModelError(
        "clv.broken_rows", values={"rows": frame.height, "broken": str(broken), "first": str(shown)}, examples=ids
    )


def _sound(unique: dict[str, Array]) -> bool:
    """Whether every unique row keeps the rules: what holds for them holds for all customers."""
    x, t_x, age = unique["x"], unique["t_x"], unique["T"]
    kept = (x >= 0) & (x == np.floor(x)) & (t_x >= 0) & (t_x <= age) & ((x > 0) == (t_x > 0))
    return bool(
        kept.all() and (unique["weight"] >= 0).all() and all(np.isfinite(values).all() for values in unique.values())
    )


def _rules(covariates: Sequence[str], *, shared: bool) -> dict[str, pl.Expr]:
    x, t_x, age = (pl.col(c).cast(pl.Float64) for c in ("x", "t_x", "T"))
    rules = {
        "x is a whole number >= 0": x.is_finite() & (x >= 0) & (x == x.floor()),
        "0 <= t_x <= T": t_x.is_finite() & (t_x >= 0) & (t_x <= age),
        "T >= 0": age.is_finite() & (age >= 0),
        "t_x > 0 exactly where x > 0": (x > 0) == (t_x > 0),
    }
    if shared:
        people = pl.col("customers").cast(pl.Float64)
        rules["customers is a whole number >= 0"] = people.is_finite() & (people >= 0) & (people == people.floor())
    return rules | {f"{c} is a number": pl.col(c).cast(pl.Float64).is_finite() for c in covariates}


def _floats(column: pl.Series) -> Array:
    """A column as floats, NaN where it is null; without a query where it is numeric."""
    if not (column.dtype.is_integer() or column.dtype.is_float()):
        numbers = column.cast(pl.Float64, strict=False)
        if numbers.null_count() > column.null_count():
            raise ModelError("clv.not_numbers", values={"column": column.name, "type": str(column.dtype)})
        column = numbers
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _total(weight: Array) -> int:
    return int(weight.sum())


def scale_of(history: PurchaseHistory) -> tuple[float, float]:
    """Median age [unit] and repeat purchases per unit of time: what a first guess of the parameters needs."""
    age = float(np.median(history.T[history.T > 0]))
    return age, float(history.weight @ history.x) / max(float(history.weight @ history.T), 1e-12)


def data_hash(history: PurchaseHistory) -> str:
    """SHA-256 of the compressed rows: equal for equal data in any order."""
    digest = hashlib.sha256(f"{history.unit}|{history.purchase_names}|{history.dropout_names}".encode())
    for array in (history.x, history.t_x, history.T, history.weight, history.purchase, history.dropout):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


def sample(history: PurchaseHistory, *, customers: int) -> PurchaseHistory:
    """Every m-th customer in sorted order, about `customers` of them: a fair small copy to start a fit from."""
    step = max(history.n_customers // customers, 1)
    upto = np.cumsum(history.weight)
    taken = np.floor(upto / step) - np.floor((upto - history.weight) / step)
    keep = taken > 0
    return PurchaseHistory(
        x=history.x[keep],
        t_x=history.t_x[keep],
        T=history.T[keep],
        weight=taken[keep],
        row_of=np.empty(0, dtype=np.int64),
        purchase=history.purchase[keep],
        dropout=history.dropout[keep],
        purchase_names=history.purchase_names,
        dropout_names=history.dropout_names,
        unit=history.unit,
    )
