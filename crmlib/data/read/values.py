"""From text as people export it to exact values: numbers, times, flags. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.data.read import clocks as written

EXACT = pl.Decimal(38, 9)
"""Numbers between reading and rounding: nine decimals, no binary fractions."""

GROUPED = r"^[+-]?\d{1,3}([,'\x{A0}\x{202F} ]\d{3})+(\.\d*)?$"
BEFORE = r"^\s*([+-]?)\s*(?:(?:CN|US|HK)?[¥\x{FFE5}$£€\\]|CNY|RMB|USD|HKD|EUR|GBP)?\s*"
"""A sign or code of money before the number; the yen of Shift-JIS is the byte of the backslash."""
BRACKETS = r"^\s*[¥\x{FFE5}$£€]?\s*\(([^()-]+)\)\s*[¥\x{FFE5}$£€\x{5143}]?\s*$"
AFTER = r"\s*[¥\x{FFE5}$£€\x{5143}]?\s*$"  # a money sign or the word yuan
FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "t", "\u662f", "\u6709"), True),
    **dict.fromkeys(("false", "0", "no", "n", "f", "\u5426", "\u65e0"), False),
}
"""Flags as people write them; the escapes are yes, have, no, have not in Chinese."""

YEAR, MONTH, DAY = "\u5e74", "\u6708", "\u65e5"
EXCEL, EPOCH = "excel", "epoch"
TIMES = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y%m%d %H:%M:%S%.f",
    "%Y%m%d %H:%M",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
    EXCEL,
)
"""Understood without being told, after the separators are made equal: the year comes first."""

PLAIN = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
"""Ways that need no evening out, and can be read in no other."""
SLASHED = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
"""The same as Excel and many tills write them; asked only where a text has a slash."""

EPOCHS = {1_000_000: (3e8, 5e9), 1_000: (3e11, 5e12), 1: (3e14, 5e15)}
"""Microseconds in a unit, and the numbers that count it since 1970 in the years 1979 to 2128: they do not overlap."""
EXCEL_DAYS = (20_000, 80_000)  # 1954 to 2119: nothing else is taken for a serial day
OFFSET = r"(:\d{1,2}(?:\.\d+)?)\s*(?:Z|([+-])(\d{2}):?(\d{2}))\s*$"
ZERO_DATE = r"^0{4}[-/.]?00?[-/.]?00?([ T]+[0:.]+)?$"
CELL_TIME = r"^1899-12-3[01][ T](\d{1,2}:\d{2})"
"""A cell with a time of day only, as readers of Excel files give it."""
TWO_CELLS = r"^([^\s:]+)[ T]+00:00(?::00)?(?:\.0+)?\s+(?:1899-12-3[01][ T])?(\d{1,2}:\d{2})"
"""A cell with a day and one with a time, joined: the day's own midnight says nothing."""
TWO_SERIALS = r"^(\d{5})(?:\.0+)?\s+0?(\.\d+)$"
YEARS = (1900, 2200)
WIDE = [chr(code) for code in (*range(0xFF10, 0xFF1B), 0xFF0E, 0xFF0C, 0xFF0D, 0xFF0B, 0xFF08, 0xFF09, 0xFF0F)]
"""Digits, colon, point, comma, minus, plus, brackets and slash in full width."""
LOOKED_AT = 50
"""Texts of a column that tell how most of it is written."""


def narrow(text: pl.Expr) -> pl.Expr:
    """Digits and signs in full width, as East Asian keyboards write them, in plain ones."""
    return text.str.replace_many(WIDE, [chr(ord(sign) - 0xFEE0) for sign in WIDE])


