"""The posterior of BG/NBD on the CDNOW sample beside PyMC-Marketing's NUTS.

PyMC-Marketing is not among the project's dependencies: run this in an environment of its own that also has crmlib's
requirements on the path, or run the two halves apart: `python bench_clv_pymc.py crmlib|pymc SUMMARY.csv`.
Both print CPU seconds, means, standard deviations and effective sample sizes on the same flat prior.
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
    """Fit, Laplace and importance resampling to 4,000 draws."""
    import polars as pl

    from crmlib.clv import bg_nbd, posterior

    started = cpu_seconds()
    frame = pl.DataFrame(data)
    fit = bg_nbd.fit(frame)
    found = posterior.draw(fit, frame, rng=np.random.default_rng(1), draws=4000, ess=4000.0)
    print(f"crmlib: {cpu_seconds() - started:.2f} CPU s, ESS {found.ess:.0f}, Pareto k {found.pareto_k:.2f}")
    table = found.frame()
    print("  means", {n: round(float(table[n].mean()), 4) for n in table.columns})
    print("  sd   ", {n: round(float(table[n].std()), 4) for n in table.columns})


def with_pymc(data: dict[str, np.ndarray]) -> None:
    """NUTS with PyMC-Marketing's own model and priors that are flat in the logarithm over a wide range."""
    import arviz as az
    import pandas as pd
    from pymc_extras.prior import Prior
    from pymc_marketing.clv import BetaGeoModel

    frame = pd.DataFrame(
        {
            "customer_id": np.arange(len(data["x"])),
            "frequency": data["x"],
            "recency": data["t_x"],
            "T": data["T"],
        }
    )
    flat = {name: Prior("LogNormal", mu=0.0, sigma=10.0) for name in ("r", "alpha", "a", "b")}
    model = BetaGeoModel(model_config=flat)
    model.build_model(frame)
    started = cpu_seconds()
    found = model.fit(data=frame, chains=4, draws=1000, tune=1000, cores=1, random_seed=1, progressbar=False)
    used = cpu_seconds() - started
    table = az.summary(found, var_names=["r", "alpha", "a", "b"], round_to=5)
    print(f"PyMC-Marketing NUTS: {used:.2f} CPU s, smallest bulk ESS {table['ess_bulk'].min():.0f}")
    print(table[["mean", "sd", "ess_bulk", "r_hat"]])


if __name__ == "__main__":
    {"crmlib": with_crmlib, "pymc": with_pymc}[sys.argv[1]](summary(sys.argv[2]))
