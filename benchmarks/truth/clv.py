"""Lifetime models: papers, CLVTools, BTYD, lifetimes; data that ship with lifetimes."""

from __future__ import annotations

from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmlib.clv import horizon
from crmlib.clv.estimate import regularity
from crmlib.clv.forecast import predict
from crmlib.clv.models import bg_bb, bg_nbd, gamma_gamma, ggom_nbd, mbg_cnbd, mbg_nbd, nbd, pareto_nbd, sbg
from crmlib.clv.numerics.coin import coin_exceed
from truth.row import REAL, Row

MODELS: dict[str, Any] = {"NBD": nbd, "BG/NBD": bg_nbd, "MBG/NBD": mbg_nbd, "Pareto/NBD": pareto_nbd}
PARAMETERS = {
    "NBD": (0.38477, 12.0721),
    "BG/NBD": (0.242593, 4.413532, 0.792886, 2.425753),
    "MBG/NBD": (0.524838, 6.182988, 0.891356, 1.614000),
    "Pareto/NBD": (0.55328, 10.5776, 0.60621, 11.6679),
}
LIKELIHOODS = {"NBD": -9763.66, "BG/NBD": -9582.4256, "MBG/NBD": -9582.1327, "Pareto/NBD": -9594.9739}
ERRORS = {"BG/NBD": (0.01256, 0.3782, 0.1857, 0.7053), "Pareto/NBD": (0.0476, 0.8427, 0.1873, 6.2105)}
CDNOW = "CDNOW 1/10, Fader & Hardie; lifetimes"


def packaged(name: str) -> Path:
    """A file that ships with lifetimes."""
    spec = find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(name)
    return Path(spec.submodule_search_locations[0]) / "datasets" / name


@cache
def summary() -> pl.DataFrame:
    """CDNOW as published, times rounded to two decimals."""
    return pl.read_csv(packaged("cdnow_customers_summary.csv")).rename({"frequency": "x", "recency": "t_x"})


