"""A ledger beside the tills, on the pages of points and of cards: a difference is a line, red, and never spread."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

SHOWN = 12


def monthly(ties: pl.DataFrame) -> bool:
    """Whether the ledger names no store, so that only the month is compared."""
    return ties.height > 0 and ties["day"].null_count() == ties.height


def apart(ties: pl.DataFrame | None, *, whole: bool = True) -> pl.DataFrame | None:
    """The ties on which tills and ledger differ, largest first; None where nothing was compared.

    A ledger without stores is compared by the month, and only for a reader of all regions (`whole`): the tills of a
    region serve members of others.
    """
    if ties is None or (not whole and monthly(ties)):
        return None
    return ties.filter(pl.col("unexplained") != 0).sort(pl.col("unexplained").abs(), descending=True)


def values(wrong: pl.DataFrame | None, *, words: Words) -> dict[str, str]:
    """tie_money (differences without sign) and tie_days, for the sentence of an answer."""
    amount = 0 if wrong is None else int(wrong["unexplained"].abs().sum())
    return {
        "tie_money": words.format.money(amount),
        "tie_days": words.format.count(0 if wrong is None else wrong.height),
    }


def tied(
    key: str, ties: pl.DataFrame, *, words: Words, whole: bool = True, stores: pl.DataFrame | None = None
) -> Finding:
    """The card of a tie: `ties` are store_id, day, left (tills), right (ledger), unexplained [minor units].

    stores : store_id and name, where they are connected.
    """
    form, by_month = words.format, monthly(ties)
    ties = ties if whole or not by_month else ties.clear()
    wrong = apart(ties)
    assert wrong is not None
    kind = "break" if wrong.height else "agrees" if ties.height else "none"
    if by_month:
        kind = f"{kind}_month" if whole else "region"
    told = {
        "count": form.count(wrong.height),
        "days": form.count(ties.height),
        "till": form.money(int(ties["left"].sum())),
        "book": form.money(int(ties["right"].sum())),
        "money": form.money(int(wrong["unexplained"].abs().sum())),
    }
    shown = wrong if wrong.height else ties
    called = pl.col("store_id") if stores is None else pl.coalesce("name", "store_id")
    if stores is not None:
        shown = shown.join(stores.select("store_id", "name"), on="store_id", how="left", maintain_order="left")
    table = shown.select(called.alias("store"), "day", till_minor="left", ledger_minor="right", gap_minor="unexplained")
    return Finding.worded(
        key, kind, told, words=words,
        status="fail" if wrong.height else "ok" if ties.height else "none",
        table=table,
        view=views.readable(table.head(SHOWN), words=words, exact=True) if table.height else None,
        value_minor=int(wrong["unexplained"].abs().sum()),
        row_key=("store", "day"),
    )  # fmt: skip
