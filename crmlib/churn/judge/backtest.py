"""Would it have worked? Train on origins whose labels had closed, score the next one, and compare all scores there.

A score earns its place in one league table beside the naive rules, for the whole base and for those still active,
because a high AUC over the whole base mostly says that the long silent stay silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.churn.features.features import Options
from crmlib.churn.features.labels import dataset
from crmlib.churn.features.visits import Visits
from crmlib.churn.judge.calibration import ece, null_ece
from crmlib.churn.metrics import Array, auc, average_precision, brier, lift
from crmlib.core.errors import ModelError

ACTIVE_DAYS = 60
"""Still active: bought in the last 60 days."""
MIN_ORIGINS = 3
CHALLENGERS = ("additive", "boosted", "p_zero")
"""Probabilities that may take the place of the logit."""
STEP = 91

Scorer = Callable[[pl.DataFrame, pl.DataFrame], Array]
"""Trains on the first frame (features and y) and scores the second, higher = more at risk."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A score in the league: its name, how it is made, whether it is a probability."""

    name: str
    score: Scorer
    probability: bool = False


def origins(*, first: date, last: date, step: int) -> list[date]:
    """Days from `last` back to `first`, every `step` days, in ascending order.

    Examples
    --------
    >>> [str(d) for d in origins(first=date(2024, 1, 1), last=date(2024, 3, 1), step=28)]
    ['2024-01-05', '2024-02-02', '2024-03-01']
    """
    count = (last - first).days // step
    return [last - timedelta(days=step * k) for k in range(count, -1, -1)]


def closed_tests(*, first: date, as_of: date, horizon: int, most: int = MIN_ORIGINS) -> list[date]:
    """The last test origins that have closed and leave room for one training origin before them; perhaps none.

    Examples
    --------
    >>> [str(d) for d in closed_tests(first=date(2024, 1, 1), as_of=date(2024, 12, 31), horizon=91)]
    ['2024-07-02', '2024-10-01']
    """
    days = [as_of - timedelta(days=horizon + STEP * k) for k in range(most)]
    return sorted(d for d in days if d >= first + timedelta(days=2 * horizon))


def usable_origins(candidates: Sequence[date], *, test: date, horizon: int) -> list[date]:
    """The candidates whose label window had closed by `test`: t_k + h <= t_test."""
    return [t for t in candidates if t + timedelta(days=horizon) <= test]


def refuse_overlap(train: Sequence[date], *, test: date, horizon: int) -> None:
    """Refuse a test origin inside a training label.

    Raises
    ------
    ModelError
        `churn.origin_inside_label`.
    """
    inside = [t for t in train if t + timedelta(days=horizon) > test]
    if inside or not train:
        raise ModelError("churn.origin_inside_label", values={"test": test, "horizon": horizon})


def rolling(
    seen: Visits,
    *,
    test_origins: Sequence[date],
    train_origins: Sequence[date],
    horizon: int,
    observed_until: date,
    contestants: Sequence[Contestant],
    options: Options | None = None,
) -> pl.DataFrame:
    """Scores of every contestant at every test origin: origin, customer_id, y, recency, trips, one column each.

    At each test origin only those training origins are used whose labels had closed by then.
    """
    tables = {
        t: dataset(seen, t0=t, horizon=horizon, observed_until=observed_until, options=options)
        for t in sorted({*test_origins, *train_origins})
    }
    scored = []
    for test in test_origins:
        past = usable_origins(train_origins, test=test, horizon=horizon)
        refuse_overlap(past, test=test, horizon=horizon)
        train = pl.concat([tables[t] for t in past], how="diagonal_relaxed")
        made = [pl.Series(c.name, c.score(train, tables[test])) for c in contestants]
        scored.append(tables[test].select("origin", "customer_id", "y", "recency", "trips").with_columns(made))
    return pl.concat(scored)


def league(
    scored: pl.DataFrame,
    *,
    contestants: Sequence[Contestant],
    against: str,
    rng: np.random.Generator,
    populations: Mapping[str, pl.Expr] | None = None,
    draws: int = 200,
) -> pl.DataFrame:
    """The league table, best AUC first within each population.

    Columns: population, contestant, origins, customers, churn, auc (mean over origins) with its 95 % interval by
    cluster bootstrap over customers, auc_worst, auc_sd, gain and its interval (against contestant `against`, paired),
    average_precision, lift, lift_max, brier, ece, ece_null (probabilities only).
    """
    wanted = populations or {"all": pl.lit(value=True), "active": pl.col("recency") < ACTIVE_DAYS}
    parts = []
    for population, rule in wanted.items():
        kept = scored.filter(rule)
        if kept["y"].n_unique() > 1:
            parts.append(_population(kept, population, contestants=contestants, against=against, rng=rng, draws=draws))
    return pl.concat(parts)


