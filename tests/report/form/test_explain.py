"""Errors in the reader's language."""

from __future__ import annotations

from crmlib.core.errors import LakeError, ParameterError, SourceError
from crmlib.kit.words import Words
from crmlib.report.form.explain import explain
from crmlib.report.form.parameters import Issue


def test_a_known_code_is_told_in_chinese_with_its_values() -> None:
    error = LakeError("report.not_connected", given="g", expected="e", mend="m", values={"table": "t", "report": "r"})
    told = explain(error, Words("zh"))
    assert told.given == "数据中没有表 t"
    assert "crmlib ingest" in told.mend


def test_an_unknown_code_or_a_missing_value_falls_back_to_the_errors_own_words() -> None:
    unknown = LakeError("zz.yy", given="g", expected="e", mend="m", examples=["138…00"])
    assert (explain(unknown, Words("zh")).given, explain(unknown, Words("zh")).examples) == ("g", ("138…00",))
    without = LakeError("report.not_connected", given="g", expected="e", mend="m")
    assert explain(without, Words("zh")).given == "g"


def test_issues_are_told_in_the_language() -> None:
    issue = Issue("months", "99", "most", {"limit": "36"})
    error = ParameterError("report.parameters", given="g", expected="e", mend="m", values={"issues": (issue,)})
    assert "不能大于 36" in explain(error, Words("zh")).given


def test_an_unexpected_error_keeps_its_message_to_itself() -> None:
    told = explain(KeyError("13800138000"), Words("zh"))
    assert "13800138000" not in str(told) and "KeyError" in told.given


def test_a_remark_without_a_value_is_left_out() -> None:
    values = {"name": "x", "path": "s.yml", "present": "pos"}
    for near, zh in (("pos", "文件中已写明的数据源（最接近：pos）"), ("", "文件中已写明的数据源")):
        error = SourceError("sources.unknown_source", given="", expected="", mend="", values=values | {"near": near})
        assert explain(error, Words("zh")).expected == zh
        assert explain(error, Words("en")).expected.endswith("(nearest: pos)" if near else "the file names")
