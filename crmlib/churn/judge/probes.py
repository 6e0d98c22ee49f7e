"""Leak probes: ways to catch a feature that knows the future. They run in every fit, at every origin of it.

A leak of one day moved an AUC from .9247 to .9271: invisible by eye, but not to a comparison bit by bit.

What no probe can catch is a table that lies about when it knew: a snapshot overwritten since, its rows stamped with
the day the customer joined (`UNSEEN`). Nothing in it changes when the future is cut off or dealt anew. Only whoever
keeps the table can say that it is a history, and every page that uses such a table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from crmlib.churn.features.as_of import refuse_unknown_time
from crmlib.churn.features.features import Extra, Options
from crmlib.churn.features.visits import Visits
from crmlib.churn.metrics import auc
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError, mask

MAX_SINGLE_AUC = 0.97
"""One feature alone that ranks better than this is taken for the answer in disguise."""
LEAST_CLASS = 30
"""Customers on either side of a label, or one feature may rank them by chance."""
LEAST_DEALT = 20
"""Customers in a table beside the receipts, or dealing its rows anew may change nothing by chance."""
UNSEEN = "overwritten_snapshot"
"""The leak that stays: a table whose `known_at` is earlier than the day its values were written."""
NEVER_FEATURES = frozenset({"customer_id", "home_store_id", "origin", "y", "horizon"})

Maker = Callable[[Visits, Options], pl.DataFrame]
"""Makes the features as of a fixed day from whatever visits and options it is given."""


def truncated(seen: Visits, *, t0: date) -> Visits:
    """The same visits as if the export had been made at the end of `t0`."""
    cut = day_number(t0)
    known = (pl.col("day_n") <= cut) & (pl.col("known_n") <= cut)
    return Visits(seen.days.filter(known), seen.store_days.filter(known), seen.has)


def permuted(seen: Visits, *, t0: date, rng: np.random.Generator) -> Visits:
    """The same visits with everything after `t0` dealt out anew among the customers and stores."""
    return Visits(
        _deal(seen.days, "customer_id", t0=t0, rng=rng), _deal(seen.store_days, "store_id", t0=t0, rng=rng), seen.has
    )


def truncated_options(options: Options, *, t0: date) -> Options:
    """The same options with every extra table cut at what was known at the end of `t0`."""
    return _with_extras(options, lambda rows, name: rows.filter(~_late(rows, t0=t0, name=name)))


def permuted_options(options: Options, *, t0: date, rng: np.random.Generator) -> Options:
    """The same options with the rows of every extra table known after `t0` dealt out anew among the customers."""

    def deal(rows: pl.DataFrame, name: str) -> pl.DataFrame:
        late = _late(rows, t0=t0, name=name)
        before, after = rows.filter(~late), rows.filter(late)
        owner = after["customer_id"].gather(rng.permutation(after.height))
        return pl.concat([before, after.with_columns(owner)])

    return _with_extras(options, deal)


def check(make: Maker, seen: Visits, *, t0: date, rng: np.random.Generator, options: Options | None = None) -> None:
    """Probes (a) truncation and (b) permutation: the features as of `t0` must not move by one bit.

    Raises
    ------
    ModelError
        `churn.leak` naming the columns that changed.
    """
    chosen = options or Options()
    check_makers(chosen, t0=t0, rng=rng)
    full = make(seen, chosen)
    cut = make(truncated(seen, t0=t0), truncated_options(chosen, t0=t0))
    _refuse_difference(full, cut, probe="truncation", t0=t0)
    dealt = make(permuted(seen, t0=t0, rng=rng), permuted_options(chosen, t0=t0, rng=rng))
    _refuse_difference(full, dealt, probe="permutation", t0=t0)


def check_makers(options: Options, *, t0: date, rng: np.random.Generator) -> None:
    """Probe (d): a maker of extra features reads the rows it is given and nothing else.

    Without rows it has nobody to tell of; with its rows dealt anew among the customers it tells something else. One
    that holds a table of its own passes (a) and (b), because no probe can cut a table that it does not see.

    Raises
    ------
    ModelError
        `churn.leak` naming the table.
    """
    for name, extra in options.extras.items():
        refuse_unknown_time(extra.rows, name=name)
        made = extra.make(extra.rows, t0)
        if extra.make(extra.rows.clear(), t0).height:
            raise _leak(["(all)"], probe="no rows", t0=t0, name=name)
        values = made.drop("customer_id")
        told = made.height >= LEAST_DEALT and values.n_unique() > 1
        owners = extra.rows["customer_id"]
        dealt = extra.rows.with_columns(owners.gather(rng.permutation(owners.len())))
        if told and _sorted(extra.make(dealt, t0)).equals(_sorted(made), null_equal=True):
            raise _leak(values.columns, probe="dealt rows", t0=t0, name=name)


def check_origins(tables: Sequence[pl.DataFrame]) -> None:
    """Probe (c) at every origin by itself, where enough were lost and kept: a leak at one of them drowns in the sum."""
    for table in tables:
        lost = int(table["y"].sum())
        if min(lost, table.height - lost) >= LEAST_CLASS:
            check_single(table)


def check_single(table: pl.DataFrame, *, y: str = "y") -> None:
    """Probe (c): no feature alone may rank the label with AUC above `MAX_SINGLE_AUC`.

    Raises
    ------
    ModelError
        `churn.too_good` naming the feature.
    """
    truth = table[y].to_numpy()
    for name in (c for c in table.columns if c not in NEVER_FEATURES | {y} and table.schema[c].is_numeric()):
        known = table[name].is_not_null().to_numpy()
        if len(set(truth[known])) < 2:
            continue
        alone = auc(truth[known], table[name].drop_nulls().to_numpy().astype(float))
        if max(alone, 1 - alone) > MAX_SINGLE_AUC:
            raise ModelError("churn.too_good", values={"feature": name, "auc": max(alone, 1 - alone)})


def _sorted(made: pl.DataFrame) -> pl.DataFrame:
    return made.sort("customer_id")


def _with_extras(options: Options, change: Callable[[pl.DataFrame, str], pl.DataFrame]) -> Options:
    return replace(
        options, extras={name: Extra(change(extra.rows, name), extra.make) for name, extra in options.extras.items()}
    )


def _late(rows: pl.DataFrame, *, t0: date, name: str) -> pl.Series:
    refuse_unknown_time(rows, name=name)
    return rows["known_at"].dt.date().cast(pl.Int32).fill_null(day_number(t0) + 1) > day_number(t0)


def _deal(frame: pl.DataFrame, key: str, *, t0: date, rng: np.random.Generator) -> pl.DataFrame:
    cut = day_number(t0)
    late = (frame["day_n"] > cut) | (frame["known_n"] > cut)
    before, after = frame.filter(~late), frame.filter(late)
    order = rng.permutation(after.height)
    return pl.concat([before, after.with_columns(after[key].gather(order))])


def _refuse_difference(full: pl.DataFrame, other: pl.DataFrame, *, probe: str, t0: date) -> None:
    if full.equals(other, null_equal=True):
        return
    columns, examples = ["(customers)"], list[str]()
    if full.height == other.height and full.columns == other.columns:
        changed = {c: full[c].ne_missing(other[c]) for c in full.columns}
        columns = [c for c, differs in changed.items() if differs.any()]
        examples = [mask(k) for k in full["customer_id"].filter(changed[columns[0]]).head(5)]
    raise _leak(columns, probe=probe, t0=t0, examples=examples)


def _leak(columns: Sequence[str], *, probe: str, t0: date, name: str = "", examples: Sequence[str] = ()) -> ModelError:
    return ModelError(
        "churn.leak",
        values={"probe": probe, "t0": t0, "name": name, "columns": list(columns)},
        examples=examples,
    )
