"""Fields that are chosen by name: what the reader may see, the latest first, the typed value kept."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from crmlib.core.contracts.care import CARE_TASKS
from crmlib.core.contracts.promotion_books import STAFF
from crmlib.core.contracts.promotions import PROMOTIONS
from crmlib.core.contracts.receivables import PARTNERS
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import Words
from crmlib.report import choices
from crmlib.report.form import parameters
from crmlib.report.form.fields import form
from tests.report import world

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = world.make_lake(tmp_path_factory.mktemp("choices") / "lake")
    partners = pl.DataFrame(
        {"partner_id": ["D2", "D1", "D3"], "name": ["乙", "甲", None], "kind": ["distributor"] * 3,
         "region": ["华东", "华东", "华南"]}
    )  # fmt: skip
    staff = pl.DataFrame({"staff_id": ["G1"], "name": ["李"], "role": ["adviser"], "region": ["华东"]})
    tasks = pl.DataFrame(
        {"task_id": ["t1", "t2"], "customer_id": ["C0001"] * 2, "kind": ["birthday"] * 2, "made_on": [NOW.date()] * 2,
         "due_on": [NOW.date()] * 2, "window_days": [0, 0], "person_id": ["C0001"] * 2, "reason": ["r"] * 2,
         "rule_version": ["1"] * 2, "owner_staff": ["G1", "G2"], "state": ["open"] * 2}
    )  # fmt: skip
    offers = pl.DataFrame(
        {"promotion_id": ["PR1", "PR2"], "version": [1, 1], "name": ["春季", "夏季"],
         "starts_at": [datetime(2025, m, 1, tzinfo=UTC) for m in (3, 6)],
         "ends_at": [datetime(2025, m, 9, tzinfo=UTC) for m in (3, 6)], "stores": [["S0"], ["S0"]],
         "products": [["P1"]] * 2, "grades": [[], []], "frozen": [True] * 2},
        schema_overrides={"grades": pl.List(pl.String)},
    )  # fmt: skip
    for contract, rows in ((PARTNERS, partners), (STAFF, staff), (CARE_TASKS, tasks), (PROMOTIONS, offers)):
        file_rows(made, contract, rows, batch=contract.name, source="x", by="", now=NOW)
    return made


def test_a_customer_is_chosen_by_name_and_another_region_s_is_not_offered(lake: Lake) -> None:
    every = choices.offered(world.opened(lake, report="business"))["partner"]
    assert every == (("D3", "D3"), ("D2", "乙"), ("D1", "甲"))
    own = choices.offered(world.opened(lake, report="business", regions=("华东",)))["partner"]
    assert own == (("D2", "乙"), ("D1", "甲"))


def test_names_may_stand_in_another_table_and_who_has_none_is_a_number(lake: Lake) -> None:
    assert choices.offered(world.opened(lake, report="care"))["person"] == (("G2", "G2"), ("G1", "李"))


def test_the_latest_promotion_stands_first_with_its_day(lake: Lake) -> None:
    found = choices.offered(world.opened(lake, report="promotion_watch"))["promotion"]
    assert found == (("PR2", "夏季 · 2025-06-01"), ("PR1", "春季 · 2025-03-01"))


def test_a_table_that_is_not_connected_leaves_the_field_to_be_typed(lake: Lake) -> None:
    assert "meeting" not in choices.offered(world.opened(lake, report="meetings"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_chosen_is_said_in_words_and_a_typed_value_is_kept(language: str) -> None:
    words = Words(language)  # type: ignore[arg-type]
    shown = form(
        "promotion_watch", parameters.model("promotion_watch"), given={"promotion": "PR9"}, issues=(), regions=(),
        words=words, choices={"promotion": (("PR2", "夏季"),)},
    )  # fmt: skip
    field = next(f for f in shown.fields if f.name == "promotion")
    assert field.choices == (("", words("page.automatic")), ("PR2", "夏季"), ("PR9", "PR9"))
    assert (field.kind, field.value) == ("choice", "PR9")