def clean(text: pl.Expr) -> pl.Expr:
    """Text without the blanks around it; nothing but blanks is null."""
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def numbers(text: pl.Series, *, decimal: str = ".") -> pl.Series:
    """Exact numbers of cells, null where there is none.

    Thousands separators must stand where they belong: with a decimal point, `1,23` is no number (it may be a decimal
    comma; the sources file says so). Brackets or a minus at the end mean minus.

    Examples
    --------
    >>> cells = pl.Series(["1,234.50", "¥-12", "CN¥ 8.5", "(3.5)", "($8.49)", "1,23", "7.", "1 2", "1e3"])
    >>> [None if v is None else float(v) for v in numbers(cells)]
    [1234.5, -12.0, 8.5, -3.5, -8.49, None, 7.0, None, 1000.0]
    >>> [float(v) for v in numbers(pl.Series(["1.234,50"]), decimal=",")]
    [1234.5]
    >>> wide = str.maketrans("0123456789.-", "".join(chr(ord(c) + 0xFEE0) for c in "0123456789.-"))
    >>> [float(v) for v in numbers(pl.Series(["-12.50".translate(wide)]))]
    [-12.5]
    """
    if text.dtype.is_integer():
        return text.cast(EXACT)
    plain = (
        text.cast(EXACT, strict=False)
        if decimal == "."
        else pl.Series([None], dtype=EXACT).new_from_index(0, len(text))
    )
    odd = text.is_not_null() & plain.is_null()
    if not odd.any():
        return plain
    # most cells are plain; only the others pay for the careful reading
    careful = text.filter(odd).to_frame("n").select(_careful(pl.col("n"), decimal)).to_series()
    return plain.scatter(odd.arg_true(), careful)


def number(text: pl.Expr, *, decimal: str = ".") -> pl.Expr:
    """The same as `numbers`, as an expression."""
    return _careful(text, decimal)


def _careful(text: pl.Expr, decimal: str) -> pl.Expr:
    plain = narrow(text).str.replace(BRACKETS, "-$1").str.replace(BEFORE, "$1").str.replace(AFTER, "")
    plain = plain.str.replace(r"^([^-]+)-$", "-$1")
    if decimal == ",":
        plain = plain.str.replace_all(".", ";", literal=True)
        plain = plain.str.replace_all(",", ".", literal=True).str.replace_all(";", ",", literal=True)
    ungrouped = pl.when(plain.str.contains(GROUPED)).then(plain.str.replace_all(r"[^\d.+-]", ""))
    return ungrouped.otherwise(plain).cast(EXACT, strict=False)


