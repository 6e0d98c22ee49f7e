"""The bundles page recommends only what goes together, pays and is in season."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.baskets.break_even import break_even
from crmlib.baskets.pairs import Pairs
from crmlib.kit.words import Words
from crmlib.pages.bundles.findings import pay, together

NAMES = {"a": "绿茶", "b": "坚果"}


def worth(
    *, margin: int = 30, discount: int = 10, both: int = 20, alone: int = 1000, season: bool = True
) -> pl.DataFrame:
    pair = pl.DataFrame(
        {
            "left": ["a"], "right": ["b"], "baskets": [both], "members": [20], "stores": [3], "ratio": [3.0],
            "price_minor": [100], "discount_minor": [discount], "margin_minor": [margin], "both": [both],
            "left_baskets": [alone], "right_baskets": [alone], "in_season": [season],
        }
    )  # fmt: skip
    return break_even(pair)


def found_pairs(*, verdict: str = "together") -> Pairs:
    table = pl.DataFrame(
        {
            "left": ["a"], "right": ["b"], "baskets": [20], "members": [20], "stores": [3], "observed": [20.0],
            "expected": [7.0], "ratio": [2.9], "z": [4.0], "p": [0.001], "lift": [9.0], "verdict": [verdict],
        }
    )  # fmt: skip
    return Pairs(table, 500, 100, 0, "customer_id")


PLAIN = pl.DataFrame(
    {
        "left": ["a", "b"],
        "right": ["b", "a"],
        "baskets": [20, 20],
        "share": [0.1, 0.1],
        "lift": [9.0, 9.0],
        "bound": [5.0] * 2,
    }
)
CASES = [
    (worth(), "pays", "ok"),
    (worth(both=900), "hard", "none"),
    (worth(margin=9), "below", "fail"),
    (worth(season=False), "out", "none"),
    (worth().clear(), "none", "none"),
]


@pytest.mark.parametrize(("rows", "kind", "status"), CASES, ids=[kind for _, kind, _ in CASES])
def test_sentence_colour_and_list_follow_the_same_rule(
    words: Words, rows: pl.DataFrame, kind: str, status: str
) -> None:
    card = pay.pays(rows, names=NAMES, rate=1000, words=words)
    answer = pay.answer(rows, found_pairs(), names=NAMES, rate=1000, words=words)
    listed = pay.tries(rows, None, names=NAMES, most=5, words=words)
    assert card.status == status
    assert answer.figures[0].amount == listed.table.height == (1 if kind == "pays" else 0)
    assert ("绿茶" in answer.sentence) == (kind in {"pays", "hard"})
    assert card.headline == words(
        f"bundles.pay.headline.{kind}", easy="1" if kind == "pays" else "0", pairs=words.format.count(rows.height),
        limit=words.format.share(0.1, digits=0),
        least=words.format.share(rows["share"][0]) if kind in {"pays", "hard"} else words("page.none"),
    )  # fmt: skip


def test_the_grid_turns_to_profit_where_the_sentence_says(words: Words) -> None:
    card = pay.uptake(worth(both=19), names=NAMES, words=words)
    first = card.table.filter(pl.col("bundle_profit_minor") > 0)["uptake_bp"][0]
    assert words.format.share(first / 10_000, digits=0) in card.headline
    late = pay.uptake(worth(both=19).with_columns(in_season=pl.lit(value=False)), names=NAMES, words=words)
    assert late.headline == words("bundles.uptake.headline.out"), "costs are known: it is the season that is over"
    never = pay.uptake(worth(both=900), names=NAMES, words=words)
    assert never.table["bundle_profit_minor"].max() <= 0  # type: ignore[operator]
    assert never.headline != card.headline


def test_sets_in_stock_are_those_of_the_good_there_is_less_of(words: Words) -> None:
    units = pl.DataFrame({"product_id": ["a", "b"], "units": [7, 3]})
    assert pay.tries(worth(), units, names=NAMES, most=5, words=words).table["sets_in_stock"].to_list() == [3]
    assert pay.tries(worth(), None, names=NAMES, most=5, words=words).table["sets_in_stock"].to_list() == [None]


def test_lift_that_is_taste_is_said_to_be_taste(words: Words) -> None:
    none = together.together(found_pairs(verdict="unknown"), PLAIN, names=NAMES, by_member=True, words=words)
    some = together.together(found_pairs(), PLAIN, names=NAMES, by_member=True, words=words)
    assert none.headline == words("bundles.together.headline.none", tested="1")
    assert some.headline == words("bundles.together.headline.some", count="1", tested="1")
    assert none.chart is None


def test_a_pair_of_promotion_weeks_is_named_as_such(words: Words) -> None:
    some = together.artefacts(found_pairs(verdict="promotion_artefact"), names=NAMES, words=words)
    none = together.artefacts(found_pairs(), names=NAMES, words=words)
    assert "绿茶" in some.headline and some.table.height == 1
    assert none.headline == words("bundles.artefacts.headline.none")


def test_where_no_pair_is_bought_often_enough_nothing_is_said_of_taste(words: Words) -> None:
    few = found_pairs()
    few = Pairs(few.table.clear(), few.baskets, few.strata, 0, few.unit)
    answer = pay.answer(worth().clear(), few, names=NAMES, rate=1000, words=words)
    assert answer.sentence == words("bundles.answer.untested")
    card = together.together(few, PLAIN.clear(), names=NAMES, by_member=True, words=words)
    assert card.headline == words("bundles.together.headline.untested")
