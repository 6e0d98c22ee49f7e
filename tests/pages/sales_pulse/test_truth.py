"""The page on a company whose truth is known: a January that a festival left, and a slump of one store."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.pages.sales_pulse import findings
from crmlib.pages.sales_pulse.study import Study
from tests.report import world
from tests.sales.worlds import WEEKDAYS, season

STORES, FIRST, LAST = 7, date(2024, 1, 1), date(2026, 6, 30)
SLUMP, DEPTH = ("S3", date(2026, 6, 24)), 0.5
"""From that day on the store sold half of what it should."""


def sales() -> pl.DataFrame:
    """One line a store and day: level × season × weekday × noise; nothing grew from year to year."""
    rng = np.random.default_rng(11)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    shape = np.array([season(d) * WEEKDAYS[d.weekday()] for d in days])
    level = rng.lognormal(11.5, 0.4, STORES)[:, None]
    net = level * shape[None, :] * np.exp(rng.normal(0, 0.08, (STORES, len(days))))
    net[3, days.index(SLUMP[1]) :] *= DEPTH
    n = STORES * len(days)
    plain = world.lines(customers=1).head(1).drop("line_id", "receipt_id", "store_id", "day", "day_n", "net_minor")
    stamp = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return (
        pl.DataFrame(
            {
                "line_id": [f"L{i}" for i in range(n)],
                "receipt_id": [f"R{i}" for i in range(n)],
                "store_id": np.repeat([f"S{i}" for i in range(STORES)], len(days)),
                "day": days * STORES,
                "net_minor": net.round().astype(np.int64).ravel(),
            }
        )
        .join(plain, how="cross")
        .with_columns(day_n=pl.col("day").cast(pl.Int32), list_minor="net_minor", product_id=pl.lit("P"))
        .with_columns(sold_at=stamp, known_at=stamp)
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("truth") / "lake")
    lake.path.mkdir(parents=True)
    record = {"source": "pos", "table": "receipt_lines", "at": world.CLOCK.isoformat(), "currency": "CNY", "files": []}
    record |= dict.fromkeys(("replaced", "duplicate", "excluded", "withdrawn", "quarantined"), 0) | {"rules": []}
    facts = json.dumps({"currency": "CNY", "time_zone": "Asia/Shanghai"})
    lines = sales()
    batch = delta.Batch("b", record | {"read": lines.height, "kept": lines.height})
    delta.append(lake.table_path("receipt_lines"), lines, batch=batch, partition=None, description=facts)
    return lake


def test_a_january_that_the_festival_left_is_no_loss(company: Lake) -> None:
    """Spring Festival 2025 lay on 29 January, 2026 on 17 February: by the same dates January lost a third."""
    variables = {"as_of": "2026-01-31", "period": "month"}
    study = Study(world.opened(company, report="sales_pulse", variables=variables))
    growth = {row["comparison"]: row["growth"] for row in study.growth.iter_rows(named=True)}
    assert growth["same_dates"] < -0.3
    assert abs(growth["same_slot"]) < 0.05
    assert study.ground == "same_slot"


def test_a_planted_slump_is_the_store_to_call_with_the_money_it_lost(company: Lake) -> None:
    variables = {"as_of": str(LAST), "period": "week"}
    study = Study(world.opened(company, report="sales_pulse", variables=variables))
    listed = findings.actions(study)
    sold = sales().filter(pl.col("store_id") == SLUMP[0], pl.col("day") >= SLUMP[1])["net_minor"].sum()
    assert listed.table["store"][0] == SLUMP[0]  # the most money
    lost = abs(int(listed.table["gap_minor"][0]))
    assert lost == pytest.approx(sold, rel=0.15)  # half was lost: as much as was sold
    assert findings.stores(study).status == "warn"
    quiet = Study(world.opened(company, report="sales_pulse", variables=variables | {"as_of": "2026-06-16"}))
    assert SLUMP[0] not in findings.actions(quiet).table["store"]
