"""The expenses page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.expenses.findings import budgeted
from crmlib.pages.expenses.findings import spent as cards
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)


def lines(spent: int, store: str | None = None) -> pl.DataFrame:
    row = {
        "kind": "selling",
        "line": "rent",
        "plan_minor": 90_000,
        "flexible_minor": 100_000,
        "volume_minor": 10_000,
        "spending_minor": spent - 100_000,
        "spent_minor": spent,
        "net_minor": 500_000,
        "months_now": 10,
        "months_then": 10,
    }
    return pl.DataFrame([row]).with_columns(store_id=pl.lit(store, dtype=pl.String))


def stores(left: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "store_id": ["s"],
            "net_minor": [500],
            "margin_minor": [200],
            "own_minor": [150],
            "shared_minor": [50 - left],
            "left_minor": [left],
        }
    )


@pytest.mark.parametrize(
    ("spent", "kind", "status"), [(120_000, "over", "warn"), (101_000, "within", "ok"), (80_000, "within", "ok")]
)
def test_overspent_is_more_than_a_fiftieth_above_what_sales_explain(words, spent, kind, status):
    said, card = cards.answer(lines(spent), stores(5), words=words), cards.lines(lines(spent), words=words)
    assert says(words, f"expenses.answer.{kind}", said.sentence)
    assert says(words, f"expenses.lines.headline.{kind}", card.headline)
    assert card.status == status
    row = card.table.row(0, named=True)
    assert row["year_ago_minor"] + row["sales_driven_minor"] + row["beside_minor"] == row["outlay_minor"]
    assert {f.key: f.tone for f in said.figures}["spending"] == ("bad" if spent > 100_000 else "good")


@pytest.mark.parametrize(("left", "kind", "status"), [(-5, "losing", "fail"), (5, "earning", "ok")])
def test_a_store_whose_margin_does_not_cover_is_red(words, left, kind, status):
    answer = cards.answer(lines(101_000), stores(left), words=words).sentence
    assert answer.endswith(words(f"expenses.answer.{kind}", losing="1", short=words.format.money(5)))
    said = cards.stores(stores(left), {"s": "上海人民路店"}, words=words)
    assert says(words, f"expenses.stores.headline.{kind}", said.headline)
    assert (said.status, said.value_minor) == (status, max(-left, 0))
    assert "上海人民路店" in said.headline


@pytest.mark.parametrize(
    ("last", "kind", "status"), [(0.5, "more", "warn"), (0.05, "less", "ok"), (0.2, "usual", "ok")]
)
def test_more_is_said_only_outside_the_range_of_the_months_before(words, last, kind, status):
    months = [date(2026, m, 1) for m in range(1, 11)]
    rows = pl.DataFrame(
        {
            "month": months,
            "kind": ["selling"] * 10,
            "amount_minor": [5] * 10,
            "net_minor": [9] * 10,
            "share": [0.1, 0.3, 0.2] * 3 + [last],
        }
    )
    said = cards.months(rows, words=words)
    assert says(words, f"expenses.months.headline.{kind}", said.headline)
    assert said.status == status
    assert cards.months(rows.tail(3), words=words).status == "none"


def test_the_list_leaves_new_stores_out_and_names_an_owner_for_each(words):
    new = lines(150_000, "n").with_columns(months_then=pl.lit(2, dtype=pl.Int64))
    by_store = pl.concat([lines(130_000, "s"), new])
    house = lines(140_000).with_columns(line=pl.lit("media"))
    said = cards.listed(house, by_store, {"s": "上海人民路店"}, words=words, as_of=AS_OF, capacity=9)
    assert said.table["stake_minor"].to_list() == [40_000, 30_000]
    assert said.table["owner"].to_list() == [words("expenses.finance"), words("expenses.owner", store="上海人民路店")]
    short = cards.listed(
        house, by_store, {"s": "上海人民路店"}, words=words, as_of=AS_OF, capacity=9, kept=stores(-35_000)
    )
    assert short.table["stake_minor"].to_list() == [40_000, 35_000, 30_000]
    assert short.table["owner"][1] == words("expenses.operations")
    assert says(words, "expenses.actions.headline.all", short.headline)
    none = cards.listed(lines(90_000), by_store.clear(), {}, words=words, as_of=AS_OF, capacity=9, kept=stores(5))
    assert says(words, "expenses.actions.headline.none", none.headline)


def test_the_budget_says_which_stores_are_over_or_that_none_is(words: Words) -> None:
    rows = pl.DataFrame(
        {"region": ["N", "N", "S"], "store_id": ["a", "b", "c"], "budget_minor": [100_00, 50_00, 50_00],
         "spent_minor": [120_00, 10_00, 20_00]}
    )  # fmt: skip
    rows = rows.with_columns(left_minor=pl.col("budget_minor") - pl.col("spent_minor"))
    rows = rows.with_columns(over=pl.col("left_minor") < 0)
    found = budgeted.budget(rows, {"a": "甲店"}, words=words)
    assert says(words, "expenses.budget.headline.over", found.headline) and "甲店" in found.headline
    assert found.status == "warn" and found.value_minor == 20_00
    whole = found.table.filter(pl.col("store") == words("expenses.budget.region"))
    assert whole["budget_minor"].sum() == 200_00 == found.table["budget_minor"].sum() - whole["budget_minor"].sum()
    calm = budgeted.budget(rows.filter(~pl.col("over")), {}, words=words)
    assert says(words, "expenses.budget.headline.within", calm.headline) and calm.status == "ok"
    none = budgeted.budget(rows.clear(), {}, words=words)
    assert says(words, "expenses.budget.headline.none", none.headline)
