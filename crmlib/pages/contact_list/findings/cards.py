"""Cards of the contact list: how many, by whom, by which means, why, and what came of the last one."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.customers.loyalty.contact_list import Result
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words

REACHABLE = ("call", "sms", "email")
MOST = 0.5
"""From this share of what is at stake on, those who can be reached at home hold "most"."""
REASONS = ("complaint", "new", "late", "open")
LEAST = 30
"""With fewer people on either side no effect is told."""


def answer(everybody: pl.DataFrame, *, words: Words, stake: str, beside: str = "") -> Answer:
    """How many to be in touch with, what hangs on it, and who does it.

    Parameters
    ----------
    everybody : `Study.everybody`: stake_minor, owner, means, group.
    stake : what is at stake: `value` of a year, or `risk` of the coming weeks.
    beside : what must be said beside that money.
    """
    form = words.format
    count = {g: everybody.filter(pl.col("group") == g) for g in ("contact", "control", "over", "wait")}
    listed = count["contact"]
    money = int(listed["stake_minor"].sum())
    unreached = listed.filter(~pl.col("means").is_in(REACHABLE))
    values = {
        "count": form.count(listed.height),
        "money": form.money(money),
        "owners": form.count(listed["owner"].n_unique()),
        "what": words(f"contact_list.stake.{stake}"),
        "over": form.count(count["over"].height),
        "wait": form.count(count["wait"].height),
    }
    return Answer(
        sentence=words(f"contact_list.answer.{'some' if listed.height else 'none'}", **values)
        + (beside if listed.height else ""),
        figures=(
            Figure(
                label=words("contact_list.figure.listed"),
                value=words("churn.people", count=form.count(listed.height)),
                comparison=words("contact_list.figure.of", count=form.count(everybody.height)),
                key="contacts",
                amount=float(listed.height),
            ),
            Figure(
                label=_begun(words(f"contact_list.stake.{stake}")),
                value=form.money(money),
                key="contacts_minor",
                amount=float(money),
                money=True,
            ),
            Figure(
                label=words("contact_list.figure.unreached"),
                value=words("churn.people", count=form.count(unreached.height)),
                comparison=words("contact_list.figure.unreached_why"),
                tone="bad" if unreached.height else "good",
                key="unreached",
                amount=float(unreached.height),
            ),
            Figure(
                label=words("contact_list.figure.alone"),
                value=words("churn.people", count=form.count(count["control"].height)),
                comparison=words(
                    "contact_list.figure.left",
                    over=form.count(count["over"].height),
                    wait=form.count(count["wait"].height),
                ),
                key="left_alone",
                amount=float(count["control"].height),
            ),
        ),
        value_minor=money,
    )


def owners(everybody: pl.DataFrame, *, words: Words, each: int) -> Finding:
    """Whether the owners can do it: listed, left over and what is at stake by owner."""
    form = words.format
    contact, over = pl.col("group") == "contact", pl.col("group") == "over"
    table = (
        everybody.filter(contact | over)
        .group_by("owner")
        .agg(
            listed=contact.sum().cast(pl.Int64),
            left_over=over.sum().cast(pl.Int64),
            stake_minor=pl.col("stake_minor").filter(contact).sum(),
            left_over_minor=pl.col("stake_minor").filter(over).sum(),
        )
        .with_columns(pl.col("owner").fill_null(words("churn.no_owner")))
        .sort("stake_minor", "owner", descending=[True, False])
    )
    left = int(table["left_over"].sum())
    values = {
        "owners": form.count(table.height),
        "left": form.count(left),
        "money": form.money(int(table["left_over_minor"].sum())),
        "each": form.count(each),
        "most": table["owner"][0] if table.height else "",
        "most_money": form.money(int(table["stake_minor"][0]) if table.height else 0),
    }
    kind = "none" if table.is_empty() else "over" if left else "fits"
    status: Status = "none" if kind == "none" else "warn" if left else "ok"
    return Finding.worded(
        "contact_list.owners",
        kind,
        values,
        words=words,
        status=status,
        table=table,
        view=views.readable(table, words=words),
        chart=_bars(table, "owner", table["owner"].to_list(), words=words),
        value_minor=int(table["left_over_minor"].sum()) or None,
        row_key=("owner",),
    )


def by_means(everybody: pl.DataFrame, *, words: Words) -> Finding:
    """By which means members can be reached, and what hangs on those who cannot."""
    form = words.format
    table = _by(everybody.filter(pl.col("group") == "contact"), "means")
    whole = max(int(table["stake_minor"].sum()), 1)
    away = table.filter(~pl.col("means").is_in(REACHABLE))
    share = int(away["stake_minor"].sum()) / whole
    kind = "none" if table.is_empty() else "all" if away.is_empty() else "most" if share > MOST else "some"
    values = {
        "away": form.count(int(away["customers"].sum())),
        "money": form.money(int(away["stake_minor"].sum())),
        "share": form.share(share),
    }
    named = [words(f"churn.means.{m}") for m in table["means"]]
    return Finding.worded(
        "contact_list.means",
        kind,
        values,
        words=words,
        status={"none": "none", "all": "ok", "some": "warn", "most": "fail"}[kind],  # type: ignore[arg-type]
        table=table,
        names={"means": "churn.means"},
        view=views.readable(table.with_columns(means=pl.Series(named, dtype=pl.String)), words=words),
        chart=_bars(table, "means", named, words=words),
        value_minor=int(away["stake_minor"].sum()) or None,
        row_key=("means",),
    )


def reasons(everybody: pl.DataFrame, *, words: Words, beside: str, stake: str) -> Finding:
    """Why they are on the list, and how many stand on several."""
    form = words.format
    listed = everybody.filter(pl.col("group") == "contact")
    table = _by(listed, "reason")
    named = [words(f"contact_list.reason.{r}") for r in table["reason"]]
    top = table.row(0, named=True) if table.height else None
    whole = max(int(table["stake_minor"].sum()), 1)
    several = listed.filter(pl.col("lists") > 1).height
    values = {
        "reason": named[0] if named else "",
        "share": form.share(top["stake_minor"] / whole if top else None),
        "several": form.count(several),
        "what": words(f"contact_list.stake.{stake}"),
    }
    kind = "none" if top is None else "most" if top["stake_minor"] / whole > MOST else "mixed"
    return Finding.worded(
        "contact_list.reasons",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        names={"reason": "contact_list.reason"},
        view=views.readable(table.with_columns(reason=pl.Series(named, dtype=pl.String)), words=words),
        chart=_bars(table, "reason", named, words=words),
        sure=words(f"contact_list.reasons.sure.{stake}", **values) + beside,
        row_key=("reason",),
    )


def last_list(last: Result | None, *, words: Words) -> Finding:
    """What came of the last list, beside those left alone: an effect is told only where the two shares part."""
    form = words.format
    empty = pl.DataFrame(schema={"group": pl.String, "customers": pl.Int64, "came": pl.Int64})
    if last is None or not last.listed:
        return Finding.worded(
            "contact_list.last",
            "none",
            {},
            words=words,
            status="none",
            table=empty,
            seen=words("contact_list.last.first"),
        )
    groups = [("contact", last.listed, last.came), ("control", last.control, last.control_came)]
    rows = [row for row in groups if row[1]]
    table = pl.DataFrame(rows, schema=empty.schema, orient="row")
    enough = min(last.listed, last.control) >= LEAST
    apart = enough and last.low > last.control_rate
    below = enough and last.high < last.control_rate
    kind = "few" if not enough else "helps" if apart else "harms" if below else "unclear"
    values = {
        "listed": form.count(last.listed),
        "came": form.count(last.came),
        "rate": form.share(last.rate),
        "low": form.share(last.low),
        "high": form.share(last.high),
        "control": form.count(last.control),
        "control_rate": form.share(last.control_rate),
    }
    named = [words(f"contact_list.group.{g}") for g in table["group"]]
    shares = table.select(value=pl.col("came") / pl.col("customers"))["value"]
    bars = pl.DataFrame({"name": named, "value": shares, "label": [form.share(s) for s in shares]})
    return Finding.worded(
        "contact_list.last",
        kind,
        values,
        words=words,
        status={"few": "none", "unclear": "none", "helps": "ok", "harms": "fail"}[kind],  # type: ignore[arg-type]
        table=table,
        names={"group": "contact_list.group"},
        view=views.readable(table.with_columns(group=pl.Series(named, dtype=pl.String)), words=words),
        chart=labelled.bars(bars, words=words, title=words("contact_list.last.axis"), percent=True),
        row_key=("group",),
    )


def _by(listed: pl.DataFrame, column: str) -> pl.DataFrame:
    made = listed.group_by(column).agg(customers=pl.len().cast(pl.Int64), stake_minor=pl.col("stake_minor").sum())
    return made.sort("stake_minor", column, descending=[True, False])


def _bars(table: pl.DataFrame, column: str, named: list[str], *, words: Words) -> alt.LayerChart | None:
    """Bars of what is at stake, labelled with people and money; none where there is nothing to draw."""
    if table.is_empty():
        return None
    form, count = words.format, "listed" if "listed" in table.columns else "customers"
    labels = [
        words("contact_list.label", count=form.count(n), money=form.money(m))
        for n, m in table.select(count, "stake_minor").iter_rows()
    ]
    value = table["stake_minor"] / MINOR_PER_UNIT[form.currency]
    bars = pl.DataFrame({"name": named, "value": value, "label": labels}).head(12)
    return labelled.bars(bars, words=words, title=words("contact_list.axis"))


def _begun(text: str) -> str:
    """A phrase as the beginning of a label."""
    return text[:1].upper() + text[1:]
