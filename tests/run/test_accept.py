"""`crmlib accept`: headers of any language, whole currency to minor units, refusals with a mend, exit codes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crmlib.core.errors import ModelError, ParameterError
from crmlib.kit.words import Words
from crmlib.run import accept

ZH = (
    "指标,范围,月份,数值,单位,口径,不含门店类型,取整到,重复上传\n"
    '净销售额,华东,2026-09,"1,234.5",元,实收,专柜,1,S1 2026-09-02\n'
)
EN = "figure_id,scope,period,value,definition\nlines,north,2026-09,12,till lines\n"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "old.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_chinese_headers_and_words_are_understood_and_money_is_in_fen(tmp_path: Path) -> None:
    row = accept.read(written(tmp_path, ZH), currency="CNY").row(0, named=True)
    assert (row["figure_id"], row["value"], row["leaves_out"], row["rounded_to"]) == (
        "net_sales",
        123_450,
        "counter",
        100,
    )
    assert row["repeated"] == ["S1 2026-09-02"]
    assert (row["tax_bp"], row["closing_day"]) == (None, None)


def test_counts_stay_counts(tmp_path: Path) -> None:
    assert accept.read(written(tmp_path, EN), currency="CNY")["value"].to_list() == [12]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (EN.replace(",definition", ",meaning"), "run.accept_columns"),
        (EN.replace(",12,", ",a dozen,"), "run.accept_values"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_mend(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(ParameterError) as error:
        accept.read(written(tmp_path, text), currency="CNY")
    assert error.value.code == code
    assert error.value.mend


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as error:
        accept.read(tmp_path / "none.csv", currency="CNY")
    assert error.value.code == "run.accept_file"


class Shop:
    """A lake of one day of one shop."""

    currency = "CNY"

    def table(self, name: str) -> pl.LazyFrame:
        if name == "stores":
            return pl.LazyFrame({"store_id": ["a"], "region": ["north"], "kind": ["own"]})
        return pl.LazyFrame(
            {"store_id": ["a"] * 2, "day_n": [20_697] * 2, "receipt_id": ["r", "s"], "customer_id": [None, "c"],
             "net_minor": [500, 700], "cost_minor": [None, 400]},
            schema_overrides={"customer_id": pl.String, "cost_minor": pl.Int64, "day_n": pl.Int32},
        )  # fmt: skip


@pytest.mark.parametrize(("value", "go"), [("12.00", True), ("11.00", False)])
def test_go_is_said_only_when_every_figure_is_explained(tmp_path: Path, value: str, go: bool) -> None:
    text = f"figure_id,scope,period,value,definition\nnet_sales,all,2026-09,{value},paid at the till\n"
    said: list[str] = []
    assert accept.run(written(tmp_path, text), lake=Shop(), say=said.append, words=Words("en")) is go  # type: ignore[arg-type]
    assert said[-1].startswith("GO" if go else "NO GO")
    assert ("1.00" in said[0]) is not go


def test_a_figure_that_nobody_can_define_is_refused(tmp_path: Path) -> None:
    text = EN.replace("till lines", " ")
    with pytest.raises(ModelError) as error:
        accept.run(written(tmp_path, text), lake=Shop(), say=print, words=Words("en"))  # type: ignore[arg-type]
    assert error.value.code == "cases.no_definition"
