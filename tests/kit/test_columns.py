"""One vocabulary of columns: a number has one kind everywhere."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.kit import columns
from crmlib.kit.table import worded
from crmlib.kit.words import Words
from crmlib.kit.words.sentences import keys

ENTRIES = tomllib.loads(Path(columns.__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def test_every_entry_is_whole_and_the_file_is_in_order() -> None:
    assert list(ENTRIES) == sorted(ENTRIES)
    assert {columns.of(name, pl.String()).kind for name in ENTRIES} <= set(columns.KINDS)


def test_what_an_ending_says_is_what_the_entry_says() -> None:
    kinds = {"_minor": "money", "_milli": "units", "_bp": "basis_points", "_on": "day"}
    for name in ENTRIES:
        for ending, kind in kinds.items():
            if name.endswith(ending):
                assert ENTRIES[name]["kind"] == kind, name


@pytest.mark.parametrize("language", ["zh", "en"])
def test_where_codes_are_worded_there_are_words(language: str) -> None:
    every = keys(language)  # type: ignore[arg-type]
    for name, entry in ENTRIES.items():
        for place in entry.get("values", ()):
            head = place.split("{")[0].rstrip(".")
            assert any(key.startswith(f"{head}.") for key in every), (name, place)


@given(st.sampled_from(["money", "units", "basis_points"]), st.integers(-(10**12), 10**12))
def test_names_without_an_entry_are_read_by_their_ending(kind: str, value: int) -> None:
    ending = {"money": "_minor", "units": "_milli", "basis_points": "_bp"}[kind]
    found = columns.of(f"my_own{ending}", pl.Series([value]).dtype)
    assert found.kind == kind
    assert found.divisor == {"money": 1, "units": 1000, "basis_points": 10_000}[kind]


def test_a_code_is_worded_by_its_row_where_the_vocabulary_says_so() -> None:
    frame = pl.DataFrame({"trait": ["gender", "region"], "value": ["female", "华东"]})
    said = worded(frame, words=Words("zh"))
    assert said["value"].to_list() == ["女", "华东"]
    assert said["trait"].to_list() == [Words("zh").column("gender"), Words("zh").column("region")]


def test_a_finding_may_say_where_its_codes_are_worded() -> None:
    frame = pl.DataFrame({"measure": ["recency"], "own": ["recency"]})
    said = worded(frame, words=Words("en"), names={"own": "churn.group"})
    assert said.row(0) == ("Last purchase", "long absent")
