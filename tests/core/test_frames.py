"""What a caller's frame may look like: ids of any type, whole units, days, options; and the words of every refusal."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import crmlib
from crmlib.core import dates, frames, money
from crmlib.core.calendar import aligned_year, festival_day
from crmlib.core.errors import ContractError, CrmError, ParameterError, check_choice
from crmlib.kit.words import Words
from tests.parsed import parsed

PARTS = ("given", "expected", "mend")


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(["7", "8", None], dtype="category"),
        pd.Series([7, 8, np.nan]),
        pd.Series([7, 8, None], dtype="Int64"),
        pl.Series([7, 8, None]),
        pa.array([7, 8, None]),
    ],
    ids=["categories", "floats with a gap", "pandas integers", "polars", "pyarrow"],
)
def test_ids_become_texts_so_that_tables_of_different_libraries_join(ids: object) -> None:
    kind = {pd.Series: pd.DataFrame, pl.Series: pl.DataFrame}.get(type(ids), pa.table)
    assert frames.to_polars(kind({"customer_id": ids}))["customer_id"].to_list() == ["7", "8", None]


def test_a_column_of_several_types_is_refused_by_name() -> None:
    with pytest.raises(ContractError) as refused:
        frames.to_polars(pd.DataFrame({"a": [1, 2], "customer_id": ["x", 2]}), name="cards")
    assert refused.value.code == "frame.mixed_types"
    assert refused.value.values == {"name": "cards", "columns": ["customer_id"]}


def test_a_repeated_key_is_refused_and_masked_before_a_join_multiplies_rows() -> None:
    with pytest.raises(ContractError) as refused:
        frames.to_polars(pl.DataFrame({"customer_id": ["138001", "138001", None, None]}), key="customer_id")
    assert refused.value.code == "frame.repeated_key"
    assert refused.value.examples == ("1…",)


@pytest.mark.parametrize("values", [[1.5, 2.0], ["1", "2"], [2.0**70, 1.0], [float("inf"), 1.0]])
def test_units_that_are_not_whole_are_refused_rather_than_cut(values: list[object]) -> None:
    with pytest.raises(ContractError) as refused:
        frames.whole(pl.DataFrame({"net_minor": values}), ["net_minor"], name="x")
    assert refused.value.code == "frame.not_whole"


def test_whole_floats_with_gaps_are_pandas_way_of_writing_integers() -> None:
    table = frames.to_polars(pd.DataFrame({"net_minor": [5.0, None]}))
    assert frames.whole(table, ["net_minor"], name="x")["net_minor"].to_list() == [5, None]


def test_days_may_be_dates_datetimes_or_timestamps_but_no_texts() -> None:
    same = {dates.day_number(d) for d in (date(2026, 1, 31), datetime(2026, 1, 31, 9, tzinfo=UTC))}
    assert same == {dates.day_number(pd.Timestamp("2026-01-31"))}
    with pytest.raises(ParameterError) as refused:
        dates.day_number("2026-01-31")  # type: ignore[arg-type]
    assert refused.value.code == "frame.no_day"


@pytest.mark.parametrize("call", [lambda: money.to_minor("abc"), lambda: money.to_minor("NaN")])
def test_amounts_that_are_no_numbers_are_refused(call) -> None:
    with pytest.raises(ParameterError) as refused:
        call()
    assert refused.value.code == "frame.no_amount"


@pytest.mark.parametrize(
    "call",
    [
        lambda: money.to_units(1, currency="XYZ"),
        lambda: check_choice("sideways", ["up", "down"], name="ties"),
        lambda: festival_day("easter", 2026),
    ],
)
def test_an_option_that_nobody_knows_is_refused_with_those_that_are(call) -> None:
    with pytest.raises(ParameterError) as refused:
        call()
    assert refused.value.code == "frame.choice"


def test_years_beyond_the_lunar_tables_are_refused() -> None:
    for call in (lambda: festival_day("spring_festival", 1500), lambda: aligned_year(date(2150, 1, 1))):
        with pytest.raises(ParameterError) as refused:
            call()
        assert refused.value.code == "calendar.span"


def test_every_refusal_has_its_words_in_both_languages() -> None:
    kinds = {kind.__name__ for kind in [CrmError, *CrmError.__subclasses__()]}  # type: ignore[attr-defined]
    codes = set()
    for path in Path(crmlib.__file__).parent.rglob("*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    codes.add(code.value)
    assert len(codes) > 100
    keys = [f"{c.partition('.')[0]}.error.{c.partition('.')[2]}.{part}" for c in codes for part in PARTS]
    missing = [key for language in ("zh", "en") for key in keys if not Words(language).has(key)]
    assert missing == []
