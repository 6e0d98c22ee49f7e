"""New, lost, won back, total: the flow table and where it happens."""

from __future__ import annotations

import polars as pl

from crmlib.churn.movement.flows import revision_share
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.churn_review import charts
from crmlib.pages.shared import churn_tables as views
from crmlib.pages.shared.churn_wording import named

FLAT = 0.01
"""A net change of active members within 1 % of the start is called flat."""
SHRINK_WARN, SHRINK_FAIL = -0.01, -0.05
TOP_STORES = 12


def flow(table: pl.DataFrame, *, words: Words, rhythm: str, horizon: int, active_days: int) -> Finding:
    """Whether the number of active members grew, shrank or held in the last period, and by what.

    Parameters
    ----------
    table : from `crmlib.churn.movement.flows.flow`, without stores, oldest first.
    """
    form, last = words.format, table.row(-1, named=True)
    net = last["active_end"] - last["active_start"]
    share = net / last["active_start"] if last["active_start"] else 0.0
    kind = "flat" if abs(share) <= FLAT else "grew" if net > 0 else "shrank"
    revised = revision_share(table)
    values = {
        "net": form.count(abs(net)),
        "share": form.change(share),
        "new": form.count(last["new"]),
        "won_back": form.count(last["won_back"]),
        "lost": form.count(last["lost"]),
        "start": form.count(last["active_start"]),
        "end": form.count(last["active_end"]),
        "period": words(f"churn_review.period.{rhythm}"),
        "active_days": form.count(active_days),
        "horizon": form.count(horizon),
        "revised": form.share(revised),
    }
    return Finding.worded(
        "churn_review.flow",
        kind,
        values,
        words=words,
        key="churn.flow",
        status="fail" if share <= SHRINK_FAIL else "warn" if share < SHRINK_WARN else "ok",
        table=table,
        view=views.show(table, words=words),
        chart=charts.flow(_bars(table, words), words=words),
        sure=words("churn_review.flow.sure" if revised is not None else "churn_review.flow.sure_open", **values),
        row_key=("ends_on",),
    )


def stores(table: pl.DataFrame, *, words: Words, names: pl.DataFrame | None, closed: pl.Series) -> Finding:
    """Where members were lost on balance over all periods given: the stores that lost most, closed ones marked.

    Parameters
    ----------
    table : the flow by store, all periods.
    names : store_id, name; or none.
    closed : store_id of stores that sell nothing now.
    """
    form = words.format
    by = _by_store(table, words, names=names, closed=closed)
    losing = by.filter(pl.col("net") < 0)
    by_closed = int(-losing.filter("closed")["net"].sum())
    total = int(-losing["net"].sum())
    kind = "none" if losing.is_empty() else "closed" if by_closed * 2 > total else "open"
    worst = losing.filter(~pl.col("closed")) if kind == "open" else losing
    values = {
        "store": worst["store"][0] if worst.height else words("page.none"),
        "lost": form.count(-int(worst["net"][0]) if worst.height else 0),
        "losing": form.count(losing.height),
        "stores": form.count(by.height),
        "closed": form.count(losing.filter("closed").height),
        "by_closed": form.count(by_closed),
        "total": form.count(total),
        "share": form.share(by_closed / total if total else None),
        "start": form.day(table["starts_on"].min()),  # type: ignore[arg-type]
        "end": form.day(table["ends_on"].max()),  # type: ignore[arg-type]
    }
    shown = _ends(by)
    label = [
        words("churn_review.stores.closed", net=_signed(n)) if c else _signed(n)
        for n, c in shown.select("net", "closed").rows()
    ]
    columns = [
        "store_id",
        "store",
        "active_start",
        "new",
        "won_back",
        "lost",
        "moved_in",
        "moved_out",
        "active_end",
        "closed",
    ]
    return Finding.worded(
        "churn_review.stores",
        kind,
        values,
        words=words,
        key="churn.stores",
        status="none",
        table=by.select(*columns, "net"),
        view=views.show(by.select(*columns[1:]), words=words),
        chart=charts.stores(
            shown.select(pl.col("store").alias("name"), "net", pl.Series("label", label, dtype=pl.String), "closed"),
            words=words,
        ),
        row_key=("store_id",),
    )


