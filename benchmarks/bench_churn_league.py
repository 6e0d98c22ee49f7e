"""The league table on three real sets: CDNOW (all and repeat buyers), Telco, Online Retail II.

`python benchmarks/bench_churn_league.py [--small]` (CDNOW only with --small). CDNOW ships with `lifetimes`; the other
two are read from ../shared/data or CRMLIB_REAL_DATA and left out where that is absent.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib import clv, panels
from crmlib.churn import boosted, logit
from crmlib.churn.backtest import Contestant, league, rolling
from crmlib.churn.calibration import ece, recalibrate
from crmlib.churn.contestants import standard
from crmlib.churn.features import EVERYBODY, Options
from crmlib.churn.metrics import auc, brier
from crmlib.churn.model import nearest_season
from crmlib.churn.visits import visits

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


def cdnow() -> None:
    first, last = date(1997, 1, 1), date(1998, 6, 30)
    origins = [first + timedelta(days=d) for d in (180, 272, 363)]
    scored, rivals = run(cdnow_lines(), test=[date(1998, 3, 31)], train=origins, last=last, options=EVERYBODY)
    y, again = scored["y"].to_numpy().astype(float), (scored["trips"] > 1).to_numpy()
    print(f"\nCDNOW, {len(y):,} customers, churn {y.mean():.4f}; repeat buyers {again.sum():,}\n")
    print("| score | AUC | published | repeat | published | Brier | ECE |\n|---|---|---|---|---|---|---|")
    for rival in rivals:
        s = scored[rival.name].to_numpy()
        known = PUBLISHED.get(rival.name, (None, None))
        quality = f"{brier(y, s):.4f} | {ece(y, s):.4f}" if rival.probability else " | "
        print(
            f"| {rival.name} | {auc(y, s):.4f} | {known[0]} | {auc(y[again], s[again]):.4f} | {known[1]} | {quality} |"
        )


def online() -> None:
    last = date(2011, 12, 9)
    test = [last - timedelta(days=H * k) for k in (3, 2, 1)]
    train = [last - timedelta(days=H * k) for k in range(2, 8)]
    scored, rivals = run(online_lines(), test=test, train=train, last=last, options=Options())
    print("\nOnline Retail II, three rolling origins, eligible = bought in the last 270 days\n")
    table = league(scored, contestants=rivals, against="logit", rng=np.random.default_rng(1))
    print("| population | score | AUC | low | high | gain on logit | low | high | lift |\n" + "|---" * 9 + "|")
    for r in table.iter_rows(named=True):
        numbers = " | ".join(f"{r[c]:.4f}" for c in ("auc", "auc_low", "auc_high", "gain", "gain_low", "gain_high"))
        print(f"| {r['population']} | {r['contestant']} | {numbers} | {r['lift']:.2f} |")


def online_calibration() -> None:
    from crmlib.churn.labels import dataset

    last = date(2011, 12, 9)
    t0, seen = last - timedelta(days=H), visits(online_lines())
    days = [t0 - timedelta(days=H * k) for k in (4, 3, 2, 1)]
    tables = {t: dataset(seen, t0=t, horizon=H, observed_until=last) for t in [*days, t0]}
    fit = logit.fit(pl.concat([tables[t] for t in days]))
    season = tables[nearest_season(days, t0=t0)]
    moved = recalibrate(season["y"].to_numpy().astype(float), fit.predict(season))
    y, p = tables[t0]["y"].to_numpy().astype(float), fit.predict(tables[t0])
    before, after = ece(y, p), ece(y, moved.apply(p))
    print(f"\nOnline Retail II, logit at {t0}: ECE20 {before:.3f}, recalibrated ({moved.kind}) {after:.3f}")


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
    print(f"\nTelco, {x.height:,} rows, 5-fold\n\n| score | AUC | published | Brier | ECE |\n|---|---|---|---|---|")
    for name, module, known in (("logit", logit, 0.8498), ("boosted", boosted, 0.8493)):
        p = np.empty(x.height)
        for k in range(5):
            p[fold == k] = module.fit(x.filter(fold != k), names=names).predict(x.filter(fold == k))
        print(f"| {name} | {auc(y, p):.4f} | {known} | {brier(y, p):.4f} | {ece(y, p):.4f} |")


def main() -> None:
    cdnow()
    if "--small" not in sys.argv and ROOT.is_dir():
        telco()
        online()
        online_calibration()


if __name__ == "__main__":
    main()
