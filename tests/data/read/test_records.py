"""Lines of a text: numbered, split, the torn ones set apart; judged beside Python's own splitting."""

from __future__ import annotations

import csv
import random
import re

import pytest

from crmlib.data.read import records
from crmlib.data.read.records import LINE, RAW

BLANK = re.compile(r"[^\s,;|\x00]")
PIECES = ("a", "é", "单", "9", ",", ",", ",", ";", "\r", "\ufeff", " ", "\t", "\x00", "\n", "\n", "\r\n", "x\u0698")


@pytest.mark.parametrize("seed", range(40))
def test_lines_are_numbered_as_python_splits_them(seed: int) -> None:
    draw = random.Random(seed)
    text = "".join(draw.choices(PIECES, k=draw.choice((0, 1, 3, 200))))
    found = records.number_lines(text.encode())
    lines = [line.rstrip("\r").lstrip("\ufeff") for line in text.removesuffix("\n").split("\n")]
    expected = [(n, line) for n, line in enumerate(lines, 1) if BLANK.search(line)]
    assert found.select(LINE, RAW).rows() == expected


@pytest.mark.parametrize("text", ["x\u0698,b\nc,d\n", "x\x01,b\nc,d\n"])
def test_a_text_that_begins_like_a_packed_file_is_a_text(text: str) -> None:
    assert records.number_lines(text.encode())[RAW].to_list() == text.splitlines()


@pytest.mark.parametrize("seed", range(40))
def test_lines_without_quotes_are_split_as_csv_does_and_torn_ones_told(seed: int) -> None:
    draw = random.Random(seed)
    width, odd = draw.choice((1, 2, 4)), draw.choice((0.0, 0.3))
    rows = []
    for _ in range(30):
        fields = ["".join(draw.choices("ab 9é", k=draw.randint(0, 4))) for _ in range(width)]
        fields += [draw.choice(("", " ", "z"))] * draw.randint(0, 3) if draw.random() < odd else []
        rows.append(",".join(fields[: draw.randint(0, width)] if draw.random() < odd else fields))
    lines = records.number_lines("\n".join(rows).encode())
    names = [f"c{n}" for n in range(width)]
    found = records.split(lines, delimiter=",", names=names)
    good, torn = [], []
    for number, line in lines.rows():
        fields = next(csv.reader([line]), [])
        trailing = len(line.rstrip(", \t").split(",")) <= width
        if len(fields) == width or (len(fields) > width and trailing):
            good.append((*fields[:width], number, line))
        else:
            torn.append((number, line, "too_few_fields" if len(fields) < width else "too_many_fields"))
    assert found.rows.select(*names, LINE, RAW).rows() == good
    assert found.torn.rows() == torn
