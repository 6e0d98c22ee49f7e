"""Charts of the customer pages: bars from zero, a label on every mark, words of the reader's language."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from crmlib.kit.charts import bars
from crmlib.kit.words import Words
from crmlib.pages.customer_value import charts as customer_value
from crmlib.scoring.matrix import matrix
from crmlib.scoring.migration import migrate
from crmlib.scoring.pyramid import pyramid


@pytest.fixture(params=["zh", "en"])
def words(request: pytest.FixtureRequest) -> Words:
    return Words(request.param)


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
    assert {row["measure"] for row in rows} == {words("scoring.chart.of_members"), words("scoring.chart.of_sales")}
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
    assert words("scoring.tier.won_back") not in {row["tier_before"] for row in rows}
    assert words("scoring.tier.none") in {row["tier_now"] for row in rows}
    assert layer(spec, "text")["encoding"]["text"]["field"] == "label"


def test_the_matrix_shows_four_fields_and_not_the_unrated(words: Words) -> None:
    board = matrix(year([900, 800, 50, 0]), margin="amount").quadrants
    assert len(values(customer_value.matrix(board, words=words).to_dict())) == 4


def test_bars_keep_the_order_of_the_rows_start_at_zero_and_leave_room_for_labels() -> None:
    frame = pl.DataFrame({"name": ["b", "a"], "n": [5.0, 9.0], "label": ["5", "9"]})
    x = bars.bars(frame, category="name", value="n", label="label").to_dict()["layer"][0]["encoding"]
    assert x["y"]["sort"] == ["b", "a"]
    low, high = x["x"]["scale"]["domain"]
    assert low == 0.0
    assert high > 9.0


def test_lines_show_all_of_the_scale_and_label_the_last_month() -> None:
    frame = pl.DataFrame({"month": [date(2025, 1, 1), date(2025, 2, 1)], "s": [0.5, 0.6], "label": ["50%", "60%"]})
    spec = bars.share_line(frame, x="month", value="s", label="label", month_format="%b").to_dict()
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert any("transform" in part for part in spec["layer"])
    columns = bars.columns(frame, x="month", value="s", label="label", month_format="%b").to_dict()
    assert columns["mark"]["type"] == "bar"


def test_ratios_stand_on_a_logarithmic_axis_around_one() -> None:
    frame = pl.DataFrame({"n": ["x"], "v": [2.0], "lo": [1.5], "hi": [2.5], "label": ["2"], "odd": [True]})
    spec = bars.dots(
        frame, category="n", value="v", low="lo", high="hi", label="label", unusual="odd", title="t"
    ).to_dict()
    scale = next(p for p in spec["layer"] if p["mark"]["type"] == "point")["encoding"]["x"]["scale"]
    assert scale["type"] == "log"
    assert scale["domain"][0] < 1.0
    assert scale["domain"][1] > 2.5
    assert "text" not in {part["mark"]["type"] for part in spec["layer"]}  # a phone has no room beside the dots


def test_intervals_are_drawn_over_bars_of_shares() -> None:
    frame = pl.DataFrame({"n": ["x"], "v": [0.5], "lo": [0.4], "hi": [0.6], "label": ["50%"]})
    spec = bars.interval_bars(frame, category="n", value="v", low="lo", high="hi", label="label").to_dict()
    assert [p["mark"]["type"] for p in spec["layer"]] == ["bar", "rule", "text"]
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]