def divided(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    """The quotient of two exact numbers to nine decimals; null where there is nothing to divide by."""
    some = below != 0
    return pl.when(some).then(above) / pl.when(some).then(below)


def whole(exact: pl.Expr) -> pl.Expr:
    """Nearest whole number as Int64, half away from zero; null where it does not fit.

    Examples
    --------
    >>> cells = pl.DataFrame({"n": ["2.5", "-2.5", "0.4", "99999999999999999999"]})
    >>> cells.select(whole(pl.col("n").cast(EXACT))).to_series().to_list()
    [3, -3, 0, None]
    """
    return exact.round(0, mode="half_away_from_zero").cast(pl.Int64, strict=False)


def times(text: pl.Series, *, zone: str, formats: Sequence[str] = ()) -> pl.Series:
    """Wall-clock times of `zone` (Datetime without zone), null where a cell holds none.

    Without formats, the usual ways of writing a time with the year first are understood, padded or not, with or without
    an offset from UTC, years of an era, and Excel's serial days of our age. The formats `excel` and `epoch` are the
    serial day, and seconds, milliseconds or microseconds since 1970. Each text is read once, however often it comes.

    Examples
    --------
    >>> cells = ["2017/1/3 9:56", "20170103", "2017-01-03T09:56:01.5", "3/1/2017", "42738.5", "2017-01-03T01:56:00Z"]
    >>> for t in times(pl.Series(cells), zone="Asia/Shanghai"):
    ...     print(t)
    2017-01-03 09:56:00
    2017-01-03 00:00:00
    2017-01-03 09:56:01.500000
    None
    2017-01-03 12:00:00
    2017-01-03 09:56:00
    """
    form = None if formats else _plain_form(text)
    if form is None:
        return _by_text(text, zone=zone, formats=formats)
    at = text.str.to_datetime(form, strict=False, time_unit="us").alias("at")
    left = text.is_not_null() & at.is_null()
    if any(year is not None and not YEARS[0] <= year <= YEARS[1] for year in _years(at)):
        at = at.set(~at.dt.year().is_between(*YEARS).fill_null(value=True), None)
    return at.scatter(left.arg_true(), _by_text(text.filter(left), zone=zone, formats=())) if left.any() else at


def _years(at: pl.Series) -> tuple[int | None, ...]:
    """Years of the first and the last of some times."""
    return at.to_frame("at").select(first=pl.col("at").min().dt.year(), last=pl.col("at").max().dt.year()).row(0)


def _plain_form(text: pl.Series) -> str | None:
    """The plain way in which most of the first texts are written; none where there is none."""
    some = text.head(LOOKED_AT).drop_nulls()
    for form in (*PLAIN, *SLASHED) if some.len() else ():
        if some.str.to_datetime(form, strict=False, time_unit="us").null_count() * 2 < some.len():
            return form
    return None


def _by_text(text: pl.Series, *, zone: str, formats: Sequence[str]) -> pl.Series:
    """The times, each text read once."""
    distinct = pl.DataFrame({"text": text}).unique(maintain_order=True)
    read = []
    slashed = SLASHED if text.str.contains("/", literal=True).any() else ()
    for form in () if formats else (*slashed, *PLAIN):  # most are plain; only the others pay for the careful reading
        found = distinct.with_columns(pl.col("text").str.to_datetime(form, strict=False, time_unit="us").alias("at"))
        read.append(found.filter(pl.col("at").is_not_null()))
        distinct = found.filter(pl.col("at").is_null()).drop("at")
        if distinct.is_empty():
            break
    if not distinct.is_empty() or not read:
        read.append(_carefully(distinct, zone=zone, formats=formats))
    known = pl.concat(read).filter(pl.col("at").dt.year().is_between(*YEARS))
    return pl.DataFrame({"text": text}).join(known, on="text", how="left", maintain_order="left")["at"]


def _carefully(distinct: pl.DataFrame, *, zone: str, formats: Sequence[str]) -> pl.DataFrame:
    """The texts that hold a time, with it (`at`)."""
    if not formats and distinct["text"].str.contains(written.ERA_OR_WEEKDAY).any():
        western = distinct.select(written.western(pl.col("text"))).to_series()
        return _otherwise(distinct, western, zone=zone, formats=formats)
    clocked = not formats or any(":" in form for form in formats)
    if clocked and distinct["text"].str.contains(written.BARE).any():
        return _otherwise(distinct, written.spaced(distinct["text"]), zone=zone, formats=formats)
    worded = distinct["text"].str.contains(written.WORDS).any()
    if worded:
        digits = written.as_formats_say(pl.col("text")) if formats else written.digits(pl.col("text"))
        distinct = distinct.with_columns(digits.alias("even"))
    distinct = distinct.with_columns(_evened("even" if worded else "text", even=not formats))
    pieces: list[pl.DataFrame] = []
    left = distinct
    for form in formats or TIMES:
        read = _read(pl.col("even"), form, zone)
        found = left.with_columns(read.dt.cast_time_unit("us").alias("at"))
        pieces.append(found.filter(pl.col("at").is_not_null()))
        left = found.filter(pl.col("at").is_null()).drop("at")
        if left.is_empty():
            break
    known = pl.concat(pieces).filter(pl.col("at").dt.year().is_between(*YEARS))
    if worded and not formats:
        known = known.with_columns(written.by_half(pl.col("at"), pl.col("text")).alias("at"))
    return known.select("text", _at_home("text", zone) if not formats else "at")


def _otherwise(distinct: pl.DataFrame, told: pl.Series, *, zone: str, formats: Sequence[str]) -> pl.DataFrame:
    """The texts that hold a time, read as `told` writes them."""
    found = _carefully(pl.DataFrame({"text": told}).unique(), zone=zone, formats=formats)
    both = distinct.with_columns(told=told).join(found.rename({"text": "told"}), on="told")
    return both.select("text", "at")


def _read(text: pl.Expr, form: str, zone: str) -> pl.Expr:
    """A time of one format; null where the text is not of it."""
    if form == EXCEL:
        return _serial(text)
    return _epoch(text, zone) if form == EPOCH else text.str.to_datetime(form, strict=False)


def clocks(text: pl.Series, *, formats: Sequence[str] = ()) -> pl.Series:
    """Times of day on a day that means nothing; of a cell with a day, its time.

    Examples
    --------
    >>> cells = ["9:30", "9\u65f630\u5206", "9:30 PM", "2025-03-02 21:30", "0.5", "later"]
    >>> [None if t is None else f"{t:%H:%M}" for t in clocks(pl.Series(cells))]
    ['09:30', '09:30', '21:30', '21:30', '12:00', None]
    """
    if formats:
        return times("2000-01-01 " + text, zone="UTC", formats=[f"%Y-%m-%d {form}" for form in formats])
    alone = times("2000-01-01 " + text.str.replace(r"^0?(\.\d+)$", "36526$1"), zone="UTC")
    share = times(text.str.replace(r"^0?(\.\d+)$", "36526$1"), zone="UTC")
    return alone.zip_with(alone.is_not_null(), share)


def _at_home(column: str, zone: str) -> pl.Expr:
    """Times that carry an offset from UTC by the clock of `zone`, the others as they are."""
    sign, hours, minutes = (pl.col(column).str.extract(OFFSET, n) for n in (2, 3, 4))
    east = pl.duration(hours=hours.cast(pl.Int64).fill_null(0), minutes=minutes.cast(pl.Int64).fill_null(0))
    utc = pl.when(sign == "-").then(pl.col("at") + east).otherwise(pl.col("at") - east)
    home = utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return pl.when(pl.col(column).str.contains(OFFSET)).then(home).otherwise("at").alias("at")


def _evened(column: str, *, even: bool) -> pl.Expr:
    """Dates with the year first, all with hyphens; the first two separators belong to the date."""
    text = narrow(pl.col(column))
    if even:
        parts = r"^\s*(\d{4})\s*[-/." + YEAR + r"]\s*(\d{1,2})\s*[-/." + MONTH + r"]\s*(\d{1,2})\s*" + DAY + "?"
        text = text.str.replace(TWO_CELLS, "$1 $2").str.replace(TWO_SERIALS, "$1$2")
        text = text.str.replace(parts, "$1-$2-$3 ").str.replace(r"^([\d-]+)\s*[T ]\s*", "$1 ")
        text = text.str.replace(OFFSET, "$1").str.strip_chars()
    return text.alias("even")


def no_zero_date(text: pl.Expr) -> pl.Expr:
    """The text, null where it is the date with which databases say that there is none: ``0000-00-00``."""
    return pl.when(~text.str.contains(ZERO_DATE)).then(text)


def _serial(text: pl.Expr) -> pl.Expr:
    """Excel's serial day, counted from 1899-12-30, to the nearest millisecond."""
    days = text.cast(pl.Float64, strict=False)
    thousandths = (days * 86_400_000).round(0).cast(pl.Int64, strict=False)
    at = pl.lit(-25_569 * 86_400_000, dtype=pl.Int64) + thousandths
    return pl.when(days.is_between(*EXCEL_DAYS)).then((at * 1000).cast(pl.Datetime("us")))


def _epoch(text: pl.Expr, zone: str) -> pl.Expr:
    """Seconds, milliseconds or microseconds since 1970 (UTC) by the clock of `zone`; the unit by the size.

    Examples
    --------
    >>> cells = ["1735781400", "1735781400123", "1735781400.5", "20250102"]
    >>> for at in times(pl.Series(cells), zone="Asia/Shanghai", formats=["epoch"]):
    ...     print(at)
    2025-01-02 09:30:00
    2025-01-02 09:30:00.123000
    2025-01-02 09:30:00.500000
    None
    """
    number = text.cast(EXACT, strict=False)
    size = number.cast(pl.Float64)
    instants = [
        pl.when(size.is_between(*least)).then((number * micros).round(0).cast(pl.Int64).cast(pl.Datetime("us")))
        for micros, least in EPOCHS.items()
    ]
    instant = pl.coalesce(instants).dt.replace_time_zone("UTC")
    return instant.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def flag(text: pl.Expr) -> pl.Expr:
    """True or false of a cell, null where it is neither."""
    return text.str.to_lowercase().replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)


def clean_series(text: pl.Series) -> pl.Series:
    """The same as `clean`, of a column of texts."""
    stripped = text.str.strip_chars()
    blank = stripped == ""
    return stripped.set(blank, None) if blank.any() else stripped


def no_zero_dates(text: pl.Series) -> pl.Series:
    """The same as `no_zero_date`, of a column of texts without the blanks around them."""
    return text.to_frame("t").select(no_zero_date(clean(pl.col("t")))).to_series()
