"""The owner of that day: one truth for every page, checked against the flows of members by owner and against a page."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.churn.movement import flows
from crmlib.core import owners
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from tests.report import world

START = date(2026, 1, 1)


def held(rng: np.random.Generator, n: int = 60) -> pl.DataFrame:
    """Spans of customers, some of the pool (nobody), some that end without a successor."""
    rows = pl.DataFrame(
        {
            "customer_id": [f"C{c:04d}" for c in rng.integers(0, n, 3 * n)],
            "starts_on": [START + timedelta(days=int(d)) for d in rng.integers(0, 150, 3 * n)],
            "staff_id": [None if s == 0 else f"G{s}" for s in rng.integers(0, 4, 3 * n)],
            "long": rng.integers(0, 90, 3 * n),
        }
    ).unique(["customer_id", "starts_on"], keep="first", maintain_order=True)
    ends = pl.when(pl.col("long") < 20).then(pl.col("starts_on") + pl.duration(days=pl.col("long")))
    return rows.with_columns(ends_on=ends.cast(pl.Date)).drop("long")


@pytest.mark.parametrize("day", [20, 80, 149, 300])
def test_today_s_owner_is_what_flows_by_owner_say(day: int) -> None:
    rng = np.random.default_rng(day)
    as_of, spans = START + timedelta(days=day), held(rng)
    people = pl.DataFrame({"customer_id": [f"C{c:04d}" for c in range(90)], "owner_staff": ["G9"] * 90})
    past = spans.filter(pl.col("starts_on") <= as_of)
    said = owners.of_day(people.lazy(), spans, as_of=as_of).collect()
    other = flows.owned_on(flows.owners(people, past), as_of)
    both = said.join(other, on="customer_id", how="left", validate="1:1")
    assert both["owner_staff"].to_list() == both["owner"].to_list()
    assert {None, "G9"} < set(said["owner_staff"]), "some are in the pool, some as the list says"
    assert said.select("customer_id").equals(people.select("customer_id"))


def test_a_page_shows_the_owner_of_its_day_and_not_the_one_on_the_list(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    known = {"src_name": "m", "src_file": "m.csv", "src_line": 1, "known_at": world.CLOCK - timedelta(days=60)}
    people = pl.DataFrame({"customer_id": ["a", "b", "c"], "owner_staff": "L", "region": "华东", **known}).with_columns(
        joined_on=pl.lit(date(2020, 1, 1))
    )
    moved = world.LAST - timedelta(days=9)
    spans = pl.DataFrame(
        {"customer_id": ["a", "a", "b"], "starts_on": [date(2020, 1, 1), moved, moved], "staff_id": ["K", None, "M"],
         "ends_on": pl.Series([None] * 3, dtype=pl.Date), **known},
        schema_overrides={"staff_id": pl.String},
    )  # fmt: skip
    for name, frame in (("customers", people), ("assignments", spans)):
        delta.append(lake.table_path(name), frame, batch=delta.Batch(f"b-{name}", {"table": name}), partition=None,
                     description='{"currency": "CNY", "time_zone": "Asia/Shanghai"}')  # fmt: skip
    said = {
        day: world.opened(lake, variables={"as_of": day}).table("customers").collect()["owner_staff"].to_list()
        for day in (world.LAST, moved - timedelta(days=1))
    }
    assert list(said.values()) == [[None, "M", "L"], ["K", "L", "L"]]
    assert "assignments" in _used(lake)


def _used(lake: Lake) -> set[str]:
    page = world.opened(lake)
    page.table("customers")
    return page.used
