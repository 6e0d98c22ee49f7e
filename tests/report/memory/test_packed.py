"""Results as bytes: what goes in comes out, and nothing else can be made of bytes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.kit.finding import Answer, Figure
from crmlib.report.html.content import Fact
from crmlib.report.memory import packed

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates() | st.datetimes()
    | st.timedeltas(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.dates(), inner),
    max_leaves=20,
)  # fmt: skip


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    back = packed.unpack(packed.pack(value))
    assert back == value and type(back) is type(value)


def test_frames_come_back_with_their_types_and_nulls() -> None:
    frame = pl.DataFrame(
        {
            "s": ["一", None], "i": pl.Series([1, None], dtype=pl.Int32), "f": [float("nan"), None], "b": [True, None],
            "d": [date(2026, 1, 31), None], "t": [datetime(2026, 1, 1, tzinfo=UTC), None], "l": [["a"], None],
            "e": pl.Series(["x", None], dtype=pl.Enum(["x", "y"])),
        }
    )  # fmt: skip
    back = packed.unpack(packed.pack({"frame": frame, "series": frame["s"], "none": frame.clear()}))
    assert back["frame"].equals(frame) and back["frame"].schema == frame.schema
    assert back["series"].equals(frame["s"]) and back["none"].schema == frame.schema


def test_arrays_come_back_with_shape_and_type_and_scalars_as_scalars() -> None:
    for array in (np.arange(6, dtype=np.int32).reshape(2, 3), np.array([]), np.array(["a", "bc"])):
        back = packed.unpack(packed.pack(array))
        assert back.dtype == array.dtype and np.array_equal(back, array)
    scalar = packed.unpack(packed.pack(np.float64(0.1)))
    assert isinstance(scalar, np.float64) and scalar == 0.1


def test_dataclasses_of_the_package_come_back_whole() -> None:
    answer = Answer("一句", (Figure("a", "b", "c", "good", "k", 1.5, money=True),))
    assert packed.unpack(packed.pack((answer, Fact("x", "ok")))) == (answer, Fact("x", "ok"))


def test_functions_of_the_package_are_known_by_their_names() -> None:
    assert packed.unpack(packed.pack([packed.pack])) == [packed.pack]


def test_equal_frames_made_in_different_ways_have_equal_bytes() -> None:
    whole = pl.DataFrame({"a": range(100), "s": [str(n) for n in range(100)]})
    parts = pl.concat([whole.head(37), whole.tail(63)], rechunk=False)
    assert packed.pack(parts) == packed.pack(whole)


class Colour(StrEnum):
    """Not one of what can be packed."""

    red = "red"


@pytest.mark.parametrize("thing", [object(), lambda: 1, Colour.red, np.random.default_rng(1), {"x": [open]}, pytest])
def test_what_cannot_come_back_is_refused(thing: object) -> None:
    with pytest.raises(TypeError):
        packed.pack(thing)


def test_arrays_of_objects_are_refused_since_they_would_be_pickled() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        packed.pack(np.array([object()]))


def crafted(tree: Any, *blobs: bytes) -> bytes:
    head = json.dumps({"tree": tree, "sizes": [len(b) for b in blobs]}).encode()
    return len(head).to_bytes(8, "big") + head + b"".join(blobs)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00" * 8, b"\xff" * 40, b"no", crafted({"kind": "frame", "of": 0}, b"not arrow"),
        crafted({"kind": "frame", "of": 3}), crafted({"kind": "spell", "of": 1}),
        crafted({"kind": "array", "of": 0}, b""),
        crafted({"kind": "object", "class": "os:system", "of": {}}),
        crafted({"kind": "object", "class": "subprocess:Popen", "of": {"args": "id"}}),
        crafted({"kind": "object", "class": "crmlib.report.memory.packed:pack", "of": {}}),
        crafted({"kind": "object", "class": "crmlib.report.memory.packed:importlib", "of": {}}),
        crafted({"kind": "object", "class": "crmlib.report.html.content:Fact", "of": {"text": "x"}}),
        crafted({"kind": "object", "class": "crmlib.no_such:Thing", "of": {}}),
        crafted({"kind": "function", "of": "os:system"}), crafted({"kind": "function", "of": "crmlib.cli:sys"}),
        crafted({"kind": "function", "of": "crmlib.report.opening:open_page.x"}),
        crafted({"kind": "day", "of": "yesterday"}), crafted({"kind": "span", "of": ["x"]}),
    ],
)  # fmt: skip
def test_other_bytes_are_refused_and_make_nothing(content: bytes) -> None:
    with pytest.raises(ValueError):
        packed.unpack(content)


def test_a_pickle_in_the_place_of_an_array_is_not_read() -> None:
    import pickle  # noqa: PLC0415

    evil = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    with pytest.raises(ValueError):
        packed.unpack(crafted({"kind": "array", "of": 0}, evil + pickle.dumps(timedelta(1))))
