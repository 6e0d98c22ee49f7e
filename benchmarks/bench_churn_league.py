"""The league table on three real sets and a simulated company, beside the published figures, and the goals.

`python benchmarks/bench_churn_league.py [--small]` (CDNOW only with --small). CDNOW ships with `lifetimes`; Telco and
Online Retail are read from ../shared/data or CRMLIB_REAL_DATA and left out where that is absent.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import gammainc

from crmlib import clv, panels
from crmlib.churn.features import options as sources
from crmlib.churn.features.features import EVERYBODY, Options
from crmlib.churn.features.labels import dataset
from crmlib.churn.features.visits import first_day, visits
from crmlib.churn.judge.backtest import Contestant, closed_tests, league, rolling, winner
from crmlib.churn.judge.calibration import ece, null_ece, recalibrate
from crmlib.churn.last_test import last_test
from crmlib.churn.league import standard, trial
from crmlib.churn.metrics import auc, brier
from crmlib.churn.models import boosted, logit, overdue, rules
from crmlib.churn.risk import nearest_season
from crmlib.data import Lake, ingest
from crmlib.simulate import company

GOALS: list[tuple[str, float, str, bool]] = []
ROOT = Path(os.environ.get("CRMLIB_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
H = 91
PUBLISHED = {
    "boosted": (0.8393, 0.7709),
    "logit": (0.8385, 0.7691),
    "p_zero": (0.8302, 0.7647),
    "recency": (0.8279, 0.7381),
    "frequency": (0.8254, None),
    "overdue": (0.748, 0.6533),
}


def cdnow_lines() -> pl.DataFrame:
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_master.txt"
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
    frame = pl.DataFrame(rows, schema=["customer_id", "day", "cds", "value"], orient="row")
    return frame.select(
        "customer_id",
        pl.col("day").str.to_date("%Y%m%d").cast(pl.Int32).alias("day_n"),
        (pl.col("cds").cast(pl.Int64) * 1000).alias("quantity_milli"),
        (pl.col("value").cast(pl.Float64) * 100).round().cast(pl.Int64).alias("net_minor"),
    )


def online_lines() -> pl.DataFrame:
    raw = pl.read_parquet(ROOT / "online_retail" / "online_retail_II_combined.parquet")
    raw = raw.filter(pl.col("CustomerID").is_not_null())
    first = raw.filter(pl.col("sheet") == "Year 2009-2010")
    second = raw.filter(pl.col("sheet") != "Year 2009-2010").join(first.select("Invoice"), on="Invoice", how="anti")
    return pl.concat([first, second]).select(
        pl.col("CustomerID").alias("customer_id"),
        pl.col("InvoiceDate").dt.date().cast(pl.Int32).alias("day_n"),
        (pl.col("Quantity") * 1000).alias("quantity_milli"),
        (pl.col("Quantity") * pl.col("Price") * 100).round().cast(pl.Int64).alias("net_minor"),
    )


def run(
    lines: pl.DataFrame, *, test: list[date], train: list[date], last: date, options: Options
) -> tuple[pl.DataFrame, list[Contestant]]:
    seen, rng = visits(lines), np.random.default_rng(1)
    fit = clv.bg_nbd.fit(panels.purchase_history(lines, period_end=min(test)))
    rivals = standard(seen, horizon=H, purchases=fit.params, rng=rng)
    scored = rolling(
        seen,
        test_origins=test,
        train_origins=train,
        horizon=H,
        observed_until=last,
        contestants=rivals,
        options=options,
    )
    return scored, rivals


def goal(name: str, value: float, *, most: float | None = None, least: float | None = None) -> None:
    """Note a goal: reached or missed, and by how much."""
    if most is not None:
        GOALS.append((name, value, f"<= {most}", value <= most))
    elif least is not None:
        GOALS.append((name, value, f">= {least}", value >= least))


def cdnow() -> None:
    first, last = date(1997, 1, 1), date(1998, 6, 30)
    origins = [first + timedelta(days=d) for d in (180, 272, 363)]
    scored, rivals = run(cdnow_lines(), test=[date(1998, 3, 31)], train=origins, last=last, options=EVERYBODY)
    y, again = scored["y"].to_numpy().astype(float), (scored["trips"] > 1).to_numpy()
    print(f"\nCDNOW, {len(y):,} customers, churn {y.mean():.4f}; repeat buyers {again.sum():,}\n")
    print("| score | AUC | published | repeat | published | Brier | ECE20 |\n|---|---|---|---|---|---|---|")
    for rival in rivals:
        s = scored[rival.name].to_numpy()
        known = PUBLISHED.get(rival.name, (None, None))
        quality = f"{brier(y, s):.4f} | {ece(y, s):.4f}" if rival.probability else " | "
        print(
            f"| {rival.name} | {auc(y, s):.4f} | {known[0]} | {auc(y[again], s[again]):.4f} | {known[1]} | {quality} |"
        )
    found = {r.name: auc(y, scored[r.name].to_numpy()) for r in rivals}
    goal("CDNOW: LightGBM - logit, AUC", found["boosted"] - found["logit"], most=0.005)
    goal("CDNOW: ECE20 of the logit", ece(y, scored["logit"].to_numpy()), most=0.03)
    active = scored.filter(pl.col("recency") < 60)
    _over_recency("CDNOW", active)


def _over_recency(name: str, active: pl.DataFrame) -> None:
    y = active["y"].to_numpy()
    ahead = auc(y, active["boosted"].to_numpy()) - auc(y, active["recency"].to_numpy())
    goal(f"{name}: LightGBM - recency among the active, AUC", ahead, least=0.01)


def online_year() -> None:
    """The year of the first publication: everybody known 91 days before its end."""
    t0, last = date(2011, 9, 9), date(2011, 12, 9)
    lines = online_lines().filter(pl.col("day_n") >= (date(2010, 12, 1) - date(1970, 1, 1)).days)
    train = [date(2011, 4, 11), date(2011, 6, 10)]
    scored, rivals = run(lines, test=[t0], train=train, last=last, options=EVERYBODY)
    table = dataset(visits(lines), t0=t0, horizon=H, observed_until=last, options=EVERYBODY)
    fit = clv.bg_nbd.fit(panels.purchase_history(lines, period_end=t0)).params
    x, age, recency = (table[c].to_numpy().astype(float) for c in ("trips", "age", "recency"))
    alive = rules.p_alive(x=x - 1, t_x=(age - recency) / 7, T=age / 7, r=fit.r, alpha=fit.alpha, a=fit.a, b=fit.b)
    y = scored["y"].to_numpy().astype(float)
    published = {"boosted": 0.7397, "p_zero": 0.733, "logit": 0.7411, "1 - P(alive)": 0.359}
    values = {r.name: scored[r.name].to_numpy() for r in rivals} | {"1 - P(alive)": 1 - alive}
    print(f"\nOnline Retail 2010-12 to 2011-12, origin {t0}, {len(y):,} customers, churn {y.mean():.4f}\n")
    print("| score | AUC | published |\n|---|---|---|")
    for name, s in values.items():
        print(f"| {name} | {auc(y, s):.4f} | {published.get(name, '')} |")
    goal(
        "Online Retail, one year: LightGBM - logit, AUC",
        auc(y, values["boosted"]) - auc(y, values["logit"]),
        most=0.005,
    )


def online() -> None:
    last = date(2011, 12, 9)
    test = [last - timedelta(days=H * k) for k in (3, 2, 1)]
    train = [last - timedelta(days=H * k) for k in range(2, 8)]
    scored, rivals = run(online_lines(), test=test, train=train, last=last, options=Options())
    print("\nOnline Retail II, three rolling origins, eligible = bought in the last 270 days\n")
    table = league(scored, contestants=rivals, against="logit", rng=np.random.default_rng(1))
    board(table)
    goal("Online Retail, two years: LightGBM - logit, AUC", _mean(table, "boosted") - _mean(table, "logit"), most=0.005)
    gain = _mean(table, "boosted", "active") - _mean(table, "recency", "active")
    goal("Online Retail: LightGBM - recency among the active, AUC", gain, least=0.01)


def board(table: pl.DataFrame) -> None:
    print("| population | score | AUC | low | high | gain on logit | low | high | lift |\n" + "|---" * 9 + "|")
    for r in table.iter_rows(named=True):
        numbers = " | ".join(f"{r[c]:.4f}" for c in ("auc", "auc_low", "auc_high", "gain", "gain_low", "gain_high"))
        print(f"| {r['population']} | {r['contestant']} | {numbers} | {r['lift']:.2f} |")
    print(f"\nranks the list: {winner(table)}")


def _mean(table: pl.DataFrame, name: str, population: str = "all") -> float:
    return float(table.filter((pl.col("contestant") == name) & (pl.col("population") == population))["auc"].item())


def online_calibration() -> None:
    last = date(2011, 12, 9)
    t0, seen = last - timedelta(days=H), visits(online_lines())
    days = [t0 - timedelta(days=H * k) for k in (4, 3, 2, 1)]
    tables = {t: dataset(seen, t0=t, horizon=H, observed_until=last) for t in [*days, t0]}
    fit = logit.fit(pl.concat([tables[t] for t in days]))
    season = tables[nearest_season(days, t0=t0)]
    moved = recalibrate(season["y"].to_numpy().astype(float), fit.predict(season))
    y, p = tables[t0]["y"].to_numpy().astype(float), fit.predict(tables[t0])
    before, after = ece(y, p), ece(y, moved.apply(p))
    null = null_ece(moved.apply(p), rng=np.random.default_rng(1))
    print(f"\nOnline Retail II, logit at {t0}: ECE20 {before:.3f}, recalibrated ({moved.kind}) {after:.3f}, of which a")
    print(f"perfect model would show {null:.3f}")
    goal("Online Retail: ECE20 of the logit beyond a perfect model's", max(after - null, 0), most=0.05)


def simulated(customers: int = 20_000) -> None:
    """The simulated company, twenty thousand cards: the last closed origin, and the league of three."""
    end = date(2026, 10, 31)
    with tempfile.TemporaryDirectory() as folder:
        out = company(customers=customers, stores=60, days=730, seed=7, out=Path(folder) / "raw", end=end)
        lake = Lake(Path(folder) / "lake")
        for name in ("pos_store", "pos_counter", "contacts", "points"):
            ingest(name, sources=out / "sources.yml", lake=lake, now=datetime(2026, 11, 1, tzinfo=UTC))
        seen = visits(lake.table("receipt_lines"))
        tables = {name: lake.table(name).collect() for name in ("contacts", "points")}
        lines = lake.table("receipt_lines").filter(pl.col("customer_id").is_not_null()).collect()
    first = first_day(seen)
    options = sources.options(first=first, last=end, **tables)
    history = {"as_of": end, "horizon": H, "first": first, "rng": np.random.default_rng(1), "options": options}
    tests = closed_tests(first=first, as_of=end, horizon=H)
    fit = clv.bg_nbd.fit(panels.purchase_history(lines, period_end=min(tests))).params
    made = trial(seen, tests=tests, purchases=fit, **history)
    assert made.board is not None
    c = last_test(seen, kind=made.kind, purchases=made.p_zero, **history).calibration
    plain = last_test(seen, **history).calibration
    print(
        f"\nSimulated company, {customers:,} cards, three rolling origins; on the last: ECE20 {c.ece:.4f}, of which a"
    )
    print(f"perfect model would show {c.ece_null:.4f}\n")
    board(made.board)
    goal(f"Simulated: ECE20 of what ranks ({made.kind}) beyond a perfect model's", c.ece_excess, most=0.015)
    goal("Simulated: ECE20 of the logit beyond a perfect model's", plain.ece_excess, most=0.015)
    gain = _mean(made.board, "boosted", "active") - _mean(made.board, "recency", "active")
    goal("Simulated: LightGBM - recency among the active, AUC", gain, least=0.01)


def rhythm(customers: int = 8000) -> None:
    """Overdue where everybody's rhythm is known: gamma gaps, nobody leaves, watched for 455 days."""
    print("\nOverdue against a known rhythm: repeat buyers, nobody left, share called overdue\n")
    print("| shape of the gaps | recency / mean gap > 2 | gaps of those who came | overdue (.9) | truly | miss |")
    print("|---|---|---|---|---|---|")
    for k, c, d in ((2.0, 3.0, 160.0), (1.0, 2.0, 190.0)):
        rng = np.random.default_rng(1)
        rate, start = rng.gamma(c, 1 / d, customers), rng.uniform(0, 90, customers)
        gaps = rng.gamma(k, 1, (customers, 400)) / rate[:, None]
        when = start[:, None] + np.cumsum(gaps, axis=1)
        inside = when <= 455
        n, last = inside.sum(axis=1), np.where(inside, when, start[:, None]).max(axis=1)
        logs = np.where(inside, np.log(gaps), 0).sum(axis=1)
        table = pl.DataFrame({"customer_id": [f"c{i}" for i in range(customers)], "recency": 455 - last,
                              "age": 455 - start, "trips": n + 1, "log_gap_sum": logs})  # fmt: skip
        again, true = n > 0, gammainc(k, rate * (455 - last))
        fit = overdue.fit(table, log_gaps=table, rng=rng)
        o = fit.overdue(table)["overdue"].to_numpy()
        blind = table.with_columns(age=pl.col("age") - pl.col("recency"), recency=pl.lit(0.0))
        closed = overdue.fit(blind, log_gaps=table, rng=rng).overdue(table)["overdue"].to_numpy()
        ratio = (455 - last) / np.maximum((last - start) / np.maximum(n, 1), 1e-9)
        shares = ((ratio > 2), closed >= overdue.OVERDUE, o >= overdue.OVERDUE, true >= overdue.OVERDUE)
        numbers = " | ".join(f"{s[again].mean():.3f}" for s in shares)
        print(f"| {k} | {numbers} | {np.abs(o - true)[again].mean():.3f} |")


