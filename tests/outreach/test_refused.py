"""What models of lists, shelves and festivals refuse, in three parts and both languages; who comes by themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.kit.words import LANGUAGES, Words
from crmlib.movement import traits
from crmlib.outreach import festival, permission
from crmlib.run.failures import told


def thin_shelf() -> None:
    few = pl.DataFrame({"customer_id": ["a", "a", "b"], "day": [1, 2, 1], "brand": ["x", "y", "x"]})
    traits.traits(few, names=["brand"], rng=np.random.default_rng(1))


def without_consent() -> None:
    permission.check_permitted(pl.DataFrame({"recipient_id": ["C1", "C2"]}), permitted=pl.Series(["C2"]))


def more_out_than_there_was() -> None:
    festival.vouchers_out(issued=10, redeemed=9, expired=1, refunded=1)


@pytest.mark.parametrize(
    ("refused", "code", "said"),
    [
        (thin_shelf, "movement.trait_thin", "1"),
        (without_consent, "outreach.no_consent", "1"),
        (more_out_than_there_was, "festival.no_count", "-1"),
    ],
)
def test_it_is_refused_with_its_figure_and_a_mend_in_both_languages(
    refused: Callable[[], None], code: str, said: str
) -> None:
    with pytest.raises(ModelError) as problem:
        refused()
    assert problem.value.code == code
    for language in LANGUAGES:
        parts = told(problem.value, words=Words(language)).splitlines()
        assert len(parts) >= 3 and said in parts[0] and "C1" not in " ".join(parts)


@pytest.mark.real_data
def test_a_quarter_of_the_silent_come_back_by_themselves(retail: pl.DataFrame) -> None:
    day = date(2011, 6, 30)
    last = retail.filter(pl.col("day") <= day).group_by("customer_id").agg(pl.col("day").max())
    gap = (pl.lit(day) - pl.col("day")).dt.total_days()
    silent = last.filter(gap.is_between(60, 180))
    after = retail.filter(pl.col("day") > day, pl.col("day") <= day + timedelta(days=56))
    back = silent.join(after, on="customer_id", how="semi")
    assert (silent.height, back.height) == (1_095, 267)
