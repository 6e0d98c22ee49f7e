"""Charts of the customer value page: a label on every mark, words of the reader's language."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit.words import Words
from crmlib.pages.customer_value import charts as customer_value
from crmlib.scoring.matrix import matrix
from crmlib.scoring.migration import migrate
from crmlib.scoring.pyramid import pyramid


def year(net: list[int]) -> pl.DataFrame:
    ids = [f"{i:02d}" for i in range(len(net))]
    return pl.DataFrame({"customer_id": ids, "net_minor": net, "margin_minor": [n // 3 for n in net]})


def values(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in spec["datasets"].values() for row in rows]


def layer(spec: dict[str, Any], mark: str) -> dict[str, Any]:
    return next(part for part in spec["layer"] if part["mark"]["type"] == mark)


def test_concentration_has_two_labelled_bars_per_tier_that_start_at_zero(words: Words) -> None:
    spec = customer_value.concentration(pyramid(year([900, 50, 40, 30, 20])).tiers, words=words).to_dict()
    rows = values(spec)
    assert len(rows) == 8
    assert {row["measure"] for row in rows} == {
        words("scoring.chart.of_members"),
        words("customer_value.chart.of_sales"),
    }
    assert all(row["label"].endswith("%") for row in rows)
    assert layer(spec, "bar")["encoding"]["x"]["scale"]["domainMin"] == 0


def test_the_labels_belong_to_their_own_bars(words: Words) -> None:
    tiers = pyramid(year([900, 50, 40, 30, 20])).tiers
    for row in values(customer_value.concentration(tiers, words=words).to_dict()):
        assert row["label"] == words.format.share(row["share"])


def test_migration_writes_the_number_into_each_cell_and_leaves_out_rows_of_nobody(words: Words) -> None:
    moves = migrate(pyramid(year([900, 50, 40])), pyramid(year([10, 500, 40])))
    spec = customer_value.migration(moves.table, words=words).to_dict()
    rows = values(spec)
    assert words("customer_value.tier.won_back") not in {row["tier_before"] for row in rows}
    assert words("customer_value.tier.none") in {row["tier_now"] for row in rows}
    assert layer(spec, "text")["encoding"]["text"]["field"] == "label"


def test_the_matrix_shows_four_fields_and_not_the_unrated(words: Words) -> None:
    board = matrix(year([900, 800, 50, 0]), margin="amount").quadrants
    assert len(values(customer_value.matrix(board, words=words).to_dict())) == 4
