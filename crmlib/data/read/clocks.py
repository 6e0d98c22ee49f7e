"""Clocks and durations as people write them: forenoon and afternoon, hours and minutes in words, years of an era."""

from __future__ import annotations

import re
from decimal import Decimal

import polars as pl

FORENOON = r"\x{4e0a}\x{5348}|\x{51cc}\x{6668}|\x{65e9}\x{4e0a}|\x{6e05}\x{6668}|\x{5348}\x{524d}|a\.?m\.?"
AFTERNOON = r"\x{4e0b}\x{5348}|\x{4e2d}\x{5348}|\x{508d}\x{665a}|\x{665a}\x{4e0a}|\x{5348}[\x{5f8c}\x{540e}]|p\.?m\.?"
"""Halves of the day in Chinese, Japanese and English, before or after the clock."""
HALF = rf"(?i)\s*(?:{FORENOON}|{AFTERNOON})\s*"
H, M, S = r"\s*[\x{65f6}\x{6642}\x{70b9}]\s*", r"\s*\x{5206}\s*", r"\s*\x{79d2}\s*"
WORDS = rf"(?i)[\x{{65f6}}\x{{6642}}\x{{70b9}}\x{{ff1a}}]|{FORENOON}|{AFTERNOON}"
"""What a time holds that is not written with digits and colons only."""

BARE = r"^\s*(\d{8}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})[ T]+(\d{3,6})\s*$"
"""A day, and a clock of digits only: 093015, or 93015 where a number has lost its zero."""
SHORT = 4
"""Digits of a clock without seconds."""

ERAS = {
    **dict.fromkeys(("\u4ee4\u548c", "R"), 2018),
    **dict.fromkeys(("\u5e73\u6210", "H"), 1988),
    **dict.fromkeys(("\u662d\u548c", "S"), 1925),
    **dict.fromkeys(("\u5927\u6b63", "T"), 1911),
    **dict.fromkeys(("\u6c11\u570b", "\u6c11\u56fd"), 1911),
}
"""The year before an era's first one, by its name and its letter."""
ERA = rf"(?i)^\s*({'|'.join(ERAS)})\s*(\d{{1,3}}|\u5143)(\s*[\u5e74./-]\s*\d{{1,2}}\s*[\u6708./-]\s*\d{{1,2}}.*)$"
WEEKDAY = (
    r"\s*(?:[(\x{ff08}][\x{65e5}\x{6708}\x{706b}\x{6c34}\x{6728}\x{91d1}\x{571f}][)\x{ff09}]"
    r"|(?:\x{661f}\x{671f}|\x{5468})[\x{4e00}\x{4e8c}\x{4e09}\x{56db}\x{4e94}\x{516d}\x{65e5}\x{5929}])\s*"
)
"""A weekday beside a date: in brackets, as in Japan, or in words."""
ERA_OR_WEEKDAY = rf"{ERA}|{WEEKDAY}"

SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800, "months": 2_592_000}
"""Units of a duration; a month has 30 days, and a year, as people count shelf lives, 365."""
UNITS = {
    31_536_000: ("\u5e74", "years", "year", "yrs", "yr", "y"),
    2_592_000: ("\u4e2a\u6708", "\u6708", "months", "month", "mon", "mo"),
    604_800: ("\u5468", "\u661f\u671f", "weeks", "week", "wk", "w"),
    86_400: ("\u5929", "\u65e5", "days", "day", "d"),
    3_600: ("\u5c0f\u65f6", "\u65f6", "hours", "hour", "hrs", "hr", "h"),
    60: ("\u5206\u949f", "\u5206", "minutes", "minute", "mins", "min", "m"),
    1: ("\u79d2\u949f", "\u79d2", "seconds", "second", "secs", "sec", "s"),
}
SECONDS_OF = {word: seconds for seconds, words in UNITS.items() for word in words}
PIECE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(" + "|".join(sorted(SECONDS_OF, key=len, reverse=True)) + r")(?![a-z])\s*")
ISO = re.compile(r"p(?:(\d+)y)?(?:(\d+)m)?(?:(\d+)w)?(?:(\d+)d)?(?:t(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?)?$")
CLOCK = re.compile(r"(\d{1,5}):([0-5]?\d)(?::([0-5]?\d)(?:\.\d+)?)?$")
PLAIN = re.compile(r"\d+(?:\.\d+)?$")


def digits(text: pl.Expr) -> pl.Expr:
    """The text with its clock in digits and colons; the half of the day is taken off (see `by_half`).

    Examples
    --------
    >>> cells = ["2025-03-02 3:05 PM", "\u4e0b\u53483:05", "9\u65f65\u5206", "21\u70b9", "9\u65f65\u52067\u79d2"]
    >>> pl.DataFrame({"t": cells}).select(digits(pl.col("t"))).to_series().to_list()
    ['2025-03-02 3:05', '3:05', '9:5', '21:00', '9:5:7']
    """
    text = text.str.replace(HALF, " ").str.replace_all("\uff1a", ":", literal=True)
    text = text.str.replace(rf"(\d{{1,2}}){H}(\d{{1,2}}){M}(\d{{1,2}}){S}", "$1:$2:$3")
    text = text.str.replace(rf"(\d{{1,2}}){H}(\d{{1,2}}){M}?", "$1:$2")
    return text.str.replace(rf"(\d{{1,2}}){H}$", "$1:00").str.strip_chars()


