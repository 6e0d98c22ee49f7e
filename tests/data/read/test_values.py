"""Cells and lines against the standard library's decimal and csv modules."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.data.read import encoding, records, values

amounts = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n) / 1000)  # one in ten is half a minor unit
plain_text = st.text(
    st.characters(codec="gb18030", exclude_characters='\r\n\x00"\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029'), max_size=8
)


@given(st.lists(amounts, min_size=1, max_size=20))
def test_amounts_become_whole_minor_units_as_decimal_says(cells):
    frame = pl.DataFrame({"n": values.numbers(pl.Series([str(c) for c in cells]))})
    minor = frame.select(values.whole(pl.col("n") * 100)).to_series().to_list()
    assert minor == [int((c * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)) for c in cells]


@given(st.lists(amounts, min_size=1, max_size=20))
def test_thousands_separators_and_decimal_commas_change_no_amount(cells):
    exact = [Decimal(c) for c in cells]
    assert values.numbers(pl.Series([f"{c:,}" for c in cells])).to_list() == exact
    swapped = [f"{c:,}".translate(str.maketrans(",.", ".,")) for c in cells]
    assert values.numbers(pl.Series(swapped), decimal=",").to_list() == exact


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_every_usual_way_of_writing_a_time_means_the_same(at):
    at = at.replace(microsecond=0)
    d, t = f"{at.month}/{at.day}", f"{at.hour}:{at.minute}:{at.second}"
    ways = [
        f"{at.year}/{d} {t}",
        f"{at:%Y-%m-%dT%H:%M:%S}",
        f"{at:%Y%m%d%H%M%S}",
        f"{at.year}.{at.month}.{at.day} {t}",
        f"{at.year}年{at.month}月{at.day}日 {t}",
        f"{at:%Y-%m-%d %H:%M:%S}Z",
        f"{at + timedelta(hours=8):%Y-%m-%dT%H:%M:%S}+08:00",
        f"{at - timedelta(hours=3, minutes=30):%Y-%m-%dT%H:%M:%S}-0330",
    ]
    assert values.times(pl.Series(ways), zone="UTC").to_list() == [at] * len(ways)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(plain_text, plain_text, plain_text), min_size=1, max_size=12), st.sampled_from([",", ";", "\t"])
)
def test_lines_are_split_as_the_csv_module_splits_them(rows, delimiter):
    rows = [(f"k{n}", *row) for n, row in enumerate(rows)]  # no line is blank
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    lines = records.number_lines(buffer.getvalue().encode())
    split = records.split(lines, delimiter=delimiter, names=["a", "b", "c", "d"])
    assert split.torn.is_empty()
    assert split.rows.select("a", "b", "c", "d").rows() == rows


@given(st.lists(plain_text, max_size=30), st.sampled_from(["utf-8", "gb18030", "utf-8-sig", "utf-16"]))
def test_a_declared_encoding_brings_back_the_text(texts, codec):
    text = "\n".join(["小票号,金额", *texts])
    declared = codec.removesuffix("-sig")
    assert encoding.decode(text.encode(codec), encoding=declared).utf8.decode() == text


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused_and_every_record_is_kept_or_torn(data):
    try:
        text = encoding.decode(data)
    except encoding.SourceError:  # type: ignore[attr-defined]
        return
    lines = records.number_lines(text.utf8)
    split = records.split(lines, delimiter=",", names=["a", "b"])
    taken = split.rows[records.LINE].to_list() + split.torn[records.LINE].to_list()
    assert len(taken) == len(set(taken))
    raw = split.rows[records.RAW].to_list() + split.torn[records.RAW].to_list()
    assert sum(r.count("\n") + 1 for r in raw) == lines.height
