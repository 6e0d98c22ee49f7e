"""Names and phones do not leave the report layer, whatever a function makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmlib.core.errors import LakeError
from crmlib.customers.members import identity
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.report.privacy import check_impersonal
from tests.report import world

N = 30
PEOPLE = pl.DataFrame(
    {
        "customer_id": [f"c{n:02d}" for n in range(N)],
        "name": ["Li Na"] * 2 + [f"Wu {n}" for n in range(2, N)],
        "phone": ["138"] * 2 + [None] + [f"139{n}" for n in range(3, N)],
        "email": pl.Series([None] * N, dtype=pl.String),
        "birthday": ["1980-01-01"] * 2 + [f"1990-02-{n - 1:02d}" for n in range(2, N)],
    }
)


@dataclass(frozen=True)
class Found:
    pairs: pl.DataFrame
    said: Any = 1


def test_ids_reasons_and_figures_may_leave() -> None:
    check_impersonal(identity.propose(PEOPLE), PEOPLE, report="demo")
    check_impersonal(3, PEOPLE, report="demo")
    header = PEOPLE.with_columns(name=pl.lit("name"))  # a header row that was taken for a person
    check_impersonal(PEOPLE.select(reason=pl.lit("name")), header, report="demo")


@pytest.mark.parametrize(
    "found",
    [
        PEOPLE,
        Found(PEOPLE.select("customer_id"), said="Li Na"),
        Found(PEOPLE.select(who="name")),
        Found(PEOPLE.select(reason=pl.col("phone").cast(pl.Categorical))),
        Found(PEOPLE.select(pl.struct("name"))),
        Found(PEOPLE.select(pl.col("name").implode())),
        ["Li Na"],
        PEOPLE.lazy(),
        lambda: PEOPLE,
    ],
)
def test_a_personal_value_or_a_way_to_one_is_refused(found: object) -> None:
    with pytest.raises(LakeError) as caught:
        check_impersonal(found, PEOPLE, report="demo")
    assert caught.value.code == "report.personal"
    assert "Li Na" not in str(caught.value)


def test_without_a_table_of_people_nothing_is_asked(lake: Lake) -> None:
    assert world.opened(lake).of_people(identity.propose) is None


def test_of_people_gives_what_was_found_and_stops_what_was_read(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    rows = PEOPLE.with_columns(
        src_name=pl.lit("crm"), src_file=pl.lit("p.csv"), src_line=pl.int_range(N), known_at=pl.lit(world.CLOCK)
    )
    delta.append(lake.table_path("people"), rows, batch=delta.Batch("b-people", {}), partition=None, description="{}")
    page = world.opened(lake)
    found = page.of_people(identity.propose)
    assert found is not None
    assert found.pairs.select("keep_id", "merge_id").rows() == [("c00", "c01")]
    assert "people" in page.used
    with pytest.raises(LakeError, match="people"):
        page.of_people(lambda people: people)