def owners(table: pl.DataFrame, *, words: Words) -> Finding:
    """Whose members were lost on balance over all periods given; what was handed over is no loss.

    Parameters
    ----------
    table : the flow by owner, all periods.
    """
    form, unnamed = words.format, words("churn.no_owner")
    own = pl.col("new") + pl.col("won_back") - pl.col("lost")
    by = _summed(table, "owner").with_columns(own.alias("net"), pl.col("owner").fill_null(unnamed))
    by = by.sort("net", "owner")
    named = by.filter(pl.col("owner") != unnamed)
    losing = named.filter(pl.col("net") < 0)
    moved = int(by["moved_in"].sum())
    values = {
        "owner": losing["owner"][0] if losing.height else words("page.none"),
        "lost": form.count(-int(losing["net"][0]) if losing.height else 0),
        "losing": form.count(losing.height),
        "owners": form.count(named.height),
        "total": form.count(-int(losing["net"].sum())),
        "moved": form.count(moved),
        "start": form.day(table["starts_on"].min()),  # type: ignore[arg-type]
        "end": form.day(table["ends_on"].max()),  # type: ignore[arg-type]
    }
    kind = "some" if losing.height else "none"
    shown = _ends(by)
    handed = [
        words("churn_review.owners.handed", net=_signed(n), moved=_signed(m)) if m else _signed(n)
        for n, m in shown.select("net", pl.col("moved_in") - pl.col("moved_out")).rows()
    ]
    bars = shown.select(
        pl.col("owner").alias("name"),
        "net",
        pl.Series("label", handed, dtype=pl.String),
        (pl.col("owner") == unnamed).alias("closed"),
    )
    columns = ["owner", "active_start", "new", "won_back", "lost", "moved_in", "moved_out", "active_end"]
    return Finding.worded(
        "churn_review.owners",
        kind,
        values,
        words=words,
        key="churn.owners",
        status="none",
        table=by.select(*columns, "net"),
        view=views.show(by.select(columns), words=words),
        chart=charts.stores(bars, words=words),
        seen=words("churn_review.owners.seen_moved" if moved else "churn_review.owners.seen", **values),
        row_key=("owner",),
    )


def answer(
    table: pl.DataFrame,
    ranked: pl.DataFrame,
    *,
    words: Words,
    rhythm: str,
    fill: float | None,
    asked: int = 0,
) -> Answer:
    """Net change of the last period with its parts, the largest known cause, and whom to ask.

    Parameters
    ----------
    asked : losses on the list below whose reason is still to be written down.
    """
    form, last = words.format, table.row(-1, named=True)
    net = last["active_end"] - last["active_start"]
    share = net / last["active_start"] if last["active_start"] else 0.0
    kind = "flat" if abs(share) <= FLAT else "grew" if net > 0 else "shrank"
    known = ranked.filter(pl.col("source").is_in(["recorded", "closure"]))
    by = known.group_by("cause").agg(pl.col("customers").sum()).sort("customers", "cause", descending=[True, False])
    cause = (
        words("churn_review.answer_cause.some", cause=named(words, "churn.cause", by["cause"][0]))
        if by.height
        else words("churn_review.answer_cause.none")
    )
    values = {
        "period": words(f"churn_review.period.{rhythm}"),
        "net": form.count(abs(net)),
        "new": form.count(last["new"]),
        "won_back": form.count(last["won_back"]),
        "lost": form.count(last["lost"]),
        "cause": cause,
    }
    sentence = words(f"churn_review.answer.{kind}", **values)
    if asked:
        sentence += words("churn_review.answer_cause.ask", ask=form.count(asked))
    return Answer(sentence, _figures(table, share, words=words, rhythm=rhythm, fill=fill))


