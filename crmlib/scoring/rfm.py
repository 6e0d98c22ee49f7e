"""RFM by strict ranks: recency, frequency and monetary value in classes 1 … q, best is q.

    score(x) = 1 + floor(q · #{y < x} / n)          recency reversed

Equal values always get equal scores; a one-time buyer always has F = 1; the result does not depend on the order of
rows; empty classes are shown, never relabelled. The cut table can be frozen: only then does a change of score from
month to month mean that the customer changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame
from crmlib.core.members import check_values, members, nobody
from crmlib.scoring.pyramid import Ints

MEASURES = ("recency", "frequency", "monetary")
CLASSES = 5
MOST_CLASSES = 9
"""One digit per measure."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the classes begin, and under which definition they were cut.

    Parameters
    ----------
    table : measure, score, at_least (smallest value of the class in the data it was cut from; recency is minus the
        days since the last purchase; null for an empty class), customers.
    definition : e.g. ``"rfm;classes=5;days=364"``; cuts of another definition are refused.
    """

    table: pl.DataFrame
    definition: str


@dataclass(frozen=True, slots=True)
class Rfm:
    """Scores of one date.

    Parameters
    ----------
    customers : customer_id, recency_days, frequency, monetary_minor, r, f, m, rfm (the three digits in one string).
    classes : measure, score, at_least, customers (now in the class), one row per class, empty ones too.
    cuts : the cuts that were used, fresh or frozen.
    """

    customers: pl.DataFrame
    classes: pl.DataFrame
    cuts: Cuts


def rfm(
    frame: AnyFrame,
    *,
    as_of: date,
    classes: int = CLASSES,
    frozen: Cuts | None = None,
    definition: str = "",
    allow_empty: bool = False,
) -> Rfm:
    """Score every customer who bought: how recently, how often, for how much.

    Parameters
    ----------
    frame : customer_id, last_day_n [days since 1970], purchase_days [count], net_minor; one row per customer.
        Customers without a purchase day are left out.
    as_of : last day included; a later purchase is refused.
    frozen : cuts of an earlier date under the same definition; without it the classes are cut anew.
    definition : what else the numbers mean (window, region); part of what frozen cuts must share.
    allow_empty : allow more classes than distinct values; the classes nobody reaches stay empty.

    Raises
    ------
    ModelError
        `scoring.classes`, `scoring.future`, `scoring.too_many_classes`, `scoring.frozen_other`, and those of `members`.

    Examples
    --------
    >>> day = (date(2026, 1, 1) - date(1970, 1, 1)).days
    >>> bought = pl.DataFrame({"customer_id": ["a", "b", "c"], "last_day_n": [day, day - 9, day - 30],
    ...     "purchase_days": [9, 1, 1], "net_minor": [900, 20, 30]})
    >>> rfm(bought, as_of=date(2026, 1, 1), classes=3, allow_empty=True).customers["rfm"].to_list()
    ['333', '211', '112']
    """
    if classes not in range(1, MOST_CLASSES + 1):
        raise _classes_error(classes)
    table = members(frame, needs=("purchase_days", "net_minor"), present=("last_day_n",)).filter(
        pl.col("purchase_days") > 0
    )
    if table.is_empty():
        raise nobody("members")
    check_values(table, "last_day_n")
    today = day_number(as_of, name="as_of")
    _refuse_future(table, today)
    measured = table.select(
        "customer_id",
        recency=(pl.col("last_day_n").cast(pl.Int64) - today),
        frequency=pl.col("purchase_days").cast(pl.Int64),
        monetary=pl.col("net_minor").cast(pl.Int64),
    )
    name = f"rfm;classes={classes}" + (f";{definition}" if definition else "")
    cuts = frozen or Cuts(table=_cut_table(measured, classes, allow_empty=allow_empty), definition=name)
    if cuts.definition != name:
        raise _other_definition(cuts.definition, name)
    scores = {m: apply_cuts(measured[m].to_numpy(), _at_least(cuts, m)) for m in MEASURES}
    return Rfm(customers=_scored(measured, scores), classes=_classes(cuts, scores), cuts=cuts)


def class_cuts(values: Ints, *, classes: int) -> Ints:
    """Value to be exceeded for score 2 … classes, the ceil(k n / q)-th smallest each; shape (classes - 1,).

    The same as the strict rank: #{y < x} >= k exactly if x exceeds the k-th smallest value. One vectorised sort costs
    a third of `numpy.partition` at several positions.

    Examples
    --------
    >>> class_cuts(np.array([1, 1, 1, 2, 9]), classes=5)
    array([1, 1, 1, 2])
    """
    n = values.size
    positions = np.array([-(-s * n // classes) - 1 for s in range(1, classes)], dtype=np.int64)
    return np.sort(values)[positions] if n and positions.size else positions


def strict_scores(values: Ints, *, classes: int = CLASSES) -> npt.NDArray[np.int8]:
    """Score 1 + floor(q #{y < x} / n) of each value; shape (n,).

    Examples
    --------
    >>> strict_scores(np.array([1, 1, 1, 2, 9])).tolist()
    [1, 1, 1, 4, 5]
    """
    score = np.ones(values.shape, dtype=np.int8)
    for cut in class_cuts(values, classes=classes):
        score += values > cut
    return score


def apply_cuts(values: Ints, at_least: list[int | None]) -> npt.NDArray[np.int8]:
    """Score of each value under given cuts: the highest class whose `at_least` it reaches, else 1; shape (n,).

    Parameters
    ----------
    at_least : smallest value of class 1 … q, `None` for an empty class.

    Examples
    --------
    >>> apply_cuts(np.array([0, 1, 2, 50]), [1, None, None, 2, 9]).tolist()
    [1, 1, 4, 5]
    """
    score = np.ones(values.shape, dtype=np.int8)
    for k, bound in enumerate(at_least[1:], start=2):
        if bound is not None:
            score[values >= bound] = k
    return score


def _cut_table(measured: pl.DataFrame, classes: int, *, allow_empty: bool) -> pl.DataFrame:
    parts = []
    for measure in MEASURES:
        values = measured[measure].to_numpy()
        distinct = measured[measure].n_unique()
        if distinct < classes and not allow_empty:
            raise ModelError(
                "scoring.too_many_classes", values={"classes": classes, "distinct": distinct, "measure": measure}
            )
        scores = strict_scores(values, classes=classes)
        parts.append(_bounds(measure, values, scores, classes))
    return pl.concat(parts)


def _bounds(measure: str, values: Ints, scores: npt.NDArray[np.int8], classes: int) -> pl.DataFrame:
    counts = np.bincount(scores, minlength=classes + 1)[1:]
    lowest = [int(values[scores == k + 1].min()) if counts[k] else None for k in range(classes)]
    return pl.DataFrame(
        {
            "measure": [measure] * classes,
            "score": pl.Series(range(1, classes + 1), dtype=pl.Int64),
            "at_least": pl.Series(lowest, dtype=pl.Int64),
            "customers": pl.Series(counts, dtype=pl.Int64),
        }
    )


def _at_least(cuts: Cuts, measure: str) -> list[int | None]:
    return cuts.table.filter(pl.col("measure") == measure).sort("score")["at_least"].to_list()


def _classes(cuts: Cuts, scores: dict[str, npt.NDArray[np.int8]]) -> pl.DataFrame:
    counted = []
    for measure in MEASURES:
        rows = cuts.table.filter(pl.col("measure") == measure).sort("score")
        counts = np.bincount(scores[measure], minlength=rows.height + 1)[1:]
        counted.append(rows.with_columns(customers=pl.Series(counts, dtype=pl.Int64)))
    return pl.concat(counted)


def _scored(measured: pl.DataFrame, scores: dict[str, npt.NDArray[np.int8]]) -> pl.DataFrame:
    r, f, m = (pl.Series(scores[measure]) for measure in MEASURES)
    return measured.select(
        "customer_id",
        recency_days=-pl.col("recency"),
        frequency=pl.col("frequency"),
        monetary_minor=pl.col("monetary"),
    ).with_columns(
        r=r, f=f, m=m, rfm=pl.concat_str([s.cast(pl.String) for s in (r, f, m)])
    )  # fmt: skip


def _refuse_future(table: pl.DataFrame, today: int) -> None:
    late = table.filter(pl.col("last_day_n") > today)
    if late.height:
        raise ModelError(
            "scoring.future",
            values={"rows": late.height},
            examples=[mask(key) for key in late["customer_id"].sort().head(5)],
        )


def _classes_error(classes: int) -> ModelError:
    return ModelError("scoring.classes", values={"classes": classes})


def _other_definition(given: str, wanted: str) -> ModelError:
    return ModelError("scoring.frozen_other", values={"given": given, "wanted": wanted})
