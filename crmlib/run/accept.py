"""`crmlib accept OLD.csv`: a company's old figures against those of the lake, line by line, and go or no go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import polars as pl

from crmlib import panels
from crmlib.cases.accept import KEYS, REASONS
from crmlib.cases.old_rules import FIGURES, MONEY, RULES, accepted
from crmlib.core.contracts.stores import KINDS
from crmlib.core.errors import ParameterError
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.data import Lake
from crmlib.kit.words import Words
from crmlib.kit.words.locales import locales

NEEDED = (*KEYS, "value", "definition")


def run(file: Path, *, lake: Lake, say: Callable[[str], None], words: Words, as_of: date | None = None) -> bool:
    """Compare, tell every line, and say whether the new system may take over.

    Raises
    ------
    ParameterError
        `run.accept_file`, `run.accept_columns`, `run.accept_values`.
    ModelError
        `cases.no_definition`.
    """
    old = read(file, currency=lake.currency or "CNY")
    days = panels.store_day(lake.table("receipt_lines")).with_columns(day=pl.col("day_n").cast(pl.Int32).cast(pl.Date))
    found = accepted(
        old, days if as_of is None else days.filter(pl.col("day") <= as_of), lake.table("stores").collect()
    )
    for row in found.table.iter_rows(named=True):
        say(told(row, words=words))
    kind = "go" if found.go else "no_go"
    blocking = found.blocking().height
    say(words(f"cli.accept.{kind}", count=found.table.height, blocking=blocking))
    return found.go


def told(row: dict[str, object], *, words: Words) -> str:
    """One line: old, new, and what the difference is made of."""
    money = row["figure_id"] in MONEY
    form = words.format

    def amount(name: str) -> str:
        value = row[name]
        whole = None if value is None else int(str(value))
        return form.money_exact(whole) if money else form.count(whole)

    figure = words.label(f"rollout.figure.{row['figure_id']}") or str(row["figure_id"])
    parts = [
        words("cli.accept.part", reason=words(f"rollout.reason.{name}"), amount=amount(name))
        for name in (*REASONS, "unexplained") if row[name]
    ]  # fmt: skip
    kind = "only" if row["only"] is not None else "same" if not parts else "split"
    return words(
        f"cli.accept.line.{kind}", figure=figure, scope=row["scope"], period=row["period"], old=amount("old"),
        new=amount("new"), parts="; ".join(parts), side=words(f"cli.accept.side.{row['only']}") if row["only"] else "",
    )  # fmt: skip


def read(file: Path, *, currency: str) -> pl.DataFrame:
    """The old figures of a CSV whose headers are machine names or those of a page, in any language.

    Amounts in whole currency become minor units.
    """
    try:
        raw = pl.read_csv(file, infer_schema=False, encoding="utf8")
    except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise ParameterError(
            "run.accept_file", values={"file": str(file), "problem": str(error).splitlines()[0]}
        ) from error
    table = raw.rename({name: code for name in raw.columns if (code := _column(name)) is not None})
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise ParameterError(
            "run.accept_columns",
            values={"file": file.name, "missing": ", ".join(missing), "present": ", ".join(raw.columns)},
        )
    table = table.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in RULES if name not in table.columns
    ).with_columns(
        pl.col("figure_id").replace(_codes(FIGURES, lambda words, code: words.label(f"rollout.figure.{code}"))),
        pl.col("leaves_out").replace(_codes(KINDS, lambda words, code: words.label(f"rollout.store_kind.{code}"))),
    )
    return _typed(table, file, per=MINOR_PER_UNIT[currency])


def _typed(table: pl.DataFrame, file: Path, *, per: int) -> pl.DataFrame:
    times = pl.when(pl.col("figure_id").is_in(MONEY)).then(per).otherwise(1)
    number = pl.col("value").str.replace_all(r"[,\s]", "").cast(pl.Float64, strict=False)
    made = table.with_columns(
        number=(number * times).round(0).cast(pl.Int64, strict=False),
        tax_bp=pl.col("tax_bp").cast(pl.Int64, strict=False),
        closing_day=pl.col("closing_day").cast(pl.Int16, strict=False),
        rounded_to=(pl.col("rounded_to").cast(pl.Float64, strict=False) * times).cast(pl.Int64),
        repeated=pl.col("repeated").str.split(";"),
    )
    bad = made.filter(pl.col("number").is_null())
    if bad.height:
        raise ParameterError(
            "run.accept_values", values={"file": file.name, "rows": bad.height}, examples=bad["value"].head(5).to_list()
        )
    return made.with_columns(value=pl.col("number")).drop("number")


def _column(name: str) -> str | None:
    """The column that a header names, in the words of any language."""
    known = (*NEEDED, "unit", *RULES)
    if name in known:
        return name
    return next((c for c in known for tag in locales() if Words(tag).column(f"old_{c}") == name), None)


def _codes(codes: Iterable[str], called: Callable[[Words, str], str | None]) -> dict[str, str]:
    """Word of any language to machine name."""
    every = [Words(tag) for tag in locales()]
    return {word: code for code in codes for words in every if (word := called(words, code)) is not None}
