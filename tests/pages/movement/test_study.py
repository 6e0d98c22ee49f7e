"""The study of movement: what it adds up to is the sales report; too short a history is said, not guessed."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.movement import findings
from crmlib.pages.movement.study import Study
from crmlib.report.memory import packed
from tests.report import world

CARDS = (
    findings.parts, findings.flows, findings.kinds, findings.tree, findings.cohorts, findings.crossed, findings.steps,
)  # fmt: skip

STEPS = ("change", "noise", "kinds", "tree", "cohorts", "crossed", "steps", "left")


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="movement", variables={"group": "store", "months": 6}))


def test_the_parts_add_up_to_the_sales_of_both_periods(study: Study) -> None:
    lines = world.lines()
    for period, column in zip(study.span, ("net_1_minor", "net_2_minor"), strict=True):
        sold = lines.filter(pl.col("day").is_between(period.start, period.end))["net_minor"].sum()
        assert study.change.groups[column].sum() == sold


def test_a_page_of_the_same_sales_finds_what_was_made_of_them(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other language reads no line and no day again."""
    made = {step: getattr(study, step) for step in STEPS}
    for panel in ("traits.customer_part_day", "member_days", "traits.card_use"):
        monkeypatch.setattr(f"crmlib.panels.{panel}", None)
    lake = Lake(study.page.context.lake)
    other = Study(world.opened(lake, report="movement", variables={"group": "store", "months": 6, "language": "en"}))
    for step, found in made.items():
        assert packed.pack(getattr(other, step)) == packed.pack(found), step


def test_both_periods_are_the_same_months_of_two_years(study: Study) -> None:
    first, second = study.span
    assert second.end == world.LAST
    assert (second.start.year - first.start.year, second.start.month - first.start.month) == (1, 0)


def test_every_card_is_made_and_those_who_left_bought_nowhere_since(study: Study) -> None:
    assert study.comparable
    for card in CARDS:
        made = card(study)
        assert isinstance(made, Finding)
        assert made.headline != Finding.unavailable(f"movement.{card.__name__}", "data", words=study.words).headline
    seen = study.days.filter(pl.col("day_n").cast(pl.Date) >= study.span[1].start)["customer_id"]
    assert not set(study.left["customer_id"]) & set(seen)


def test_without_products_groups_are_shops_and_the_page_says_so(lake: Lake) -> None:
    bare = Study(world.opened(lake, report="movement"))
    assert (bare.params.group, bare.group, bare.comparable) == ("category", "store", True)
    assert findings.parts(bare).table.height > 0
    assert bare.words("movement.limits.by_store") in findings.limits(bare).sentences
    assert bare.change.groups["delta_minor"].sum() == (
        bare.change.groups["net_2_minor"].sum() - bare.change.groups["net_1_minor"].sum()
    )  # fmt: skip


def test_the_first_three_trips_are_those_of_the_lines(study: Study) -> None:
    lines = world.lines().drop_nulls("customer_id")
    days = lines.group_by("customer_id", "store_id", "day").agg(pl.col("net_minor").sum())
    bought = days.filter(pl.col("net_minor") > 0)
    third = bought.group_by("customer_id").agg(third=pl.col("day").unique().bottom_k(3).max())
    early = bought.join(third, on="customer_id").filter(pl.col("day") <= pl.col("third"))
    told = study.grouped.trips.select(pl.col("customer_id").cast(pl.String), "day", "net_minor")
    members = early.filter(~pl.col("customer_id").is_in(study.apart.flagged["customer_id"].implode()))
    order = ["customer_id", "day", "net_minor"]
    assert told.sort(order).equals(members.select(order).sort(order)) and told.height > 100
