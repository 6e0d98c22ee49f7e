"""Who is new can only be told where the data reach back before the period."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from crmlib.churn.movement import flows
from crmlib.core.errors import ModelError

SPANS = flows.periods(end=date(2026, 6, 28), days=28, count=4)


def test_periods_too_near_the_first_day_of_data_are_left_out() -> None:
    first = SPANS[2][0] - timedelta(days=flows.KNOWN_DAYS)
    assert flows.since(SPANS, first=first) == SPANS[2:]
    assert flows.since(SPANS, first=date(2020, 1, 1)) == SPANS


def test_a_first_month_is_no_growth_but_a_refusal() -> None:
    with pytest.raises(ModelError) as refused:
        flows.since(SPANS, first=SPANS[-1][0] - timedelta(days=2))
    assert (refused.value.code, refused.value.values["days"]) == ("churn.no_before", 2)
