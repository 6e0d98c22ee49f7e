"""Two languages, the same keys, the same values in the sentences, everywhere."""

from __future__ import annotations

import re
import string

from crmlib.kit.words import sentences as module
from crmlib.kit.words.sentences import keys

CHINESE = re.compile(r"[\u4e00-\u9fff]")


_TERMS = ("rate", "nth_unit", "multi_rate", "threshold_rate")
OWN_VALUES = {"promotion.depth", *(f"promotion_desk.terms.{kind}" for kind in _TERMS)}
"""A Chinese 折 says what is paid, "off" what is saved: callers give both."""


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert keys("zh") ^ keys("en") == frozenset()


def test_both_languages_fill_in_the_same_values() -> None:
    zh, en = module._table("zh"), module._table("en")
    differ = {key for key in keys("zh") & keys("en") if placeholders(zh[key]) ^ placeholders(en[key])}
    assert not differ - OWN_VALUES


def test_no_english_sentence_holds_chinese_except_names_of_the_language_itself() -> None:
    shown = {key: text for key, text in module._table("en").items() if ".tags." not in key}  # tags are data
    mixed = {key for key, text in shown.items() if CHINESE.search(text)}
    assert mixed <= {"page.other_language", "page.parameter.language.choice.zh"}
