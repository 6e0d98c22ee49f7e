"""Errors in the reader's language."""

from __future__ import annotations

from crmlib.core.errors import LakeError, ParameterError, SourceError
from crmlib.kit.words import Words
from crmlib.report.form.explain import explain
from crmlib.report.form.parameters import Issue


def test_a_known_code_is_told_in_chinese_with_its_values() -> None:
    error = LakeError("report.not_connected", values={"table": "t", "report": "r"})
    told = explain(error, Words("zh"))
    assert told.given == "数据中没有表 t"
    assert "crmlib ingest" in told.mend


def test_an_own_reports_error_brings_its_own_words() -> None:
    own = LakeError("zz.yy", said=("g", "e", "m"), examples=["138…00"], place="p.yml")
    assert (explain(own, Words("zh")).given, explain(own, Words("zh")).examples) == ("p.yml: g", ("138…00",))


def test_a_missing_value_leaves_its_place_empty_and_hides_nothing() -> None:
    assert explain(LakeError("report.not_connected"), Words("zh")).given == "数据中没有表 {table}"


def test_issues_are_told_in_the_language() -> None:
    issue = Issue("months", "99", "most", {"limit": "36"})
    error = ParameterError("report.parameters", values={"issues": (issue,)})
    assert "不能大于 36" in explain(error, Words("zh")).given


def test_an_unexpected_error_keeps_its_message_to_itself() -> None:
    told = explain(KeyError("13800138000"), Words("zh"))
    assert "13800138000" not in str(told) and "KeyError" in told.given


def test_a_remark_without_a_value_is_left_out() -> None:
    values = {"name": "x", "path": "s.yml", "present": "pos"}
    for near, zh in (("pos", "文件中已写明的数据源（最接近：pos）"), ("", "文件中已写明的数据源")):
        error = SourceError("sources.unknown_source", values=values | {"near": near})
        assert explain(error, Words("zh")).expected == zh
        assert explain(error, Words("en")).expected.endswith("(nearest: pos)" if near else "the file names")
