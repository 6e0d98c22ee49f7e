"""May the numbers be trusted? The model against this company's own held-out purchases."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.clv.judge.backtest import Backtest
from crmlib.clv.judge.baselines import Contest
from crmlib.clv.judge.diagnosis import SEVEN_UP
from crmlib.kit import table as style
from crmlib.kit.charts import checks, labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.customer_lifetime import charts
from crmlib.pages.customer_lifetime.findings.value import BIAS_FAIL, BIAS_WARN
from crmlib.pages.customer_lifetime.findings.wording import bias_words, chosen, money
from crmlib.pages.shared.lifetime_wording import off_tenths

MISPLACED_WARN, MISPLACED_FAIL = 0.03, 0.08
"""Share of customers in the wrong bar of the frequency histogram."""
EACH_WARN, EACH_FAIL = 0.15, 0.30
"""Mean relative error of the conditional expectation, weighted by purchases."""
TENTH_WARN, TENTH_FAIL = 0.03, 0.06
"""Largest distance of a tenth of the PIT from 10 %."""
LINKED_WARN, LINKED_FAIL = 0.10, 0.30
"""Correlation of spend and frequency."""


def frequency(test: Backtest, *, words: Words) -> Finding:
    """Compare how often customers bought with what the model makes of it."""
    frame, form = test.frequency, words.format
    actual, expected = (frame[c].cast(pl.Float64).to_numpy() for c in ("actual", "expected"))
    wrong = float(np.abs(actual - expected).sum() / 2.0 / max(actual.sum(), 1.0))
    status = _status(wrong, MISPLACED_WARN, MISPLACED_FAIL)
    table = frame.select(purchases=_capped("purchases"), actual_customers="actual", expected_customers="expected")
    return _check(
        "frequency",
        status,
        table,
        chart=charts.expected_beside_actual(
            _pairs(table["purchases"].to_list(), actual.tolist(), expected.tolist(), digits=0, words=words),
            words=words,
            x_title=words("customer_lifetime.chart.repeat_purchases"),
            y_title=words("customer_lifetime.chart.customers"),
        ),
        values={
            "who": _who(test, words),
            "wrong": form.share(wrong),
            "customers": form.count(int(actual.sum())),
            "cut": form.day(test.cut),
        },
        words=words,
    )


def conditional(test: Backtest, *, words: Words) -> Finding:
    """Compare, for those who had bought x times, what came in the holdout with what was expected."""
    frame, form = test.by_x, words.format
    gap = (pl.col("actual") - pl.col("expected")).abs() * pl.col("customers")
    total = float(frame.select((pl.col("actual") * pl.col("customers")).sum()).item())
    error = float(frame.select(gap.sum()).item()) / max(total, 1e-9)
    table = frame.select(purchases=_capped("x"), customers="customers", actual_each="actual", expected_each="expected")
    return _check(
        "conditional",
        _status(error, EACH_WARN, EACH_FAIL),
        table,
        chart=charts.expected_beside_actual(
            _pairs(
                table["purchases"].to_list(),
                frame["actual"].to_list(),
                frame["expected"].to_list(),
                digits=1,
                words=words,
            ),
            words=words,
            x_title=words("customer_lifetime.chart.before"),
            y_title=words("customer_lifetime.chart.per_customer"),
        ),
        values={"error": form.share(error), "cut": form.day(test.cut), "end": form.day(test.end)},
        words=words,
    )


def tracking(test: Backtest, *, words: Words) -> Finding:
    """Follow repeat purchases week by week through calibration and holdout, and state the error of the total."""
    contest, form = chosen(test), words.format
    frame = test.weeks
    series = (words("customer_lifetime.chart.actual"), words("customer_lifetime.chart.expected"))
    parts = [
        frame.select(
            "day",
            series=pl.lit(name),
            weekly=pl.col(column).cast(pl.Float64),
            cumulative=pl.col(column).cast(pl.Float64).cum_sum(),
            cut=pl.lit(test.cut),
        )
        for name, column in zip(series, ("actual", "expected"), strict=True)
    ]
    kind = "high" if contest.bias > 0 else "low"
    status = _status(abs(contest.bias), BIAS_WARN, BIAS_FAIL)
    table = frame.select(week_end="day", actual_purchases="actual", expected_purchases="expected")
    return _check(
        "tracking",
        status,
        table,
        chart=charts.tracking(pl.concat(parts), words=words),
        variant="ok" if status == "ok" else kind,
        values={
            "bias": form.share(abs(contest.bias)),
            "predicted": form.number(contest.predicted),
            "actual": form.number(contest.actual),
            "sentence": bias_words(test, words, of="trips"),
            "who": _who(test, words),
            "cut": form.day(test.cut),
            "end": form.day(test.end),
        },
        words=words,
    )


def calibration(test: Backtest, *, words: Words) -> Finding:
    """Compare the probability of buying in the holdout with the share that did, in tenths of customers."""
    frame, form = test.calibration, words.format
    off, status = off_tenths(test)
    chart = frame.with_columns(label=pl.Series([form.share(r) for r in frame["rate"]], dtype=pl.String))
    return _check(
        "calibration",
        status,
        frame,
        chart=checks.calibration(
            chart.rename({"p_buy": "expected", "rate": "observed"}),
            titles=(words("customer_lifetime.chart.predicted_share"), words("customer_lifetime.chart.actual_share")),
        ),
        values={"off": str(off), "tenths": str(frame.height), "cut": form.day(test.cut), "end": form.day(test.end)},
        words=words,
    )


def spread(test: Backtest, *, words: Words) -> Finding:
    """Look where outcomes fell in their predicted distribution (PIT), and how many within the 90 % interval."""
    form = words.format
    tenth = (test.customers["pit"].to_numpy() * 10).astype(int).clip(0, 9)
    shares = np.bincount(tenth, minlength=10) / max(len(tenth), 1)
    worst = float(np.abs(shares - 0.1).max())
    names = [str(i + 1) for i in range(10)]
    table = pl.DataFrame({"tenth": names, "share": shares})
    chart = pl.DataFrame({"name": names, "share": shares, "label": [form.share(s) for s in shares.tolist()]})
    return _check(
        "spread",
        _status(worst, TENTH_WARN, TENTH_FAIL),
        table,
        chart=charts.pit(chart, words=words),
        values={"coverage": form.share(test.coverage), "worst": form.share(worst)},
        words=words,
    )


def models(test: Backtest, *, words: Words) -> Finding:
    """Set the models side by side with each other and with "the same as last year"; say whether the model wins."""
    form = words.format
    trips, cash = _verdict(test.trips, test.chosen), _verdict(test.money, test.chosen)
    verdicts = [v for v in (trips, cash) if v]
    kind = "lose" if "lose" in verdicts else "win" if all(v == "win" for v in verdicts) else "tie"
    status: Status = {"win": "ok", "tie": "warn", "lose": "fail"}[kind]  # type: ignore[assignment]
    likelihoods = {row["model"]: row for row in test.models.iter_rows(named=True)}
    rows = [
        {
            "model": words(f"customer_lifetime.model.{c.name}"),
            "log_likelihood": likelihoods.get(c.name, {}).get("log_likelihood") if measure == "trips" else None,
            "aic": likelihoods.get(c.name, {}).get("aic") if measure == "trips" else None,
            "deviance": likelihoods.get(c.name, {}).get("deviance") if measure == "trips" else None,
            "compared_on": words(f"customer_lifetime.measure.{measure}"),
            "bias": c.bias,
            "mae": c.mae,
            "rmse": c.rmse,
            "captured": c.captured,
        }
        for measure, contests in (("trips", test.trips), ("spend", test.money))
        for c in contests
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    shown = [(c, words(f"customer_lifetime.model.{c.name}")) for c in sorted(test.trips, key=lambda c: c.mae)]
    chart = pl.DataFrame(
        {
            "name": [name for _, name in shown],
            "value": [c.mae for c, _ in shown],
            "low": [c.mae_interval[0] for c, _ in shown],
            "high": [c.mae_interval[1] for c, _ in shown],
            "label": [form.number(c.mae, digits=2) for c, _ in shown],
        }
    )
    ours, naive = chosen(test), next(c for c in test.trips if c.name == "last_trips")
    return _check(
        "models",
        status,
        table,
        chart=labelled.bars(chart, words=words, title=words("customer_lifetime.chart.error")),
        variant=kind,
        values={
            "model": words(f"customer_lifetime.model.{test.chosen}"),
            "tried": str(test.models.height),
            "mae": form.number(ours.mae, digits=2),
            "naive": form.number(naive.mae, digits=2),
            "trips": words(f"customer_lifetime.verdict.{trips}"),
            "spend": words(f"customer_lifetime.verdict.{cash}") if cash else words("customer_lifetime.verdict.none"),
            "captured": form.share(ours.captured),
            "naive_captured": form.share(naive.captured),
        },
        words=words,
    )


def spend(linked: tuple[float, float, int], test: Backtest, *, words: Words) -> Finding:
    """Test the assumption that how much customers spend has nothing to do with how often they come.

    Parameters
    ----------
    linked : correlation, its standard error, customers (`gamma_gamma.spend_frequency`).
    """
    rho, error, n = linked
    form = words.format
    known = n >= 3 and np.isfinite(rho)
    significant = known and abs(rho) > 1.645 * error
    status: Status = "none" if not known else _status(abs(rho), LINKED_WARN, LINKED_FAIL) if significant else "ok"
    kind = "none" if not known else "ok" if status == "ok" else "more" if rho > 0 else "less"
    mean = test.spend.mean if test.spend is not None else float("nan")
    table = pl.DataFrame({"correlation": [round(rho, 3) if known else None], "customers": [n]})
    return _check(
        "spend",
        status,
        table,
        chart=None,
        variant=kind,
        values={
            "rho": form.number(rho, digits=2),
            "error": form.number(error, digits=2),
            "customers": form.count(n),
            "mean": money(mean, words) if np.isfinite(mean) else "—",
        },
        words=words,
    )


def _verdict(contests: list[Contest], name: str) -> str:
    """Whether a model's mean absolute error is below the baseline's beyond the bootstrap interval."""
    ours = next((c for c in contests if c.name == name), None)
    if ours is None or ours.better_mae is None:
        return ""
    low, high = ours.better_mae
    return "win" if low > 0 else "lose" if high < 0 else "tie"


def _who(test: Backtest, words: Words) -> str:
    """Whose purchases the unconditional expectations are compared with."""
    return words(f"customer_lifetime.check.who.{'new' if test.on_newcomers else 'all'}")


def _status(size: float, warn: float, fail: float) -> Status:
    return "fail" if size >= fail else "warn" if size >= warn else "ok"


def _capped(column: str) -> pl.Expr:
    name = pl.col(column).cast(pl.String)
    return pl.when(pl.col(column) >= SEVEN_UP).then(name + "+").otherwise(name)


def _pairs(names: list[str], actual: list[float], expected: list[float], *, digits: int, words: Words) -> pl.DataFrame:
    rows = []
    for name, came, thought in zip(names, actual, expected, strict=True):
        for series, value in (("actual", came), ("expected", thought)):
            label = words.format.number(value, digits=digits)
            rows.append((name, words(f"customer_lifetime.chart.{series}"), float(value), label))
    return pl.DataFrame(rows, schema=["name", "series", "value", "label"], orient="row")


def _check(
    name: str,
    status: Status,
    table: pl.DataFrame,
    *,
    chart: object,
    values: dict[str, str],
    words: Words,
    variant: str | None = None,
) -> Finding:
    """A finding of the model-check section, its sentences chosen by `variant` (the status if none is given)."""
    return Finding.worded(
        f"customer_lifetime.check.{name}",
        variant or status,
        values,
        words=words,
        key=f"clv.check.{name}",
        status=status,
        table=table,
        view=style.readable(table, words=words),
        chart=chart,  # type: ignore[arg-type]
        role="check",
    )