def spaced(text: pl.Series) -> pl.Series:
    """The texts with clocks of digits only as hours, minutes and, where any has more than four digits, seconds.

    All of a column decide together: beside 235959, 930 is half past nine minutes after midnight.

    Examples
    --------
    >>> spaced(pl.Series(["20240103 93015", "2024-1-3 930"])).to_list()
    ['20240103 09:30:15', '2024-1-3 00:09:30']
    >>> spaced(pl.Series(["20240103 0930", "20240103 1730", "20240103"])).to_list()
    ['20240103 09:30', '20240103 17:30', '20240103']
    """
    clock = text.str.extract(BARE, 2)
    seconds = int(clock.str.len_chars().max() or 0) > SHORT  # type: ignore[arg-type]
    pairs = clock.str.zfill(6 if seconds else 4).str.replace_all(r"(\d\d)", ":$1").str.slice(1)
    told = text.str.extract(BARE, 1) + " " + pairs
    return text.zip_with(clock.is_null(), told)


def by_half(at: pl.Expr, text: pl.Expr) -> pl.Expr:
    """A time by the half of the day that its text names; no time where the two contradict each other."""
    hour = at.dt.hour()
    early, late = text.str.contains(rf"(?i){FORENOON}"), text.str.contains(rf"(?i){AFTERNOON}")
    clock = text.str.contains(r"\d\s*[:\x{ff1a}\x{65f6}\x{6642}\x{70b9}]|\.\d")
    later = pl.when((early | late) & ~clock).then(None).when(late & (hour < 12)).then(at.dt.offset_by("12h"))
    return later.when(early & (hour == 12)).then(at.dt.offset_by("-12h")).when(~(early & (hour > 12))).then(at)


def as_formats_say(text: pl.Expr) -> pl.Expr:
    """The halves of the day in the words that `%p` knows."""
    early = text.str.replace(r"\s*(\x{4e0a}\x{5348}|\x{5348}\x{524d})\s*", " AM ")
    return early.str.replace(r"\s*(\x{4e0b}\x{5348}|\x{5348}[\x{5f8c}\x{540e}])\s*", " PM ").str.strip_chars()


def western(text: pl.Expr) -> pl.Expr:
    """The text with the year of an era (Japan's, or Taiwan's) as the common one; words of weekdays are taken off.

    Examples
    --------
    >>> cells = ["\u4ee4\u548c7\u5e741\u67082\u65e5", "R7.1.2 9:05", "\u4ee4\u548c\u5143\u5e745\u67081\u65e5(\u6c34)"]
    >>> cells += ["\u6c11\u570b114/01/02", "RH7"]
    >>> pl.DataFrame({"t": cells}).select(western(pl.col("t"))).to_series().to_list()
    ['2025\u5e741\u67082\u65e5', '2025.1.2 9:05', '2019\u5e745\u67081\u65e5 ', '2025/01/02', 'RH7']
    """
    era, year, rest = (text.str.extract(ERA, n) for n in (1, 2, 3))
    number = year.replace("\u5143", "1").cast(pl.Int32, strict=False)
    first = era.str.to_uppercase().replace_strict(ERAS, default=None, return_dtype=pl.Int32)
    dated = pl.when(era.is_not_null()).then(pl.concat_str((first + number).cast(pl.String), rest)).otherwise(text)
    return dated.str.replace(WEEKDAY, " ")


def durations(text: pl.Series, *, unit: str) -> pl.Series:
    """How long something lasts, in `unit` (exact); a bare number is in that unit, `1:30` is an hour and a half.

    Examples
    --------
    >>> cells = pl.Series(["180", "12\u4e2a\u6708", "1\u5e74", "1:30:00", "2 weeks 3 days", "P1DT12H", "soon"])
    >>> [None if v is None else float(v) for v in durations(cells, unit="days")]
    [180.0, 360.0, 365.0, 0.0625, 17.0, 1.5, None]
    """
    seen = {cell: _seconds(cell, unit) for cell in text.drop_nulls().unique().to_list()}
    found = {
        cell: str((seconds / SECONDS[unit]).quantize(Decimal("1e-9")))
        for cell, seconds in seen.items()
        if seconds is not None
    }
    return text.replace_strict(found, default=None, return_dtype=pl.String).cast(pl.Decimal(38, 9))


def as_duration(lasted: pl.Expr, *, unit: str) -> pl.Expr:
    """So many units as a span of time, to the microsecond."""
    return pl.duration(microseconds=(lasted.cast(pl.Float64) * (SECONDS[unit] * 1e6)).round().cast(pl.Int64))


def _seconds(cell: str, unit: str) -> Decimal | None:
    plain = cell.strip().lower()
    if PLAIN.match(plain):
        return Decimal(plain) * SECONDS[unit]
    if clock := CLOCK.match(plain):
        return Decimal(sum(int(v or 0) * s for v, s in zip(clock.groups(), (3_600, 60, 1), strict=True)))
    if (iso := ISO.match(plain)) and len(plain) > 2:
        return Decimal(sum(int(v or 0) * s for v, s in zip(iso.groups(), UNITS, strict=True)))
    pieces = PIECE.findall(plain)
    if not pieces or PIECE.sub("", plain).strip(" ,"):
        return None
    return sum((Decimal(number) * SECONDS_OF[word] for number, word in pieces), start=Decimal(0))
