"""Which encoding a text was written in: a decoding that is only valid by chance turns words into rare characters.

Nearly every string of bytes is valid GB18030, Big5 or cp1252, so validity says little. What tells them apart is how
common the characters are that come out: Chinese text is made of level 1 of its own standard to 95 % and more (the 3,755
characters of GB 2312 rows 16-55, the 5,401 of Big5 rows A4-C6), Japanese of kana and level 1 of JIS X 0208, and the
accented letters of Western text stand alone between plain ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

CODECS = {"gb18030": "gb18030", "big5": "cp950", "shift-jis": "cp932", "cp1252": "cp1252", "utf-8": "utf-8"}
"""Encodings that are tried, with the names of their decoders; UTF-8 for a text of which some bytes are damaged."""
FIRST = "gb18030"
SURE, CLEAR = 0.8, 0.2
"""The best candidate must make this share of common characters, and so much more than the next."""
LONGEST_ACCENTED = 2
"""Accented letters side by side in a Western word; more of them are another script."""
SIGNS = frozenset(map(chr, (0xA3, 0xA7, 0xA9, 0xAA, 0xAE, 0xB0, 0xB2, 0xB3, 0xBA, 0xBD, 0x20AC, 0x2122))) | frozenset(
    map(chr, (0xAB, 0xBB, 0xBF, 0xA1, 0xA0, 0xB4, 0xB7, *range(0x2013, 0x201A), *range(0x201B, 0x201F), 0x2026, 0x2022))
)
"""Signs of Western text; the low quote is the first byte of Japanese digits and kana."""
HALF_KANA = (0xFF61, 0xFF9F)
WORD = re.compile(r"\S{0,2}[^\x00-\x7f]\S{0,3}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of the sample: share of common characters among those that are not plain ASCII, and a few words."""

    encoding: str
    common: float
    words: str


def candidates(lines: Sequence[bytes]) -> tuple[Candidate, ...]:
    r"""Every encoding tried on the lines that are not plain ASCII, best first.

    Examples
    --------
    >>> candidates(["MU\xd1OZ,andr\xe9s".encode("cp1252")])[0].encoding
    'cp1252'
    >>> candidates([bytes.fromhex("d0a1c6b1bac52cbdf0b6ee")])[0].encoding
    'gb18030'
    """
    found = [_candidate(name, lines) for name in CODECS]
    return tuple(sorted(found, key=lambda c: -c.common))


def clear(found: Sequence[Candidate]) -> Candidate | None:
    """The candidate that is common text while no other one nearly is; none where nothing is clear.

    A few characters of GB18030 may be common ones of Big5 by chance: where both are, it is GB18030.
    """
    best, second = found[:2]
    chinese = next(c for c in found if c.encoding == FIRST)
    if chinese.common >= SURE and best.common - chinese.common < CLEAR:
        return chinese
    return best if best.common >= SURE and best.common - second.common >= CLEAR else None


def _candidate(name: str, lines: Sequence[bytes]) -> Candidate:
    text = b"\n".join(lines).decode(CODECS[name], errors="replace")
    if name == "cp1252":
        common, total = _western(text)
    else:
        seen = Counter(char for char in text if char > "\x7f")
        total = seen.total()
        common = sum(times for char, times in seen.items() if _common(char, name))
    words = dict.fromkeys(WORD.findall(text)[:3])
    return Candidate(name, common / total if total else 0.0, " ".join(words))


def _western(text: str) -> tuple[int, int]:
    """Accented letters that stand alone beside plain ones, and signs; letters between digits are another script's."""
    runs = re.findall(r"([A-Za-z]?)([^\x00-\x7f]+)([A-Za-z]?)", text)
    short = [(run, bool(before or after)) for before, run, after in runs if len(run) <= LONGEST_ACCENTED]
    common = sum(c in SIGNS or (beside and c.isalpha() and c != "\ufffd") for run, beside in short for c in run)
    return common, sum(len(run) for _, run, _ in runs)


def _common(char: str, name: str) -> bool:
    """Whether a character belongs to the common ones of an East Asian encoding."""
    if name == "utf-8" or (name == "shift-jis" and HALF_KANA[0] <= ord(char) <= HALF_KANA[1]):
        return name == "utf-8" and char != "\ufffd"
    try:
        code = char.encode({"gb18030": "gb2312"}.get(name, CODECS[name]))
    except UnicodeEncodeError:
        return False
    lead = code[0] if len(code) == 2 else 0
    if name == "gb18030":
        return lead in {0xA1, 0xA3} or 0xB0 <= lead <= 0xD7
    if name == "big5":
        return lead == 0xA1 or 0xA4 <= lead <= 0xC6
    return lead in {0x81, 0x82, 0x83} or 0x88 <= lead <= 0x97
