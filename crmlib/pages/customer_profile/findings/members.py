"""The members of the group as a list: what each buys, at which price, how to reach them and who looks after them."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.customer_profile.groups import label
from crmlib.pages.shared.churn_wording import means_in_words

HABITS = ("favourite_category", "favourite_flavour", "price_level", "motive", "offers")
"""What stands of each member; who they are is opened by right only."""


SHOWN = 30
"""Lines on the page; all of them are in the workbook."""


def listed(
    rows: pl.DataFrame, everybody: pl.DataFrame, *, group: str, words: Words, pseudonyms: pl.Series
) -> ActionList:
    """One line a member of the group, those who bought most first.

    Parameters
    ----------
    rows : `Study.listed`; everybody : with those left alone and left over.
    group : its name; pseudonyms : of `rows`, in their order.
    """
    form = words.format
    habits = [c for c in HABITS if c in rows.columns]
    table = pl.DataFrame(
        {
            "customer_id": pseudonyms,
            "tier": rows["tier"].cast(pl.String),
            "net_minor": rows["net_minor"],
            "purchase_days": rows["purchase_days"],
            **{c: told(rows, c, by=lambda v, c=c: None if v is None else label(words, c, v)) for c in habits},
            "means": means_in_words(rows["means"], words),
            "owner": rows["owner"].fill_null(words("churn.no_owner")),
        }
    )
    held = int(everybody["held"].sum())
    over = everybody.height - held - rows.height
    refused = rows.filter(pl.col("means") == "store").height
    shown = table.head(SHOWN)
    counts = {"shown": shown.height if table.height > SHOWN else 0, "held": held, "over": over, "refused": refused}
    notes = [words(f"customer_profile.members.{k}", count=form.count(n)) for k, n in counts.items() if n]
    return ActionList(
        headline=words(
            f"customer_profile.members.headline.{'some' if rows.height else 'none'}",
            group=group, count=form.count(rows.height), money=form.money(int(rows["net_minor"].sum())),
        ),
        table=table,
        view=views.readable(shown, words=words) if table.height else None,
        note=words("scoring.sentences").join([words("customer_profile.members.note"), *notes]),
        key="members",
        row_key=("customer_id",),
    )  # fmt: skip


def left(found: ActionList, rows: pl.DataFrame, *, words: Words) -> dict[str, object]:
    """What the page leaves for whoever may open the names: one row a line, with the member's own number."""
    table = found.table
    told_of = [c for c in ("favourite_category", "favourite_flavour") if c in table.columns]
    why = pl.concat_str([pl.col(c) for c in told_of], separator=words("scoring.join"), ignore_nulls=True)
    lines = table.select("owner", code="customer_id", reason=why if told_of else pl.lit(None, dtype=pl.String))
    ways = rows.select(id="customer_id", way="means")
    return {"title": found.headline, "rows": pl.concat([ways, lines], how="horizontal").to_dicts()}
