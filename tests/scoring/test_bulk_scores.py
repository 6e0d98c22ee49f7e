"""Scores over plain arrays are the scores of the frames."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.scoring.bulk_scores import purchase_days, score_lines, sum_by
from crmlib.scoring.matrix import QUADRANTS, matrix
from crmlib.scoring.pyramid import pyramid
from crmlib.scoring.rfm import rfm

EPOCH = date(1970, 1, 1)


def test_they_agree_customer_by_customer_with_ties_returns_and_members_without_a_purchase(
    rng: np.random.Generator,
) -> None:
    n, lines = 400, 3_000
    customer = rng.integers(0, n - 5, lines)  # the last five never buy
    day = rng.integers(0, 60, lines)
    sold = rng.random(lines) > 0.1
    net = np.where(sold, rng.integers(1, 30, lines) * 10, -rng.integers(1, 30, lines) * 10)
    cost = net * 6 // 10
    found = score_lines(customer, day, net, cost, customers=n, sold=sold)
    table = pl.DataFrame({"c": customer, "d": day, "net": net, "cost": cost, "sold": sold})
    frame = (
        pl.DataFrame({"c": np.arange(n)})
        .join(
            table.group_by("c").agg(
                last_day_n=pl.col("d").filter("sold").max(),
                purchase_days=pl.col("d").filter("sold").n_unique().cast(pl.Int64),
                net_minor=pl.col("net").sum(),
                margin_minor=(pl.col("net") - pl.col("cost")).sum(),
            ),
            on="c",
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("purchase_days", "net_minor", "margin_minor").fill_null(0))
        .with_columns(customer_id=pl.col("c").cast(pl.String).str.zfill(4))
    )
    scores = rfm(frame, as_of=EPOCH + timedelta(days=60)).customers
    bought = frame["purchase_days"].to_numpy() > 0
    for name, ours in (("r", found.r), ("f", found.f), ("m", found.m)):
        assert np.array_equal(ours[bought], scores[name].to_numpy())
        assert not ours[~bought].any()
    tiers = pyramid(frame).customers["tier"].to_physical().to_numpy()
    assert np.array_equal(found.tier, tiers)
    board = matrix(frame, margin="amount").customers["quadrant"].to_list()
    assert [QUADRANTS[q] for q in found.quadrant] == board


def test_numbers_out_of_range_and_sums_beyond_exactness_are_refused() -> None:
    one = np.array([1])
    with pytest.raises(ModelError) as refused:
        score_lines(one, one, one, one, customers=1)
    assert refused.value.code == "scoring.dense_codes"
    with pytest.raises(ModelError) as too_large:
        sum_by(np.array([0, 0]), np.array([2**53, 1]), 1)
    assert too_large.value.code == "scoring.dense_sums"


def test_no_lines_give_no_purchases() -> None:
    none = np.array([], dtype=np.int64)
    frequency, last = purchase_days(none, none, customers=3)
    assert frequency.tolist() == [0, 0, 0]
    assert last.tolist() == [-1, -1, -1]
