"""Exact reasons by table lookup against TreeSHAP (`pred_contrib` of LightGBM), on the same rows and features.

`python benchmarks/bench_churn_reasons.py [--small]`: 1,000,000 × 30, or 50,000 × 30, one thread each, nothing but the
explanation timed: every model is fitted before. Like for like is TreeSHAP of the same additive trees; beside it that
of the challenger, a larger model. TreeSHAP explains a twentieth of the rows, and its time is multiplied by 20: it is
linear in rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

SHARE = 20


def rows(n: int, k: int = 30) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.gamma(2.0, 20.0, (n, k))
    x[rng.random((n, k)) < 0.05] = np.nan
    return pl.DataFrame({f"f{j:02d}": x[:, j] for j in range(k)}).with_columns(customer_id=pl.int_range(n))


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process: both contestants run on one thread, after all data is in memory."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    n = 50_000 if "--small" in sys.argv else 1_000_000
    train = rows(40_000)
    z = train.select(pl.sum_horizontal(pl.col("^f0.*$").fill_nan(20.0))).to_series().to_numpy()
    y = (np.random.default_rng(2).random(train.height) < 1 / (1 + np.exp(-(z - 400) / 60))).astype(int)
    labelled = train.with_columns(pl.Series("y", y))
    table = rows(n)
    names = [c for c in table.columns if c.startswith("f")]

    from crmlib.churn.models import additive, boosted

    fit = additive.fit(labelled, names=names, threads=1)
    challenger = boosted.fit(labelled, names=names, threads=1)

    def lookup() -> None:
        parts = fit.contributions(table)
        assert parts.shape == (n, len(names))

    import lightgbm as lgb

    alone = additive.SETTINGS | {"interaction_constraints": [[j] for j in range(len(names))], "num_threads": 1}
    same = lgb.train(alone, lgb.Dataset(additive.matrix(labelled, names), label=y), num_boost_round=additive.ROUNDS)
    larger = lgb.Booster(model_str=challenger.model)

    def shap(booster: lgb.Booster) -> Callable[[], None]:
        def work() -> None:
            x = additive.matrix(table.head(n // SHARE), names)
            booster.predict(x, pred_contrib=True, num_threads=1)

        return work

    made = {
        "table lookup of additive trees": (lookup, 1),
        "TreeSHAP of the same additive trees": (shap(same), SHARE),
        f"TreeSHAP of the challenger, {larger.num_trees()} trees": (shap(larger), SHARE),
    }
    print(f"reasons for {n:,} × {len(names)}\n\n| contestant | CPU s | ratio |\n|---|---|---|")
    base = None
    for name, (work, times) in made.items():
        seconds = min(cpu(work) for _ in range(2)) * times
        base = base or seconds
        print(f"| {name} | {seconds:.2f} | {seconds / base:.0f} |")


if __name__ == "__main__":
    main()
