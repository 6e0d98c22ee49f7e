"""Whom does a contact change? Uplift from a list with a random holdout.

u = P(lost | left alone) − P(lost | contacted). The T-learner fits one logit to each group; the doubly robust score
(AIPW, with the known share of contacts e)

    ψ_i = μ0(x_i) − μ1(x_i) + (1 − w_i)/(1 − e) · (y_i − μ0(x_i)) − w_i/e · (y_i − μ1(x_i))

has mean = the average effect whatever the models say; both are cross-fitted on two folds. Rank by u·m − cost, with
cost = f + d·P(redeem | contacted), free riders included: ranking by risk lost money where this earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.churn.features.catalogue import linear
from crmlib.churn.metrics import Array
from crmlib.churn.models import logit
from crmlib.churn.winback.clusters import half_width, labels
from crmlib.churn.winback.winback import refuse_no_holdout
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import shaped

CELLS = ("persuadable", "sure_thing", "lost_cause", "do_not_disturb")
MIN_UPLIFT = 0.02


@dataclass(frozen=True, slots=True)
class UpliftFit:
    """Result of an uplift fit.

    Parameters
    ----------
    table : customer_id, p_alone, p_contacted, uplift (T-learner, cross-fitted), dr_score, cell.
    effect, low, high : average effect by the doubly robust score, 95 %.
    contacted, alone : the logits fitted to all rows of each group, for scoring others.
    """

    table: pl.DataFrame
    effect: float
    low: float
    high: float
    contacted: logit.LogitFit
    alone: logit.LogitFit

    def uplift(self, table: AnyFrame) -> Array:
        """Uplift of customers who were not on the list, shape (n,)."""
        return self.alone.predict(table) - self.contacted.predict(table)


def fit(
    result: AnyFrame,
    *,
    rng: np.random.Generator,
    y: str = "lost",
    names: tuple[str, ...] | None = None,
    within: str | None = None,
    clusters: Sequence[str] = ("customer_id",),
) -> UpliftFit:
    """Fit uplift on a list with features, `group` (contact, holdout) and the outcome `y` (1 lost).

    Parameters
    ----------
    within : column naming the list of each row where several are read together: each was drawn with its own share e.
    clusters : columns whose bunches widen the interval (`crmlib.churn.winback.clusters`); they stay in the table.

    Raises
    ------
    ModelError
        `churn.no_holdout`.
    """
    frame = to_polars(result, needs=["customer_id", "group", y], name="list with outcome")
    w = (frame["group"] == "contact").to_numpy().astype(float)
    refuse_no_holdout(treated=int(w.sum()), held_out=int((1 - w).sum()))
    chosen = names or linear(frame, skip=[y, "came", "came_n"])
    who = frame["customer_id"].rank("dense").to_numpy() - 1
    fold = (rng.permutation(int(who.max()) + 1) % 2)[who]  # by customer: who was listed twice is not learnt and scored
    p0, p1 = np.empty(frame.height), np.empty(frame.height)
    for k in (0, 1):
        learn, score = frame.filter(fold != k), frame.filter(fold == k)
        alone, contacted = _pair(learn, y, chosen)
        p0[fold == k], p1[fold == k] = alone.predict(score), contacted.predict(score)
    truth = frame[y].to_numpy().astype(float)
    share = None if within is None else frame.select((pl.col("group") == "contact").mean().over(within)).to_series()
    psi = dr_score(truth, w, p0=p0, p1=p1, share=None if share is None else share.to_numpy())
    effect, spread = float(psi.mean()), half_width(psi, clusters=labels(frame, clusters))
    alone, contacted = _pair(frame, y, chosen)
    table = frame.select(*dict.fromkeys(("customer_id", "group", *clusters))).with_columns(
        pl.Series("p_alone", p0), pl.Series("p_contacted", p1), pl.Series("uplift", p0 - p1), pl.Series("dr_score", psi)
    )
    return UpliftFit(_with_cells(table), effect, effect - spread, effect + spread, contacted, alone)


@shaped(y="customers", w="customers", p0="customers", p1="customers", share="customers")
def dr_score(y: Array, w: Array, *, p0: Array, p1: Array, share: Array | None = None) -> Array:
    """Doubly robust score of each customer; its mean is the average reduction of loss by a contact.

    `share` is the probability e of being contacted, shape (n,); without it, the share of contacts of all.
    """
    e = float(w.mean()) if share is None else share
    return np.asarray(p0 - p1 + (1 - w) / (1 - e) * (y - p0) - w / e * (y - p1))


def cells(table: AnyFrame, *, clusters: Sequence[str] = ("customer_id",)) -> pl.DataFrame:
    """The four cells, each with cell, customers, uplift (model), effect (doubly robust), low, high.

    Parameters
    ----------
    clusters : columns whose bunches widen the intervals.
    """
    frame = to_polars(table, needs=["cell", "uplift", "dr_score", *clusters], name="uplift table")
    rows = []
    for (cell,), part in frame.group_by("cell", maintain_order=True):
        psi = part["dr_score"].to_numpy()
        half = half_width(psi, clusters=labels(part, clusters))
        effect = float(psi.mean())
        rows.append((str(cell), part.height, float(part["uplift"].mean() or 0), effect, effect - half, effect + half))  # type: ignore[arg-type]
    schema = {
        "cell": pl.String,
        "customers": pl.Int64,
        **dict.fromkeys(("uplift", "effect", "low", "high"), pl.Float64),
    }
    summed = pl.DataFrame(rows, schema=schema, orient="row")
    return pl.DataFrame({"cell": CELLS}).join(summed, on="cell", how="left", maintain_order="left")


def rank(table: AnyFrame, *, margin: str, contact_minor: int, offer_minor: int, redeem: float | str) -> pl.DataFrame:
    """Order by expected profit: adds profit_minor = u·m − (f + d·P(redeem | contacted)), highest first.

    Parameters
    ----------
    margin : column of future margin in minor units.
    contact_minor, offer_minor : f and d.
    redeem : P(redeem | contacted), one number or a column; free riders redeem, too.
    """
    frame = to_polars(table, needs=["customer_id", "uplift", margin], name="uplift table")
    chance = pl.col(redeem) if isinstance(redeem, str) else pl.lit(redeem)
    profit = pl.col("uplift") * pl.col(margin) - (contact_minor + offer_minor * chance)
    ranked = frame.with_columns(profit.round().cast(pl.Int64).alias("profit_minor"))
    return ranked.sort("profit_minor", "customer_id", descending=[True, False])


def _pair(frame: pl.DataFrame, y: str, names: tuple[str, ...]) -> tuple[logit.LogitFit, logit.LogitFit]:
    alone = logit.fit(frame.filter(pl.col("group") == "holdout"), y=y, names=names)
    return alone, logit.fit(frame.filter(pl.col("group") == "contact"), y=y, names=names)


def _with_cells(table: pl.DataFrame) -> pl.DataFrame:
    cell = (
        pl.when(pl.col("uplift") >= MIN_UPLIFT)
        .then(pl.lit("persuadable"))
        .when(pl.col("uplift") <= -MIN_UPLIFT)
        .then(pl.lit("do_not_disturb"))
        .when(pl.col("p_alone") < pl.col("p_alone").mean())
        .then(pl.lit("sure_thing"))
        .otherwise(pl.lit("lost_cause"))
    )
    return table.with_columns(cell.alias("cell"))
