"""The study of customer value: each step once, and every section on a lake of receipts alone."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.customer_value import findings
from crmlib.pages.customer_value.study import Study
from tests.report import world

SECTIONS = (
    findings.concentration, findings.migration, findings.value_matrix, findings.movers, findings.overdue_upper,
    findings.league_check, findings.calibration_check, findings.segments, findings.loyalty,
)  # fmt: skip


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake))


def test_every_section_is_made_without_members_and_products(study: Study) -> None:
    shown = [make(study) for make in SECTIONS]
    assert all(isinstance(one, Finding) for one in shown)
    assert not [one.key for one in shown if one.note_sure == study.words("page.unavailable.sure")]
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.contact_list(study), ActionList)
    assert len(findings.limits(study).sentences) == 3
    assert study.width is None


def test_steps_are_made_once(study: Study) -> None:
    for step in ("lines", "days", "span", "apart", "now", "before", "tiers", "held", "moves", "late", "chosen"):
        assert getattr(study, step) is getattr(study, step), step


def test_a_step_that_fails_costs_the_sections_that_need_it_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = world.make_lake(tmp_path / "lake")  # its own: another test's page leaves its sums

    def refuse(*args: object, **kwargs: object) -> None:
        raise ModelError("scoring.empty", values={"name": "members"})

    monkeypatch.setattr(panels, "store_day", refuse)
    study = Study(world.opened(lake))
    lost = findings.loyalty(study)
    assert (lost.key, lost.status, lost.table.height) == ("scoring.loyalty", "none", 0)
    assert lost.headline.startswith(study.words("customer_value.loyalty.title"))
    assert findings.segments(study).table.height


def test_whoever_buys_in_another_region_is_not_overdue_at_home(tmp_path: Path) -> None:
    """The rhythm of a region's members is that of all their receipts; members of others are not among them."""
    lake = world.make_lake(tmp_path / "lake")
    bought = lake.table("receipt_lines").filter(pl.col("customer_id").is_not_null()).collect()
    people = bought.select(pl.col("customer_id").unique().sort()).with_columns(
        region=pl.when(pl.col("customer_id").str.slice(1).cast(pl.Int32) % 10 != 0).then(pl.lit("华南")).otherwise(
            pl.lit("华东")
        ),
        known_at=pl.lit(world.CLOCK),
        src_name=pl.lit("crm"),
        src_file=pl.lit("c.csv"),
        src_line=pl.lit(1),
    )  # fmt: skip
    record = dict.fromkeys(("read", "kept", "replaced", "duplicate", "quarantined", "excluded", "withdrawn"), 0)
    batch = delta.Batch("b-customers", record | {"source": "c", "table": "customers", "at": world.CLOCK.isoformat()})
    facts = json.dumps({"currency": "CNY", "time_zone": "Asia/Shanghai"})
    delta.append(lake.table_path("customers"), people, batch=batch, partition=None, description=facts)
    home = set(people.filter(pl.col("region") == "华南")["customer_id"])
    whole, south = (Study(world.opened(lake, regions=regions)) for regions in (None, ("华南",)))
    theirs = ("customer_id", "recency", "trips")
    said, truth = (s.watch.table.select(theirs).sort("customer_id") for s in (south, whole))
    assert said.height and said.equals(truth.filter(pl.col("customer_id").is_in(home)))
    here = south.days.filter("is_purchase").group_by("customer_id").agg(alone=pl.col("day_n").n_unique())
    both = said.join(here, on="customer_id")
    assert (both["alone"] < both["trips"]).any(), "by the region's own shops the answer is another"
