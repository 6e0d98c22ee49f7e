"""The posterior of BG/NBD on the CDNOW sample beside PyMC-Marketing's NUTS, on the same flat prior.

PyMC-Marketing is not among the project's dependencies. Each half runs in its own environment and prints CPU seconds,
CPU seconds per effective draw, means and standard deviations: `python bench_clv_pymc.py crmlib|pymc SUMMARY.csv`, with
lifetimes' `cdnow_customers_summary.csv`. NUTS starts at 1 for every parameter: PyMC's own start, the mean of a prior
this wide, is e^50, from where the chains do not come back. Its compilation is measured apart and not counted.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np


def cpu_seconds() -> float:
    """CPU seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def summary(path: str) -> dict[str, np.ndarray]:
    """x, t_x, T of the published summary."""
    table = np.loadtxt(Path(path), delimiter=",", skiprows=1)
    return {"x": table[:, 1], "t_x": table[:, 2], "T": table[:, 3]}


def with_crmlib(data: dict[str, np.ndarray]) -> None:
    """Fit, Laplace and importance resampling to 5,000 draws."""
    import polars as pl

    from crmlib.clv.forecast import posterior
    from crmlib.clv.models import bg_nbd

    started = cpu_seconds()
    frame = pl.DataFrame(data)
    fit = bg_nbd.fit(frame)
    found = posterior.draw(fit, frame, rng=np.random.default_rng(1), draws=5000, ess=5000.0)
    used = cpu_seconds() - started
    print(f"crmlib: {used:.2f} CPU s, ESS {found.ess:.0f}, Pareto k {found.pareto_k:.2f}, by {found.method}")
    print(f"  {1e3 * used / found.ess:.3f} CPU ms per effective draw")
    table = found.frame()
    print("  means", {n: round(float(table[n].mean()), 4) for n in table.columns})
    print("  sd   ", {n: round(float(table[n].std()), 4) for n in table.columns})


def with_pymc(data: dict[str, np.ndarray]) -> None:
    """NUTS, four chains of PyMC-Marketing's defaults, with its own model and a prior flat over many e-folds."""
    import arviz as az
    import pandas as pd
    from pymc_extras.prior import Prior
    from pymc_marketing.clv import BetaGeoModel

    names = ("r", "alpha", "a", "b")
    columns = {"frequency": data["x"], "recency": data["t_x"], "T": data["T"]}
    frame = pd.DataFrame({"customer_id": np.arange(len(data["x"])), **columns})
    flat = {name: Prior("LogNormal", mu=0.0, sigma=10.0) for name in names}
    asked = {"cores": 1, "progressbar": False, "random_seed": 1, "initvals": dict.fromkeys(names, 1.0)}
    started = cpu_seconds()
    BetaGeoModel(data=frame, model_config=flat).fit(draws=1, tune=1, chains=1, **asked)
    compiled = cpu_seconds()
    found = BetaGeoModel(data=frame, model_config=flat).fit(draws=1000, tune=1000, chains=4, **asked)
    used = cpu_seconds() - compiled
    table = az.summary(found, var_names=list(names), round_to=5)
    ess = float(table["ess_bulk"].min())
    print(
        f"PyMC-Marketing NUTS: {used:.2f} CPU s ({compiled - started:.1f} more to compile), smallest bulk ESS {ess:.0f}"
    )
    print(f"  {1e3 * used / ess:.3f} CPU ms per effective draw")
    print(table[["mean", "sd", "ess_bulk", "r_hat"]])


if __name__ == "__main__":
    {"crmlib": with_crmlib, "pymc": with_pymc}[sys.argv[1]](summary(sys.argv[2]))
