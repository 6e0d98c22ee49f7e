"""The study of the targets page on a till alone, and with what people sold together."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer, Finding
from crmlib.pages.targets import findings
from crmlib.pages.targets.study import Study
from tests.report import world

NEEDY = (findings.course, findings.stores, findings.sellers, findings.year, findings.changes, findings.actions)


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="targets", variables={"as_of": "2026-06-20", "total": 100}))


def test_without_targets_the_page_stands_and_says_what_to_connect(study: Study) -> None:
    assert isinstance(findings.answer(study), Answer)
    for make in NEEDY:
        shown = make(study)
        assert isinstance(shown, Finding) and shown.table.is_empty()
        assert study.words("page.source.targets") in shown.note_do + shown.note_seen


def test_next_year_is_split_exactly_without_any_target(study: Study) -> None:
    shown = findings.proposal(study)
    assert study.proposed["amount_minor"].sum() == 100_000_000
    assert shown.table.height == study.proposed.height
    assert len(findings.limits(study).sentences) == 3


def connected(path: Path, *, second: int = 4000) -> Lake:
    """Targets of three people; four lines of June belong to them, half of each to somebody else as well."""
    lake = world.make_lake(path)
    june = world.lines().filter(pl.col("day").is_between(date(2026, 6, 1), date(2026, 6, 20))).head(4)
    whole = pl.DataFrame({"line_id": june["line_id"], "staff_id": ["E1"] * 4, "share_bp": [6000] * 3 + [10_000]})
    part = pl.DataFrame({"line_id": june["line_id"].head(3), "staff_id": ["E2"] * 3, "share_bp": [4000, 4000, second]})
    targets = pl.DataFrame({"target_id": ["T1", "T2", "T3"], "unit_id": ["E1", "E2", "E3"]}).with_columns(
        version=1, year=2026, level=pl.lit("staff"), month=date(2026, 6, 1), measure=pl.lit("net"),
        amount_minor=pl.lit(10_000), step_minor=1, rule=pl.lit("given"), valid_from=date(2026, 1, 1),
        valid_to=pl.lit(None, dtype=pl.Date), reason=pl.lit(None, dtype=pl.String), decided_by=pl.lit("x"),
    )  # fmt: skip
    for name, frame in (("line_credits", pl.concat([whole, part])), ("targets", targets)):
        facts = json.dumps({"currency": "CNY", "time_zone": "Asia/Shanghai"})
        known = frame.with_columns(
            known_at=pl.lit(world.CLOCK.replace(day=1, month=6)), src_name=pl.lit("x"), src_file=pl.lit("x.csv"),
            src_line=pl.int_range(frame.height),
        )  # fmt: skip
        delta.append(lake.table_path(name), known, batch=delta.Batch(f"b-{name}"), partition=None, description=facts)
    return lake


def test_what_several_sold_together_is_credited_to_each_on_his_own_sheet(tmp_path: Path) -> None:
    opened = world.opened(connected(tmp_path / "lake"), report="targets", variables={"as_of": "2026-06-20"})
    june = world.lines().filter(pl.col("day").is_between(date(2026, 6, 1), date(2026, 6, 20))).head(4)
    shown = findings.sellers(Study(opened))
    assert isinstance(shown, Finding)
    sold = dict(shown.table.select("staff_id", "sold_minor").iter_rows())
    together, alone = june["net_minor"].head(3), int(june["net_minor"][3])
    assert sold["E1"] + sold["E2"] == june["net_minor"].sum() and sold["E3"] is None
    assert abs(sold["E1"] - alone - 0.6 * together.sum()) <= 3
    assert opened.words.format.money(int(june["net_minor"].sum())) in shown.note_sure


def test_shares_that_are_not_the_whole_stop_their_card_and_no_other(tmp_path: Path) -> None:
    lake = connected(tmp_path / "lake", second=3000)
    study = Study(world.opened(lake, report="targets", variables={"as_of": "2026-06-20"}))
    shown = findings.sellers(study)
    assert isinstance(shown, Finding) and shown.table.is_empty()
    assert shown.note_seen == study.words("page.unavailable.wrong.sales.credits.seen", rows=1)
    assert isinstance(findings.answer(study), Answer)


def test_a_reader_of_one_region_sees_what_was_sold_together_in_its_own_shops(tmp_path: Path) -> None:
    lake = connected(tmp_path / "lake")
    variables = {"as_of": "2026-06-20"}
    study = Study(world.opened(lake, report="targets", variables=variables, regions=["华南"]))
    june = world.lines().filter(pl.col("day").is_between(date(2026, 6, 1), date(2026, 6, 20))).head(4)
    assert study.shared is not None
    own = june.filter(pl.col("store_id") == "S1")
    assert sorted(study.shared["line_id"].unique()) == sorted(own["line_id"])
