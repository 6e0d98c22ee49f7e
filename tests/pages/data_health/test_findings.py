"""Headlines of the data health page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.customers.members.identity import nobody, propose
from crmlib.kit.words import Words
from crmlib.pages.data_health.findings import fields, health
from tests.pages.wording import months, says

EPOCH = date(1970, 1, 1)


@pytest.mark.parametrize(("last", "kind"), [(0.5, "steady"), (0.53, "moved"), (0.4, "jumped")])
def test_a_jump_of_the_card_share_hints_at_the_till(last: float, kind: str, words: Words) -> None:
    found = health.card_share(months([0.5, 0.5, last]), words=words)
    assert says(words, f"data_health.cards.headline.{kind}", found.headline)


def test_data_health_turns_red_for_late_feeds_lost_rows_and_many_broken_rows(words: Words) -> None:
    fresh = pl.DataFrame(
        {
            "source": ["a"], "first_day": [EPOCH], "last_day": [date(2026, 1, 1)], "days": [9], "interval_days": [1.0],
            "late_days": [0], "late": [False],
        }
    )  # fmt: skip
    late = fresh.with_columns(late_days=pl.lit(9), late=pl.lit(value=True))
    terms = {"kept": [90], "replaced": [0], "duplicate": [0], "conflict": [0], "excluded": [0]}

    def sums(quarantined: int, lost: int) -> pl.DataFrame:
        read = 90 + quarantined + lost
        return pl.DataFrame(
            {"source": ["a"], "table": ["t"], "ingests": [1], "read": [read], **terms, "quarantined": [quarantined],
             "quarantined_share": [quarantined / read], "difference": [lost]}
        )  # fmt: skip

    rules = pl.DataFrame({"source": ["a"], "rule": ["late"], "rows": [5]})
    calm = [health.freshness(fresh, words=words), health.ingest_sum(sums(0, 0), words=words)]
    red = [
        health.freshness(late, words=words),
        health.ingest_sum(sums(0, 3), words=words),
        health.contracts(sums(9, 0), rules, words=words),
    ]
    assert [f.status for f in calm] == ["ok", "ok"]
    assert [f.status for f in red] == ["fail"] * 3
    assert health.contracts(sums(0, 0), rules.clear(), words=words).status == "ok"
    good = health.health_answer(calm, sums=sums(0, 0), fresh=fresh, words=words)
    bad = health.health_answer(red, sums=sums(9, 0), fresh=late, words=words)
    assert says(words, "data_health.answer.ok", good.sentence)
    assert says(words, "data_health.answer.fail", bad.sentence)


def test_doubles_and_cards_that_are_no_persons_are_told_without_names(words: Words) -> None:
    people = pl.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in range(30)],
            "name": ["Secret Name"] * 2 + [f"n{i}" for i in range(28)],
            "phone": ["13800138000"] * 2 + [f"1{i:09d}" for i in range(28)],
            "email": [None] * 30, "birthday": [f"19{i % 9 + 10}-02-0{i % 9 + 1}" for i in range(30)],
        }
    )  # fmt: skip
    secret = pl.col("name") == "Secret Name"
    people = people.with_columns(birthday=pl.when(secret).then(pl.lit("1980-01-01")).otherwise("birthday"))
    found = fields.doubles(propose(people), words=words, pseudonyms=(pl.Series(["P1"]), pl.Series(["P2"])))
    assert says(words, "data_health.doubles.headline.many", found.headline)
    shown = found.view.as_raw_html() if found.view else ""
    assert "P1" in shown
    assert "Secret" not in shown + str(found.table)
    none = fields.doubles(nobody(), words=words, pseudonyms=(pl.Series([], dtype=pl.String),) * 2)
    assert says(words, "data_health.doubles.headline.none", none.headline)