def beats(table: pl.DataFrame, *, challenger: str, population: str = "all") -> bool:
    """Whether the challenger's gain over the default lies above 0 with its whole interval, on at least 3 origins."""
    row = table.filter((pl.col("contestant") == challenger) & (pl.col("population") == population)).row(0, named=True)
    return bool(row["origins"] >= MIN_ORIGINS and row["gain_low"] > 0)


def winner(table: pl.DataFrame, *, default: str = "logit", challengers: Sequence[str] = CHALLENGERS) -> str:
    """Which score ranks the list: the challenger with the largest gain among those that beat the default, else it.

    Rules of thumb are no challengers: what ranks the list is multiplied by money, so it must be a probability.

    Parameters
    ----------
    table : from `league`, with `against` = the default.

    Examples
    --------
    >>> row = {"population": "all", "origins": 3, "gain": 0.02}
    >>> board = pl.DataFrame([row | {"contestant": "p_zero", "gain_low": 0.01}, row | {"contestant": "boosted",
    ...     "gain_low": -0.01}])
    >>> winner(board), winner(board.with_columns(origins=2))
    ('p_zero', 'logit')
    """
    present = [c for c in challengers if c in set(table["contestant"])]
    won = table.filter(
        (pl.col("population") == "all") & pl.col("contestant").is_in([c for c in present if beats(table, challenger=c)])
    )
    return default if won.is_empty() else str(won.sort("gain", "contestant", descending=[True, False])["contestant"][0])


def _population(
    kept: pl.DataFrame,
    population: str,
    *,
    contestants: Sequence[Contestant],
    against: str,
    rng: np.random.Generator,
    draws: int,
) -> pl.DataFrame:
    boot = {c.name: values for c, values in zip(contestants, _bootstrap(kept, contestants, rng, draws), strict=True)}
    per_origin = [part for part in kept.partition_by("origin", maintain_order=True) if part["y"].n_unique() > 1]
    rows = []
    for contestant in contestants:
        name, gain = contestant.name, boot[contestant.name] - boot[against]
        each = [_one(part, contestant, rng) for part in per_origin]
        aucs = np.array([e["auc"] for e in each])
        base = np.array([auc(part["y"].to_numpy(), part[against].to_numpy()) for part in per_origin])
        mean = {key: float(np.mean([e[key] for e in each])) for key in each[0]}
        rows.append(
            {"population": population, "contestant": name, "origins": len(per_origin), "customers": kept.height}
            | {"churn": float(kept["y"].mean()), "auc": mean.pop("auc")}  # type: ignore[arg-type]
            | _interval("auc", boot[name])
            | {"auc_worst": float(aucs.min()), "auc_sd": float(aucs.std(ddof=1)) if len(aucs) > 1 else None}
            | {"gain": float((aucs - base).mean())}
            | _interval("gain", gain)
            | mean
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("auc", descending=True, maintain_order=True)


def _one(part: pl.DataFrame, contestant: Contestant, rng: np.random.Generator) -> dict[str, float]:
    y, s = part["y"].to_numpy().astype(float), part[contestant.name].to_numpy()
    top, most = lift(y, s)
    nan = float("nan")
    return {
        "auc": auc(y, s),
        "average_precision": average_precision(y, s),
        "lift": top,
        "lift_max": most,
        "brier": brier(y, s) if contestant.probability else nan,
        "ece": ece(y, s) if contestant.probability else nan,
        "ece_null": null_ece(s, rng=rng, draws=20) if contestant.probability else nan,
    }


def _interval(name: str, values: Array) -> dict[str, float]:
    low, high = np.nanquantile(values, [0.025, 0.975])
    return {f"{name}_low": float(low), f"{name}_high": float(high)}


def _bootstrap(
    kept: pl.DataFrame, contestants: Sequence[Contestant], rng: np.random.Generator, draws: int
) -> list[Array]:
    """Mean AUC over origins per contestant and draw; a drawn customer brings all own rows."""
    cluster = kept["customer_id"].rank("dense").to_numpy() - 1
    count = int(cluster.max()) + 1
    parts = [np.flatnonzero((kept["origin"] == t).to_numpy()) for t in kept["origin"].unique(maintain_order=True)]
    y = kept["y"].to_numpy()
    ties = [[np.unique(kept[c.name].to_numpy()[rows], return_inverse=True)[1] for rows in parts] for c in contestants]
    out = np.empty((len(contestants), draws))
    for b in range(draws):
        weight = np.bincount(rng.integers(0, count, count), minlength=count)[cluster].astype(float)
        for i in range(len(contestants)):
            out[i, b] = np.mean([_weighted_auc(y[r], weight[r], t) for r, t in zip(parts, ties[i], strict=True)])
    return list(out)


def _weighted_auc(y: Array, weight: Array, tie: Array) -> float:
    lost = np.bincount(tie, weight * y)
    kept = np.bincount(tie, weight * (1 - y))
    below = np.cumsum(kept) - kept
    total = lost.sum() * kept.sum()
    return float((lost * (below + kept / 2)).sum() / total) if total > 0 else float("nan")