@cache
def daily() -> pl.DataFrame:
    """The same at day resolution, up to 1997-09-30, weeks."""
    rows = [
        line.split() for line in packaged("CDNOW_sample.txt").read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    frame = pl.DataFrame(rows, schema=["master", "customer_id", "day", "cds", "spend"], orient="row")
    days = frame.select("customer_id", day_n=pl.col("day").str.to_date("%Y%m%d").cast(pl.Int32)).unique()
    end = pl.lit(10134)  # 1997-09-30
    first = pl.col("day_n").min()
    return (
        days.filter(pl.col("day_n") <= end)
        .group_by("customer_id")
        .agg(x=pl.len() - 1, t_x=(pl.col("day_n").max() - first) / 7, T=(end.first() - first) / 7)
        .sort("customer_id")
    )


@cache
def fit(name: str) -> Any:
    """A model on the published summary."""
    return MODELS[name].fit(summary())


@cache
def donations() -> Any:
    """BG/BB on the donations."""
    names = {"frequency": "x", "recency": "t_x", "periods": "n", "weights": "customers"}
    return bg_bb.fit(pl.read_csv(packaged("donations.csv")).rename(names))


@cache
def spend() -> Any:
    """Gamma–Gamma on CDNOW."""
    return gamma_gamma.fit(
        pl.read_csv(packaged("cdnow_customers_summary_with_transactions.csv")).rename({"zbar": "spend"})
    )


@cache
def renewals(cohort: tuple[int, ...]) -> Any:
    """SBG on one cohort."""
    return sbg.fit(sbg.members_of_cohort(list(cohort)))


@cache
def grocery(k: int | None) -> Any:
    """MBG/CNBD-k on BTYDplus' grocery log (`groceryElog.csv`: cust, date), calibrated on 2006 as there."""
    days = pl.read_csv(REAL / "grocery_elog" / "groceryElog.csv", try_parse_dates=True).rename({"cust": "customer_id"})
    days = days.select("customer_id", day_n=pl.col("date").cast(pl.Date).cast(pl.Int32)).unique()
    end = 13513  # 2006-12-31
    known = days.filter(pl.col("day_n") <= end)
    first = pl.col("day_n").min()
    history = known.group_by("customer_id").agg(
        x=pl.len() - 1, t_x=(pl.col("day_n").max() - first) / 7, T=(end - first) / 7
    )
    return mbg_cnbd.fit(regularity.with_log_gaps(history, known), k=k)


def scored(name: str, x: int, t_x: float, T: float, *, weeks: float, what: str) -> float:
    """A prediction for one customer."""
    one = pl.DataFrame({"x": [x], "t_x": [t_x], "T": [T]})
    return float(predict.customers(fit(name), one, horizon=horizon.weeks(weeks))[what].item())


def newcomer(name: str, weeks: float) -> float:
    return predict.newcomers(fit(name), horizon=horizon.weeks(weeks))


def holdout(name: str) -> float:
    """Purchases expected in the 39 weeks of the holdout."""
    found = MODELS[name].fit(daily())
    return float(predict.customers(found, daily(), horizon=horizon.weeks(39))["expected"].sum())


def value(of: Any, name: str) -> float:
    return float(getattr(of.params, name))


def _estimates() -> list[Row]:
    rows = []
    for model, printed in PARAMETERS.items():
        for i, reference in enumerate(printed):
            name = tuple(MODELS[model].MODEL.names)[i]
            rows.append(
                Row(CDNOW, f"{model} {name}", reference, lambda m=model, n=name: value(fit(m), n), 2e-5 * reference)
            )
        rows.append(
            Row(
                CDNOW,
                f"{model} log-likelihood",
                LIKELIHOODS[model],
                lambda m=model: fit(m).log_likelihood,
                5e-3,
                True,
            )
        )
    for model, errors in ERRORS.items():
        for name, reference in zip(MODELS[model].MODEL.names, errors, strict=True):
            rows.append(
                Row(
                    CDNOW,
                    f"{model} se({name})",
                    reference,
                    lambda m=model, n=name: fit(m).standard_errors[n],
                    1e-3 * reference,
                )
            )
    return rows


def _predictions() -> list[Row]:
    times = ((0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8576))
    bg, pareto = partial(scored, "BG/NBD"), partial(scored, "Pareto/NBD")
    rows = [
        Row(CDNOW, f"BG/NBD E[X({t:g})]", reference, lambda t=t: newcomer("BG/NBD", t), 1.5e-3)
        for t, reference in times
    ]
    hard = pareto_nbd.ParetoNbdParams(0.55, 10.58, 0.61, 11.67)
    at = np.array([200.0])
    for x, reference in ((132.0, 6.2060517889632418), (133.0, 6.2528722475748113)):
        rows.append(
            Row(
                "CLVTools, hard rows",
                f"Pareto/NBD E[Y(10) | {x:g}, 200, 200]",
                reference,
                lambda x=x: pareto_nbd.expected_purchases(hard, x=np.array([x]), t_x=at, T=at, t=10.0)[0],
                1e-12,
            )
        )
    for model, reference in (("BG/NBD", 1653.4), ("MBG/NBD", 1576.7), ("Pareto/NBD", 1665.5)):
        rows.append(Row(CDNOW, f"{model} holdout, 39 weeks", reference, lambda m=model: holdout(m), 0.05))
    return [
        *rows,
        Row(
            CDNOW,
            "BG/NBD E[Y(39) | 2, 30.43, 38.86]",
            1.226,
            lambda: bg(2, 30.43, 38.86, weeks=39, what="expected"),
            5e-4,
        ),
        Row(CDNOW, "BG/NBD P(alive)", 0.72661, lambda: bg(2, 30.43, 38.86, weeks=39, what="p_alive"), 5e-5),
        Row(
            CDNOW,
            "BG/NBD P(X(39) = 0), printed parameters",
            0.5737864,
            lambda: 1 - coin_exceed(0.243, 4.414, 0.793, np.array([2.426]), t=39.0, most=0)[0, 0],
            5e-8,
        ),
        Row(
            CDNOW,
            "Pareto/NBD E[Y(52) | 26, 30.86, 31]",
            25.458,
            lambda: pareto(26, 30.86, 31.0, weeks=52, what="expected"),
            2e-3,
        ),
        Row(CDNOW, "Pareto/NBD P(alive)", 0.99792, lambda: pareto(26, 30.86, 31.0, weeks=52, what="p_alive"), 5e-6),
        Row(CDNOW, "Pareto/NBD E[X(52)]", 1.4735, lambda: newcomer("Pareto/NBD", 52), 1e-4),
        Row(CDNOW, "Pareto/NBD DERT(δ .0027)", 86.032, dert, 5e-3),
    ]


def dert() -> float:
    found = fit("Pareto/NBD")
    one = pl.DataFrame({"x": [26], "t_x": [30.86], "T": [31.0]})
    return float(predict.discounted(found, predict.read_for(found, one), t=None, rate=0.0027)[0])


def _others() -> list[Row]:
    regular, high = (1000, 631, 468, 382, 326, 289, 262, 241), (1000, 869, 743, 653, 593, 551, 517, 491)
    gg, bb, paper = "CDNOW, Gamma–Gamma note 025", "donations, Fader, Hardie & Shang 2010", "sBG, Fader & Hardie 2007"
    rows = [
        Row(gg, name, reference, lambda n=name: value(spend(), n), 2e-5 * reference)
        for name, reference in (("p", 6.2488), ("q", 3.7446), ("gamma", 15.4477))
    ]
    rows += [
        Row(bb, f"BG/BB {name}", reference, lambda n=name: value(donations(), n), 1e-4 * reference)
        for name, reference in (("alpha", 1.2035), ("beta", 0.7497), ("gamma", 0.6567), ("delta", 2.7834))
    ]
    for name, cohort, alpha, beta, ll in (
        ("Regular", regular, 0.7041, 1.1820, -1680.265),
        ("High-End", high, 0.6681, 3.8061, -1611.158),
    ):
        rows += [
            Row(paper, f"{name} alpha", alpha, lambda c=cohort: value(renewals(c), "alpha"), 1e-4),
            Row(paper, f"{name} beta", beta, lambda c=cohort: value(renewals(c), "beta"), 1e-4),
            Row(paper, f"{name} log-likelihood", ll, lambda c=cohort: renewals(c).log_likelihood, 1e-3, True),
        ]
    elog = "groceryElog, BTYDplus"
    return [
        *rows,
        Row(gg, "log-likelihood", -4055.92, lambda: spend().log_likelihood, 5e-3, True),
        Row(bb, "BG/BB log-likelihood", -33225.58, lambda: donations().log_likelihood, 5e-3, True),
        Row(
            CDNOW,
            "GGom/NBD log-likelihood (collapses)",
            -9594.9762,
            lambda: ggom_nbd.fit(daily()).log_likelihood,
            1e-3,
            True,
        ),
        Row(elog, "MBG/NBD log-likelihood", -15781.94, lambda: grocery(1).log_likelihood, 5e-2, True),
        Row(elog, "MBG/CNBD-k log-likelihood", -14978.21, lambda: grocery(None).log_likelihood, 5e-2, True),
        Row(elog, "k", 2, lambda: regularity_of(grocery(None).model), 0.0),
    ]


def regularity_of(name: str) -> float:
    return float(name.rsplit("_", 1)[1])


ROWS = [*_estimates(), *_predictions(), *_others()]