def telco() -> None:
    raw = pl.read_parquet(ROOT / "telco" / "telco_churn.parquet")
    truth = (raw["Churn"] == "Yes").cast(pl.Int8)
    wide = raw.drop("customerID", "Churn").with_columns(
        pl.col("tenure").log1p(), pl.col("TotalCharges").fill_null(0).log1p()
    )
    texts = [c for c, kind in wide.schema.items() if kind == pl.String]
    x = wide.to_dummies(texts, drop_first=True).cast(pl.Float64).with_columns(truth.alias("y"))
    names = [c for c in x.columns if c != "y"]
    fold = np.random.default_rng(0).permutation(x.height) % 5
    y = truth.to_numpy().astype(float)
    found = {}
    print(f"\nTelco, {x.height:,} rows, 5-fold\n\n| score | AUC | published | Brier | ECE |\n|---|---|---|---|---|")
    for name, module, known in (("logit", logit, 0.8498), ("boosted", boosted, 0.8493)):
        p = np.empty(x.height)
        for k in range(5):
            p[fold == k] = module.fit(x.filter(fold != k), names=names).predict(x.filter(fold == k))
        found[name] = auc(y, p)
        print(f"| {name} | {auc(y, p):.4f} | {known} | {brier(y, p):.4f} | {ece(y, p):.4f} |")
    goal("Telco: LightGBM - logit, AUC", found["boosted"] - found["logit"], most=0.005)


def main() -> None:
    cdnow()
    rhythm()
    if "--small" not in sys.argv:
        if ROOT.is_dir():
            telco()
            online_year()
            online()
            online_calibration()
        simulated()
    print("\n| goal | measured | wanted | |\n|---|---|---|---|")
    for name, value, wanted, reached in GOALS:
        print(f"| {name} | {value:.4f} | {wanted} | {'reached' if reached else 'MISSED'} |")


if __name__ == "__main__":
    main()
