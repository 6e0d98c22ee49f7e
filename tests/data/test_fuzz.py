"""Files as nobody means them: each ends in a true sum or in three sentences, with a new seed every time.

`CRMLIB_FUZZ_SEED` repeats a run, `CRMLIB_FUZZ_RUNS` makes it longer; a failure prints the seed and the file.
"""

from __future__ import annotations

import os
import random
import re
import secrets

import pytest

from crmlib.core.errors import CrmError
from crmlib.data.lake import store
from tests.data.conftest import HEADER, Desk

GIVEN = os.environ.get("CRMLIB_FUZZ_RUNS")
RUNS: list[object] = [int(GIVEN)] if GIVEN else [100, pytest.param(300, marks=pytest.mark.long)]
LINES = [
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    'R1,S1,0007,"P1,x",2024/1/3 9:56,1,12.50',
    'R2,S1,,"P""2",2024/1/3 10:01,0.328,8.27',
    "R3,S2,0008,P3,2024/2/28 20:15,-1,-3.00",
    "R4,S2,张三,P4,2024/2/28 20:16,2,¥1,234.00",
    "R5,S2,0008,P5,2024/2/28 20:17,2,99.90",
]
TOKENS = [
    *["\r"] * 4, "\r\r", "\x00", "\x1a", "\ufeff", '"', '""', "'", "\n", "\r\n", ",", ";", "\t", "|", "\\", "\u202e",
    "\u200b", "\u2028", "\x85", "\x0b", "1e309", "-1e309", "1e-400", "92233720368547758.07", "6901234567892", "9" * 400,
    "NaN", "inf", "０", "１２３．５", "\u0663", "0000/1/1 0:00", "0000-00-00", "9999/12/31 23:59:59", "99999/1/1",
    "2024/2/30", "-0", "=1+1", "张", "😀", "x" * 5_000, '"' * 49, "\ud800",
]  # fmt: skip
BYTES = [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x80", b"\xc3", b"\x81\x30\x81\x30", b"\x00\x0a", b"\x1f\x8b"]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "gb18030", "utf-16", "utf-8-sig"]


def mutated(rng: random.Random) -> bytes:
    """A small till export with up to four things wrong."""
    lines = [HEADER, *(rng.choice(LINES).replace("R", f"R{n}", 1) for n in range(rng.randint(1, 12)))]
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(lines))
        cells, token = lines[at].split(","), rng.choice(TOKENS)
        match rng.randrange(6):
            case 0:
                cells[rng.randrange(len(cells))] = token
            case 1:
                cells[rng.randrange(len(cells))] += token
            case 2:
                cells.insert(rng.randrange(len(cells)), token)
            case 3:
                del cells[rng.randrange(len(cells))]
            case 4:
                lines.insert(at, lines[at])
            case 5:
                place = rng.randint(0, len(lines[at]))
                cells = [lines[at][:place] + token + lines[at][place:]]
        lines[at] = ",".join(cells)
    text = rng.choice(["\n", "\n", "\r\n", "\r"]).join([*lines, ""])
    data = text.encode(rng.choice(ENCODINGS), errors="replace")
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        place = rng.randint(0, len(data))
        data = data[:place] + rng.choice(BYTES) + data[place + rng.randint(0, 3) :]
    return data[: rng.randint(1, len(data))] if rng.random() < 0.05 else data


def counted(data: bytes) -> tuple[int, int] | None:
    """At least and at most so many records, counted in another way; none where the bytes are no plain text."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"}:
        return None
    lines = data.split(b"\n" if b"\n" in data else b"\r")
    filled = [line for line in lines if re.search(rb"[^\s,;|\x00\x0b\x1c-\x1f]", line.removeprefix(b"\xef\xbb\xbf"))]
    records = max(0, len(filled) - 1)
    return (0, records) if b'"' in data else (records, records)


@pytest.mark.parametrize("runs", RUNS)
def test_files_that_nobody_means_end_in_a_true_sum_or_in_three_sentences(
    new_desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: int
) -> None:
    monkeypatch.setattr(store, "commit", lambda *arguments, **named: 0)  # what is stored is tested elsewhere
    seed = int(os.environ.get("CRMLIB_FUZZ_SEED") or secrets.randbits(32))
    with capsys.disabled():
        print(f"\nfuzz: CRMLIB_FUZZ_SEED={seed} CRMLIB_FUZZ_RUNS={runs}")
    desk: Desk = new_desk()
    read = refused = 0
    for run in range(runs):
        data = mutated(random.Random(f"{seed}/{run}"))
        desk.write("a.csv", data)
        try:
            result = desk.ingest()
        except CrmError as error:
            assert all(part.strip() for part in (error.given, error.expected, error.mend)), (seed, run, data[:2000])
            refused += 1
            continue
        except Exception as error:
            raise AssertionError(f"CRMLIB_FUZZ_SEED={seed}, file {run}: {data[:2000]!r}") from error
        bounds = counted(data)
        assert bounds is None or bounds[0] <= result.read <= bounds[1], (seed, run, result.read, bounds, data[:2000])
        read += result.read
    assert read > runs and refused < runs / 2, (read, refused)
