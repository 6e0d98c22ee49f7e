"""What a page was asked for is part of what its list is: lists of one day stand side by side and are all drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.outreach.register import Terms
from crmlib.pages.shared import lists
from crmlib.run.lists import book
from tests.report import world

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
GROUPS: tuple[dict[str, Any], ...] = (
    {}, {"group_by": "gender", "group": "female"}, {"group_by": "gender", "group": "male"}, {"region": "华东"},
)  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return world.make_lake(tmp_path / "lake")


def propose(lake: Lake, asked: dict[str, Any], *ids: str, days: int = 0) -> str:
    """A scheduled run that proposes these members; the name of its list."""
    as_of = world.LAST - timedelta(days=days)
    page = world.opened(lake, report="customer_profile", variables=asked | {"as_of": as_of})
    rows = pl.DataFrame({"recipient_id": ids, "reason_code": "group", "value_minor": 1, "means": "call", "held": False})
    made = lists.propose_standing(page, rows, called="customer_profile.filed", objective="repeat")
    assert made is not None
    return str(made.campaign["name"][0])


def test_two_lists_of_one_day_stand_side_by_side_whatever_tells_them_apart(lake: Lake) -> None:
    names = [propose(lake, asked, f"C{k:04}") for k, asked in enumerate(GROUPS)]
    found = book.waiting(lake, ["customer_profile"])
    assert len({p.terms.list_id for p in found}) == len(set(names)) == len(GROUPS)
    assert sorted(p.eligible["recipient_id"][0] for p in found) == [f"C{k:04}" for k in range(len(GROUPS))]
    assert {p.terms.name for p in found} == set(names), "a planner tells them apart by name"
    assert any("华东" in name for name in names)
    with pytest.raises(ModelError) as error:
        book.draw(lake, "customer_profile", at=NOW, by="li")
    assert error.value.code == "outreach.which_proposal"
    drawn = [book.draw(lake, p.terms.list_id, at=NOW, by="li") for p in found]
    assert sorted(made.rows["recipient_id"][0] for made in drawn) == [f"C{k:04}" for k in range(len(GROUPS))]
    assert book.waiting(lake, ["customer_profile"]) == []


@pytest.mark.parametrize(("first", "second"), [(a, b) for a, b in product(GROUPS, GROUPS) if a is not b])
def test_a_later_run_replaces_its_own_proposal_and_no_other(
    lake: Lake, first: dict[str, Any], second: dict[str, Any]
) -> None:
    for asked in (first, second):
        propose(lake, asked, "C0001", days=7)
    propose(lake, first, "C0002")
    found = book.waiting(lake, ["customer_profile"])
    assert sorted((p.as_of, p.eligible["recipient_id"][0]) for p in found) == [
        (world.LAST - timedelta(days=7), "C0001"), (world.LAST, "C0002"),
    ]  # fmt: skip


def test_what_was_proposed_long_before_is_no_longer_offered(lake: Lake) -> None:
    propose(lake, GROUPS[1], "C0001", days=40)
    propose(lake, GROUPS[0], "C0002")
    assert [p.eligible["recipient_id"][0] for p in book.waiting(lake, ["customer_profile"])] == ["C0002"]


def test_the_only_list_of_a_report_is_drawn_by_the_report_s_name_and_knows_its_rule(lake: Lake) -> None:
    propose(lake, GROUPS[1], "C0001")
    made = book.draw(lake, "customer_profile", at=NOW, by="li")
    assert made.campaign["eligible_rule"][0] == '{"group": "female", "group_by": "gender"}'
    plain = Terms("L1", "x", "repeat", "call", "")
    assert lists.of_this_page(world.opened(lake, report="customer_profile"), plain) == plain
