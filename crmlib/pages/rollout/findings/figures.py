"""Old figures against new ones: by region, by reason, line by line."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.cases.accept import REASONS, Acceptance
from crmlib.cases.old_rules import MONEY
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled, steps
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words

SHOWN = 20


def pilot(found: pl.DataFrame, first: list[str], *, words: Words) -> Finding:
    """Regions whose every figure is explained; the pilot's say the headline.

    Parameters
    ----------
    found : of `old_rules.by_scope`. first : regions of the pilot.
    """
    form = words.format
    tried = found.filter(pl.col("scope").is_in(first)) if first else found
    ready, stuck = found.filter(pl.col("blocking") == 0), tried.filter(pl.col("blocking") > 0)
    kind = "none" if found.is_empty() else "alone" if tried.is_empty() else "stuck" if stuck.height else "ready"
    join = words("page.join").join
    values = {
        "pilot": join(tried["scope"]), "ready": form.count(ready.height), "all": form.count(found.height),
        "which": join(found.filter(pl.col("blocking") > 0)["scope"].head(3)) or words("rollout.nobody"),
        "lines": form.count(int(stuck["blocking"].sum())),
    }  # fmt: skip
    bars = found.select(
        pl.col("scope").alias("name"),
        ((pl.col("figures_n") - pl.col("blocking")) / pl.col("figures_n")).alias("value"),
        pl.Series("label", [words("rollout.pilot.label", good=form.count(n - b), all=form.count(n))
                            for n, b in found.select("figures_n", "blocking").iter_rows()], dtype=pl.String),
        toned(pl.col("blocking") > 0, "loss").alias("tone"),
    )  # fmt: skip
    table = found.select("scope", "figures_n", blocking_n="blocking")
    return Finding.worded(
        "rollout.pilot", kind, values, words=words, table=table,
        status={"stuck": "fail", "ready": "ok"}.get(kind, "none"),  # type: ignore[arg-type]
        view=views.readable(table, words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, percent=True, title=words("rollout.chart.explained"))
        if bars.height else None,
        row_key=("scope",),
    )  # fmt: skip


def split(found: Acceptance, *, words: Words) -> Finding:
    """New − old of all amounts = definition + timing + excluded + duplicates + rounding + unexplained.

    Lines that stand on one side only are left out: nothing can be split there.
    """
    form, per = words.format, MINOR_PER_UNIT[words.format.currency]
    rows = found.table.filter(pl.col("figure_id").is_in(MONEY), pl.col("only").is_null())
    parts = [(name, int(rows[name].sum())) for name in (*REASONS, "unexplained")]
    kept = [(name, amount) for name, amount in parts if amount or name == "unexplained"]
    gap, rest = int(rows["difference"].sum()), int(rows["unexplained"].abs().sum())
    table = pl.DataFrame(kept, schema={"accept_reason": pl.String, "amount_minor": pl.Int64}, orient="row")
    kind = "none" if rows.is_empty() else "open" if rest else "explained"
    largest = max(parts, key=lambda part: abs(part[1]))
    values = {
        "gap": yuan(gap, words), "rest": yuan(rest, words), "old": yuan(int(rows["old"].sum()), words),
        "new": yuan(int(rows["new"].sum()), words), "reason": words(f"rollout.reason.{largest[0]}"),
        "amount": yuan(largest[1], words), "lines": form.count(rows.height),
    }  # fmt: skip
    drawn = pl.DataFrame(
        [(words(f"rollout.reason.{name}"), amount / per, form.money(amount)) for name, amount in kept],
        schema={"name": pl.String, "value": pl.Float64, "label": pl.String}, orient="row",
    )  # fmt: skip
    return Finding.worded(
        "rollout.split", kind, values, words=words, table=table,
        status={"open": "fail", "explained": "ok"}.get(kind, "none"),  # type: ignore[arg-type]
        view=views.readable(table, words=words, exact=True) if rows.height else None,
        chart=steps.steps(
            drawn, words=words, title=words("rollout.chart.money"), total=words("rollout.reason.difference"),
            label=form.money(gap),
        ) if rows.height else None,
        value_minor=rest, row_key=("accept_reason",),
    )  # fmt: skip


def lines(found: Acceptance, *, words: Words) -> Finding:
    """Every old figure with its reasons, those that nothing explains first; amounts to the fen."""
    form, table = words.format, found.table
    bad = found.blocking().height
    kind = "none" if table.is_empty() else "open" if bad else "explained"
    order = table.sort(
        pl.col("unexplained").abs(),
        "only",
        "figure_id",
        "scope",
        "period",
        descending=[True, True, False, False, False],
    )
    shown = [
        (
            words.label(f"rollout.figure.{r['figure_id']}") or r["figure_id"],
            words.label(f"rollout.scope.{r['scope']}") or r["scope"], month(r["period"], words),
            *(_amount(r[name], money=r["figure_id"] in MONEY, words=words)
              for name in ("old", "new", *REASONS, "unexplained")),
        )
        for r in order.iter_rows(named=True)
    ]  # fmt: skip
    names = ["accept_figure", "accept_scope", "accept_period", "accept_old", "accept_new",
             *(f"accept_{name}" for name in (*REASONS, "unexplained"))]  # fmt: skip
    made = pl.DataFrame(shown, schema=dict.fromkeys(names, pl.String), orient="row")
    exact = table.filter(pl.col("difference") == 0).height
    values = {"all": form.count(table.height), "bad": form.count(bad), "same": form.count(exact)}
    return Finding.worded(
        "rollout.lines", kind, values, words=words, table=made,
        status={"open": "fail", "explained": "ok"}.get(kind, "none"),  # type: ignore[arg-type]
        view=views.readable(made.head(SHOWN), words=words) if made.height else None,
        row_key=("accept_figure", "accept_scope", "accept_period"),
    )  # fmt: skip


def _amount(value: int | None, *, money: bool, words: Words) -> str | None:
    if value is None:
        return None
    return yuan(value, words) if money else words.format.count(value)


def yuan(minor: int, words: Words) -> str:
    """An amount to the fen, with its unit."""
    return words("rollout.yuan", amount=words.format.money_exact(minor))


def month(period: str, words: Words) -> str:
    """A month of an old report in words; whatever is no month stays."""
    try:
        return words.format.month(date.fromisoformat(f"{period}-01"))
    except ValueError:
        return period
