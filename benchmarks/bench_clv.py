"""Lifetime models beside lifetimes: summary, fits, posterior. `python benchmarks/bench_clv.py [--small] [part …]`.

Parts: summary, fit, regular, ten_million, pareto, posterior. Simulated BG/NBD customers of known parameters; every
contestant gets the same arrays in a child process of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from measure import compare, cost

from crmlib import panels
from crmlib.clv import history
from crmlib.clv.forecast import posterior
from crmlib.clv.models import bg_cnbd, bg_nbd, mbg_cnbd, mbg_nbd, pareto_nbd

TRUE = (0.6, 8.0, 0.8, 3.0)
"""r, alpha [weeks], a, b of the simulated customers."""

warnings.filterwarnings("ignore")  # lifetimes warns on import and while it searches; the figures are the point
import lifetimes
from lifetimes.utils import summary_data_from_transaction_data

MODELS = {"bg_nbd": bg_nbd, "pareto_nbd": pareto_nbd}
"""Imported before the contestants start: nobody pays for imports."""


def simulate(
    n: int, *, days: int, rng: np.random.Generator, whole_weeks: bool = False, k: int = 1
) -> dict[str, np.ndarray]:
    """x, t_x, T and log_gaps of `n` customers who came at some time during the first half of `days`."""
    r, alpha, a, b = TRUE
    age = rng.integers(days // 2, days + 1, n).astype(float)
    rate, leave = rng.gamma(r, 1.0 / (7.0 * alpha), n), rng.beta(a, b, n)
    x, t_x, logs = np.zeros(n), np.zeros(n), np.zeros(n)
    clock, going = np.zeros(n), np.arange(n)
    while going.size:
        gap = np.ceil(rng.gamma(k, 1.0 / (k * rate[going])).clip(max=1e6))
        clock[going] += gap
        seen = clock[going] <= age[going]
        going, gap = going[seen], gap[seen]
        x[going] += 1
        logs[going] += np.log(gap / 7.0)
        t_x[going] = clock[going]
        going = going[rng.random(going.size) >= leave[going]]
    if whole_weeks:
        age, t_x = np.ceil(age / 7), np.ceil(t_x / 7)
        return {"x": x, "t_x": np.where(x > 0, np.maximum(t_x, 1), 0), "T": age}
    return {"x": x, "t_x": t_x / 7.0, "T": age / 7.0} | ({"log_gaps": logs} if k > 1 else {})


def ours(data: dict[str, np.ndarray], model: str = "bg_nbd") -> Callable[[], object]:
    """Compression and fit by crmlib."""

    def work() -> object:

        fit = MODELS[model].fit(pl.DataFrame(data))
        print(f"  crmlib {model}: {fit.params}, {fit.n_rows} rows, converged {fit.certificate.converged}")
        return fit

    return work


def theirs(
    data: dict[str, np.ndarray], fitter: str = "BetaGeoFitter", *, weights: bool = False
) -> Callable[[], object]:
    """Fit by lifetimes, optionally after merging equal rows by hand."""

    def work() -> object:
        frame, weight = pd.DataFrame(data), None
        if weights:
            merged = frame.groupby(["x", "t_x", "T"]).size().reset_index(name="n")
            frame, weight = merged, merged["n"]
        model = getattr(lifetimes, fitter)()
        model.fit(frame["x"], frame["t_x"], frame["T"], weights=weight)
        print(f"  lifetimes {fitter}: {model.params_.round(4).to_dict()}")
        return model

    return work


def bench_summary(*, small: bool) -> None:
    """Transactions in a Parquet file, customers by number, to x, t_x, T."""
    rows = 1_000_000 if small else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.parquet"
        cost(lambda: _write_lines(path, rows=rows))

        def crmlib() -> object:
            return panels.purchase_history(pl.scan_parquet(path), period_end=date(2013, 1, 26))

        def theirs() -> object:
            frame = pd.read_parquet(path, columns=["customer_id", "day", "net_minor"])
            return summary_data_from_transaction_data(
                frame, "customer_id", "day", "net_minor", observation_period_end="2013-01-26"
            )

        compare({"crmlib": crmlib, "lifetimes": theirs}, runs=1, title=f"Summary of {rows:,} rows")


def _write_lines(path: Path, *, rows: int) -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "customer_id": rng.integers(10_000_000, 10_000_000 + rows // 10, rows),
            "day_n": rng.integers(15_000, 15_730, rows).astype(np.int32),
            "quantity_milli": np.full(rows, 1000),
            "net_minor": rng.integers(100, 10_000, rows),
        }
    )
    frame.select(
        pl.col("customer_id").cast(pl.String),
        "day_n",
        "quantity_milli",
        "net_minor",
        day=pl.col("day_n").cast(pl.Date).cast(pl.Datetime("ns")),
    ).write_parquet(path)


def bench_fit(*, small: bool) -> None:
    """BG/NBD, compression included."""
    n = 100_000 if small else 1_000_000
    for name, days, whole in (("daily, 2 years", 730, False), ("daily, 13 weeks", 91, False), ("weeks", 91, True)):
        data = simulate(n, days=days, rng=np.random.default_rng(2), whole_weeks=whole)
        contestants = {"crmlib": ours(data), "lifetimes": theirs(data)}
        contestants["lifetimes, hand-made weights"] = theirs(data, weights=True)
        compare(contestants, runs=1, title=f"BG/NBD fit, one thread each, {n:,} customers, {name}", one_thread=True)


def bench_regular(*, small: bool) -> None:
    """MBG/CNBD-k, k chosen, beside MBG/NBD and BG/NBD on the same customers, who buy with k = 2."""
    n = 100_000 if small else 1_000_000
    data = simulate(n, days=730, rng=np.random.default_rng(2), k=2)
    models = {"BG/NBD": bg_nbd, "MBG/NBD": mbg_nbd, "BG/CNBD-k": bg_cnbd, "MBG/CNBD-k": mbg_cnbd}
    contestants = {name: lambda m=m: print(f"  {m.fit(pl.DataFrame(data)).model}") for name, m in models.items()}
    compare(contestants, title=f"Fits of {n:,} regular customers, daily, 2 years, one thread each", one_thread=True)


def bench_ten_million(*, small: bool) -> None:
    """Ten million customers at day resolution."""
    n = 1_000_000 if small else 10_000_000
    data = simulate(n, days=730, rng=np.random.default_rng(3))
    base = cost(lambda: None).peak_mb
    used = cost(ours(data))
    print(
        f"\n{n:,} customers, daily, 2 years: {used.cpu_s:.2f} CPU s, {used.peak_mb:.0f} MB of which input {base:.0f} MB"
    )


def cdnow() -> dict[str, np.ndarray]:
    """The published CDNOW summary."""
    spec = find_spec("lifetimes")
    folder = Path(spec.submodule_search_locations[0])  # type: ignore[union-attr, index]
    table = np.loadtxt(folder / "datasets" / "cdnow_customers_summary.csv", delimiter=",", skiprows=1)
    return {"x": table[:, 1], "t_x": table[:, 2], "T": table[:, 3]}


def bench_pareto(*, small: bool) -> None:
    """Pareto/NBD; the small set ten times in a row, since a fresh process costs as much as a fit."""
    large = simulate(10_000 if small else 100_000, days=364, rng=np.random.default_rng(4))
    for name, data, times in (("CDNOW, ten fits", cdnow(), 10), ("100,000 customers", large, 1)):
        fits = {"crmlib": ours(data, "pareto_nbd"), "lifetimes": theirs(data, "ParetoNBDFitter")}
        contestants = {who: repeated(work, times=times) for who, work in fits.items()}
        compare(contestants, runs=1, title=f"Pareto/NBD fit, one thread each, {name}", one_thread=True)


def repeated(work: Callable[[], object], *, times: int) -> Callable[[], object]:
    """The same work `times` in a row."""
    return lambda: [work() for _ in range(times)]


def bench_posterior(*, small: bool) -> None:
    """Draws from the posterior of BG/NBD."""
    for name, data in (
        ("CDNOW", cdnow()),
        (
            "1,000,000 customers, whole weeks",
            simulate(100_000 if small else 1_000_000, days=91, rng=np.random.default_rng(5), whole_weeks=True),
        ),
        (
            "1,000,000 customers, daily, 13 weeks",
            simulate(100_000 if small else 1_000_000, days=91, rng=np.random.default_rng(5)),
        ),
        (
            "1,000,000 customers, daily, 2 years",
            simulate(100_000 if small else 1_000_000, days=730, rng=np.random.default_rng(5)),
        ),
    ):

        def draws(data: dict[str, np.ndarray] = data) -> object:

            rows = history.read(pl.DataFrame(data), index=False)
            fit = bg_nbd.fit(rows)
            found = posterior.draw(fit, rows, rng=np.random.default_rng(6))
            print(f"  {found.method}: ESS {found.ess:.0f} of {found.proposals}, Pareto k {found.pareto_k:.2f}")
            return found

        fit_only, both = cost(ours(data)), cost(draws)
        print(f"{name}: fit {fit_only.cpu_s:.2f} CPU s, fit and posterior {both.cpu_s:.2f} CPU s")


PARTS = {
    "summary": bench_summary,
    "fit": bench_fit,
    "regular": bench_regular,
    "ten_million": bench_ten_million,
    "pareto": bench_pareto,
    "posterior": bench_posterior,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    for part in asked.parts or PARTS:
        PARTS[part](small=asked.small)
