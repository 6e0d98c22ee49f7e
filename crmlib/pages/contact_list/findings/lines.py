"""The lines of the contact list: one a member, with the own reason, means, owner and due day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.outreach.permission import ContactRules
from crmlib.pages.shared.churn_watch import UPPER
from crmlib.pages.shared.churn_wording import means_in_words

if TYPE_CHECKING:
    from great_tables import GT


def contacts(
    listed: pl.DataFrame,
    everybody: pl.DataFrame,
    *,
    words: Words,
    pseudonyms: pl.Series,
    stake: str,
    beside: str,
    forms: Sequence[str] = (),
    rules: ContactRules | None = None,
) -> ActionList:
    """One line a member, in order of what is at stake.

    Parameters
    ----------
    listed : `Study.listed`; everybody : with those left alone, waiting and left over.
    pseudonyms : of the listed, in their order.
    stake : what is at stake: `value` or `risk`.
    beside : what must be said beside that money.
    forms : where the outcome of each line is written down; empty where nothing keeps it.
    rules : hours within which to call; the house's without them.
    """
    form, hours = words.format, rules or ContactRules()
    table = pl.DataFrame(
        {
            "customer_id": pseudonyms,
            "tier": listed["past_tier"],
            "reason": pl.Series([_reason(row, words) for row in listed.iter_rows(named=True)], dtype=pl.String),
            "stake_minor": listed["stake_minor"],
            "means": means_in_words(listed["means"], words),
            "suggestion": pl.Series([_told(row, words) for row in listed.iter_rows(named=True)], dtype=pl.String),
            "owner": listed["owner"].fill_null(words("churn.no_owner")),
            "due_on": listed["due_on"],
        }
    )
    groups = {g: everybody.filter(pl.col("group") == g).height for g in ("control", "wait", "over")}
    note = words(
        "contact_list.lines.note",
        what=words(f"contact_list.stake.{stake}"),
        start=f"{hours.quiet_to:%H:%M}",
        end=f"{hours.quiet_from:%H:%M}",
    )
    if any(forms):
        note += words("contact_list.lines.write_down")
    note += "".join(words(f"contact_list.lines.{g}", count=form.count(n)) for g, n in groups.items() if n)
    return ActionList(
        headline=words(
            f"contact_list.lines.headline.{'some' if table.height else 'none'}",
            count=form.count(table.height),
            money=form.money(int(listed["stake_minor"].sum())),
        ),
        table=table,
        view=_view(table, forms, words=words) if table.height else None,
        note=note + (beside if table.height else ""),
        key="contacts",
        row_key=("customer_id",),
    )


def left(found: ActionList, listed: pl.DataFrame) -> dict[str, object]:
    """What the page leaves for whoever may open the names: one row a line, with the member's own number."""
    rows = found.table.with_columns(pl.col("due_on").cast(pl.String)).rename({"customer_id": "code"})
    ways = listed.select(id="customer_id", way="means")
    return {"title": found.headline, "rows": pl.concat([ways, rows], how="horizontal").to_dicts()}


def _view(table: pl.DataFrame, forms: Sequence[str], *, words: Words) -> GT:
    if not any(forms):
        return views.readable(table, words=words)
    shown = table.with_columns(address=pl.Series(forms, dtype=pl.String))
    return views.readable(shown, words=words, links={"customer_id": "address"})


def _reason(row: Mapping[str, object], words: Words) -> str:
    gap, days = row["gap"], row["days"]
    absent = words.format.number(float(days) if isinstance(days, int | float) else None)
    if not isinstance(gap, int | float):
        return words("contact_list.why.once", days=absent)
    return words(f"contact_list.why.{row['reason']}", gap=words.format.number(float(gap)), days=absent)


def _told(row: Mapping[str, object], words: Words) -> str:
    """What to say: by the own reason of whoever is late, else by class and chance, as on the lifetime page."""
    if isinstance(row["action"], str):
        return words(f"churn.action.{row['action']}")
    likely = isinstance(row["p_alive"], float) and row["p_alive"] >= 0.5
    return words(f"churn.action.{'taste' if row['past_tier'] in UPPER else 'remind' if likely else 'coupon'}")