def _figures(table: pl.DataFrame, share: float, *, words: Words, rhythm: str, fill: float | None) -> tuple[Figure, ...]:
    """Active members, lost, won back, and how many losses have a reason.

    Parameters
    ----------
    share : net change of active members in the last period.
    """
    form, last = words.format, table.row(-1, named=True)
    before = table.row(-2, named=True)["lost"] if table.height > 1 else None
    period = words(f"churn_review.period.{rhythm}")
    return (
        Figure(
            label=words("churn_review.figure.active"),
            value=words("churn.people", count=form.count(last["active_end"])),
            comparison=words("churn_review.figure.change", change=form.change(share), period=period),
            tone="neutral" if abs(share) <= FLAT else "good" if share > 0 else "bad",
            key="active",
            amount=float(last["active_end"]),
        ),
        Figure(
            label=words("churn_review.figure.lost"),
            value=words("churn.people", count=form.count(last["lost"])),
            comparison="" if before is None else words("churn_review.figure.before", count=form.count(before)),
            tone="neutral" if before is None else "bad" if last["lost"] > before else "good",
            key="lost",
            amount=float(last["lost"]),
        ),
        Figure(
            label=words("churn_review.figure.won_back"),
            value=words("churn.people", count=form.count(last["won_back"])),
            key="won_back",
            amount=float(last["won_back"]),
        ),
        Figure(
            label=words("churn_review.figure.fill"),
            value=form.share(fill),
            comparison=words("churn_review.not_connected" if fill is None else "churn_review.figure.fill_of"),
            key="fill",
            amount=fill,
        ),
    )


def _by_store(table: pl.DataFrame, words: Words, *, names: pl.DataFrame | None, closed: pl.Series) -> pl.DataFrame:
    """All periods of each store as one row, most lost first."""
    by = _summed(table, "store_id")
    net = pl.col("new") + pl.col("won_back") - pl.col("lost") + pl.col("moved_in") - pl.col("moved_out")
    shut = pl.col("store_id").is_in(closed.implode()).fill_null(value=False)
    by = by.with_columns(net.alias("net"), shut.alias("closed")).sort("net", "store_id")
    titles = dict(names.select("store_id", "name").rows()) if names is not None else {}
    labels = [titles.get(s, s) or words("churn_review.no_store") for s in by["store_id"].to_list()]
    return by.with_columns(pl.Series("store", labels, dtype=pl.String))


def _summed(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """All periods of each group as one row: the movements added, active at the first start and at the last end."""
    first, last = table["starts_on"].min(), table["ends_on"].max()
    return table.group_by(key).agg(
        pl.col("new", "won_back", "lost", "moved_in", "moved_out").sum(),
        pl.col("active_start").filter(pl.col("starts_on") == pl.lit(first, dtype=pl.Date)).sum(),
        pl.col("active_end").filter(pl.col("ends_on") == pl.lit(last, dtype=pl.Date)).sum(),
    )


def _ends(by: pl.DataFrame) -> pl.DataFrame:
    """Few enough groups to draw: those that lost most, and the best three."""
    return by if by.height <= TOP_STORES else pl.concat([by.head(TOP_STORES - 3), by.tail(3)])


def _bars(table: pl.DataFrame, words: Words) -> pl.DataFrame:
    """The flow as signed bars; the losses of open windows apart, the net figure on the first row of each period."""
    rows: list[tuple[str, str, int, str | None, int]] = []
    for row in table.iter_rows(named=True):
        day = f"{row['ends_on']:%m-%d}"
        lost = "lost" if row["closed"] else "provisional"
        net, top = row["active_end"] - row["active_start"], row["new"] + row["won_back"]
        rows.append((day, "new", row["new"], _signed(net), top))
        rows.append((day, "won_back", row["won_back"], None, top))
        rows.append((day, lost, -row["lost"], None, top))
    schema = {"ends_on": pl.String, "kind": pl.String, "customers": pl.Int64, "net": pl.String, "top": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _signed(value: int) -> str:
    return f"{value:+,}" if value else "0"
