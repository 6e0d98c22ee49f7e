"""A noun follows the number it stands with, in every English sentence."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from crmlib.core.sentences import PLURAL, fill
from crmlib.kit.words import Words
from crmlib.kit.words.sentences import keys

WORDS = Words("en")
SENTENCES = {key: WORDS.sentence(key) for key in sorted(keys("en"))}
FORMS = re.compile(r"\{\w+:" + PLURAL + r"([^|}]*)\|([^}]*)\}")
COUNTED = {forms[1].split()[0] for text in SENTENCES.values() for forms in FORMS.findall(text)}
NOUNS = "|".join(
    sorted(COUNTED - {"are", "have", "were", "do"} - {v for v in COUNTED if not v.endswith(("s", "people"))})
)


def _names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def _told(count: str) -> dict[str, str]:
    """Every sentence that counts, all its values being `count`."""
    counting = {key: text for key, text in SENTENCES.items() if FORMS.search(text)}
    plain = {key: re.sub(r"\{(\w+):(?!plural:)[^{}]*\}", r"{\1}", text) for key, text in counting.items()}
    return {key: fill(text, dict.fromkeys(_names(text), count)) for key, text in plain.items()}


def test_hundreds_of_sentences_count() -> None:
    assert sum(f":{PLURAL}" in text for text in SENTENCES.values()) > 300
    assert {"members", "stores", "days", "people"} <= COUNTED


def test_a_noun_that_is_counted_somewhere_is_counted_everywhere() -> None:
    bare = re.compile(r"\{\w+(:[^}]*)?\} (own |past |card |new |more )?(" + NOUNS + r")\b(?![-–])")
    assert {key: text for key, text in SENTENCES.items() if bare.search(text)} == {}


VERBS = "are|were|have|do|stand|lie|want|need|fit|come|sell"
SEVERAL = {"tiers"}
"""Values that are several whatever is counted: tiers A and B."""


def test_a_verb_and_a_pointing_word_follow_the_number_too() -> None:
    """What a room counts in one sentence is a number in its others: "1 are behind", "watch these 1"."""
    counted: dict[str, set[str]] = {}
    for key, text in SENTENCES.items():
        counted.setdefault(key.partition(".")[0], set()).update(re.findall(r"\{(\w+):plural:", text))
    bare = re.compile(r"\{(\w+)\} (?:of (?:them|these|those) )?(?:" + VERBS + r")\b|\b(?:these|those) \{(\w+)\}")
    wrong = {}
    for key, text in SENTENCES.items():
        names = {one or other for one, other in bare.findall(text)} - SEVERAL
        if names & counted[key.partition(".")[0]]:
            wrong[key] = text
    assert wrong == {}


def test_a_verb_behind_what_says_more_of_the_noun_follows_the_number_too() -> None:
    """ "1 member with a net of zero are in the lowest tier"; and no "a {share}", which may be a 82 %."""
    late = re.compile(r"\{\w+:" + PLURAL + r"[^}]*\} (?:with|of|that|who|in which)\b[^{}.;:,]* (?:are|were|have)\b")
    wrong = {
        key: text
        for key, text in SENTENCES.items()
        if late.search(text) or re.search(r"\b[Aa] \{(?:share|power|chance|rate)\}", text)
    }
    assert wrong == {}


@pytest.mark.parametrize("count", ["0", "2", "1,000"])
def test_any_other_number_has_the_plural(count: str) -> None:
    for key, text in _told(count).items():
        plural = FORMS.sub(lambda forms: forms[2], SENTENCES[key])
        assert text == re.sub(r"\{\w+(:[^{}]*)?\}", count, plural), key


def test_one_has_the_singular() -> None:
    told = _told("1")
    wrong = re.compile(rf"(?<![\d.,])1 ({NOUNS})\b")
    assert {key: text for key, text in told.items() if wrong.search(text)} == {}


def test_a_number_with_decimals_and_a_text_have_the_plural() -> None:
    sentence = "{n} {n:plural:point|points}"
    assert [fill(sentence, {"n": n}) for n in (1, "1.0", "1.5", "about 1")] == [
        "1 point",
        "1.0 points",
        "1.5 points",
        "about 1 points",
    ]


def test_chinese_has_no_forms() -> None:
    assert not any(f":{PLURAL}" in Words("zh").sentence(key) for key in keys("zh"))


@pytest.mark.parametrize(
    ("budget", "said"),
    [("预算", "占预算的 44%"), ("16.7 万元", "占 16.7 万元的 44%"), ("400", "占 400 的 44%"), ("O₂", "占 O₂ 的 44%")],
)
def test_chinese_closes_up_beside_chinese(budget: str, said: str) -> None:
    assert fill("占 {budget} 的 {share}", {"budget": budget, "share": "44%"}) == said
    assert fill("{label} {value}", {"label": "语言", "value": "中文"}) == "语言 中文"
