"""Who holds the future value, when they came, where they shop, and what one more of them would be worth."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.clv.forecast.equal_age import LEAST, EqualAge
from crmlib.clv.forecast.portfolio import Portfolio
from crmlib.clv.judge.backtest import Backtest
from crmlib.kit import table as style
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.customer_lifetime import charts
from crmlib.pages.customer_lifetime.findings.wording import (
    as_minor,
    as_tested,
    axis,
    between,
    bias_words,
    in_money,
    margin_words,
    minor_of,
    money,
    months_of,
    what,
)
from crmlib.pages.shared.lifetime_wording import chance_words

MOST, SOME = 0.5, 0.25
"""The upper tiers hold "most" if even the lower bound of their share is above half; "some" from a quarter on."""
BIAS_WARN, BIAS_FAIL = 0.10, 0.20
"""Error of the total in the back-test: from here on amber, red."""
FEW_STORES = 0.34
"""Half of the value in no more than this share of the stores: it hangs on few of them."""
EARLY = 0.5
"""From this share of the three-year value within the first year on, a new customer pays "early"."""
SHOWN_STORES = 10
LABELLED = (3, 6, 12, 24, 36)
"""Months whose value is written into the curve: more would overlap on a phone."""


def answer(
    portfolio: Portfolio, test: Backtest, *, listed: pl.DataFrame, newcomer: pl.DataFrame, words: Words
) -> Answer:
    """What the customers of today will bring, how much of it is open, and how far last year's forecast was off."""
    form, total = words.format, portfolio.total
    contest, measure = in_money(test)
    contacts = listed.filter(pl.col("group") == "contact")
    at_stake = float(contacts["at_stake"].sum())
    off = abs(contest.bias) >= BIAS_FAIL
    sentence = words(
        f"customer_lifetime.answer.{'loss' if total['expected'] < 0 else 'list' if contacts.height else 'none'}",
        months=months_of(portfolio),
        customers=form.count(total["customers"]),
        what=what(portfolio, words),
        money=money(total["expected"], words),
        listed=form.count(contacts.height),
        at_stake=money(at_stake, words),
    )
    if off:
        sentence += words(
            f"customer_lifetime.answer.{'over' if contest.bias > 0 else 'under'}",
            bias=form.share(abs(contest.bias)),
            money=money(as_tested(total["expected"], test), words),
        )
    if contacts.height:
        sentence += chance_words(test, words)
    year = newcomer.filter(pl.col("months") == 12).row(0, named=True)
    figures = (
        Figure(
            label=words("customer_lifetime.figure.value", months=months_of(portfolio), what=what(portfolio, words)),
            value=money(total["expected"], words),
            comparison=words("customer_lifetime.figure.range", range=between(total["low"], total["high"], words)),
            key="value_minor",
            amount=float(as_minor(total["expected"], words)),
            money=True,
        ),
        Figure(
            label=words("customer_lifetime.figure.alive"),
            value=words("customer_lifetime.persons", count=form.count(round(total["alive"]))),
            comparison=words("customer_lifetime.figure.of", customers=form.count(total["customers"])),
            key="alive",
            amount=float(total["alive"]),
        ),
        Figure(
            label=words("customer_lifetime.figure.newcomer"),
            value=money(year["value"], words),
            comparison=words(
                "customer_lifetime.figure.range", range=between(year["value_low"], year["value_high"], words)
            ),
            key="newcomer_minor",
            amount=float(as_minor(year["value"], words)),
            money=True,
        ),
        Figure(
            label=words("customer_lifetime.figure.bias", measure=words(f"customer_lifetime.measure.{measure}")),
            value=form.change(contest.bias),
            comparison=words("customer_lifetime.figure.tested", cut=form.day(test.cut)),
            tone="bad" if abs(contest.bias) >= BIAS_WARN else "neutral",
            key="bias",
            amount=contest.bias,
        ),
    )
    return Answer(sentence=sentence, figures=figures)


def tiers(portfolio: Portfolio, test: Backtest, *, words: Words) -> Finding:
    """Say how far the future value hangs on few customers."""
    frame, form = portfolio.tiers, words.format
    upper = frame.filter(pl.col("segment").is_in(["A", "B"]))
    rest = frame.filter(~pl.col("segment").is_in(["A", "B"]))
    whole = float(frame["expected"].sum())
    share = float(upper["expected"].sum()) / whole if whole > 0 else 0.0
    surely = float(upper["low"].sum()) / max(float(upper["low"].sum()) + float(rest["high"].sum()), 1e-9)
    kind = "loss" if whole <= 0 else "most" if surely > MOST else "some" if share >= SOME else "spread"
    values = {
        "customers": form.count(int(upper["customers"].sum())),
        "share_customers": form.share(int(upper["customers"].sum()) / max(int(frame["customers"].sum()), 1)),
        "share": form.share(share),
        "surely": form.share(surely),
        "what": what(portfolio, words),
    }
    return _summed(
        frame,
        portfolio,
        test,
        part="tiers",
        kind=kind,
        values=values,
        names=[words(f"customer_lifetime.place.{s}") for s in frame["segment"]],
        column="place",
        words=words,
    )


def cohorts(lives: EqualAge, *, words: Words) -> Finding:
    """Say whether customers who came in one quarter were better than others, over the same days of their lives."""
    frame, form = lives.cohorts, words.format
    kind = "one" if frame.height < 2 else "apart" if lives.differ else "alike"
    ranked = frame.sort("net_minor", "cohort", descending=[True, False])
    names = {c: _quarter(c, words) for c in frame["cohort"]}
    best, worst = (ranked.row(i, named=True) for i in (0, -1)) if ranked.height else ({}, {})
    values = {
        "best": names.get(best.get("cohort", ""), ""),
        "worst": names.get(worst.get("cohort", ""), ""),
        "best_money": form.money(round(best.get("net_minor", 0.0))),
        "worst_money": form.money(round(worst.get("net_minor", 0.0))),
        "age": str(lives.age),
        "young": form.count(lives.young),
        "least": str(LEAST),
    }
    whole = ("net_minor", "net_minor_low", "net_minor_high")
    money_of = dict(zip(whole, ("early_net_minor", "value_low_minor", "value_high_minor"), strict=True))
    table = frame.select(
        "cohort",
        "customers",
        early_purchases="purchases",
        **{name: pl.col(c).round().cast(pl.Int64) for c, name in money_of.items()},
    )
    shown = frame.select(
        segment="cohort",
        **{k: pl.col(c) / as_minor(1.0, words) for k, c in zip(("value", "low", "high"), whole, strict=True)},
    )
    divisor, unit = axis(float(shown["high"].max() or 0.0), words)  # type: ignore[arg-type]
    chart = _chart_frame(shown, names=[names[s] for s in shown["segment"]], divisor=divisor, words=words)
    return Finding.worded(
        "customer_lifetime.cohorts",
        kind,
        values,
        words=words,
        key="clv.cohorts",
        status="none",
        table=table,
        view=style.readable(table.with_columns(cohort=pl.Series(list(names.values()), dtype=pl.String)), words=words),
        chart=labelled.bars(
            chart, words=words, title=words("customer_lifetime.chart.early", age=str(lives.age), unit=unit)
        )
        if kind != "one"
        else None,
        seen=words(f"customer_lifetime.cohorts.seen.{'one' if kind == 'one' else 'many'}", **values),
        row_key=("cohort",),
    )


def stores(portfolio: Portfolio, test: Backtest, *, words: Words, titles: Mapping[str, str] | None = None) -> Finding:
    """Say in which stores the customers shop who hold the future value; or that stores are not connected.

    Parameters
    ----------
    titles : what stores are called, by their number.
    """
    frame = portfolio.stores
    known = frame.filter(pl.col("segment") != "") if frame is not None else None
    if known is None or known.is_empty():
        empty = pl.DataFrame(schema={"store_id": pl.String, "future_minor": pl.Int64})
        return Finding.worded(
            "customer_lifetime.stores",
            "unknown",
            {},
            words=words,
            key="clv.stores",
            status="none",
            table=empty,
            seen=words("customer_lifetime.stores.unknown"),
            sure="—",
        )
    ranked = known.sort("expected", "segment", descending=[True, False])
    if titles:
        ranked = ranked.with_columns(pl.col("segment").replace(dict(titles)))
    half = _to_half(ranked["expected"].to_list())
    loses = float(ranked["expected"].sum()) <= 0
    kind = "loss" if loses else "few" if half / ranked.height <= FEW_STORES else "spread"
    top = ranked.head(SHOWN_STORES)
    values = {
        "shown": str(top.height),
        "half": str(half),
        "stores": str(ranked.height),
        "best": str(ranked["segment"][0]),
        "money": money(float(ranked["expected"][0]), words),
        "what": what(portfolio, words),
    }
    return _summed(
        top,
        portfolio,
        test,
        part="stores",
        kind=kind,
        values=values,
        names=top["segment"].to_list(),
        column="store",
        words=words,
        table_of=ranked,
    )


def newcomers(curve: pl.DataFrame, portfolio: Portfolio, test: Backtest, *, words: Words) -> Finding:
    """Say what a new customer will bring after the first purchase, and how soon."""
    at = {row["months"]: row for row in curve.iter_rows(named=True)}
    year, three = at[12], at[36]
    share = year["value"] / three["value"] if three["value"] > 0 else 0.0
    kind = "early" if share >= EARLY else "late"
    form = words.format
    values = {
        "money": money(year["value"], words),
        "cap": money(max(year["value_low"], 0.0), words),
        "range": between(year["value_low"], year["value_high"], words),
        "three": money(three["value"], words),
        "share": form.share(share),
        "purchases": form.number(year["purchases"], digits=1),
        "what": what(portfolio, words),
    }
    divisor, unit = axis(float(curve["value_high"].to_numpy().max()), words)
    chart = curve.select(
        "months",
        value=pl.col("value") / divisor,
        low=pl.col("value_low") / divisor,
        high=pl.col("value_high") / divisor,
        label=pl.Series([money(v, words) if m in LABELLED else "" for m, v in curve.select("months", "value").rows()]),
    )
    table = curve.select(
        months_ahead="months",
        expected_purchases="purchases",
        future_minor=minor_of(pl.col("value"), words),
        value_low_minor=minor_of(pl.col("value_low"), words),
        value_high_minor=minor_of(pl.col("value_high"), words),
    )
    gain = "gain" if year["value"] > 0 else "loss"
    return Finding.worded(
        "customer_lifetime.newcomers",
        gain,
        values,
        words=words,
        key="clv.newcomers",
        status="none",
        table=table,
        view=style.readable(table, words=words),
        chart=charts.newcomer_curve(chart, words=words, title=words("customer_lifetime.chart.added", unit=unit)),
        seen=words(f"customer_lifetime.newcomers.seen.{kind}", **values),
        sure=words(
            "customer_lifetime.newcomers.sure",
            range=values["range"],
            margin=margin_words(portfolio, words),
            rate=form.share(portfolio.annual_rate),
            bias=bias_words(test, words),
            error=form.share(test.error.scale),
        ),
        row_key=("months_ahead",),
    )


def _summed(
    frame: pl.DataFrame,
    portfolio: Portfolio,
    test: Backtest,
    *,
    part: str,
    kind: str,
    values: dict[str, str],
    names: list[str],
    column: str,
    words: Words,
    table_of: pl.DataFrame | None = None,
) -> Finding:
    """A finding of sums by group with predictive intervals."""
    shown = frame.select("segment", "low", "high", value="expected")
    divisor, unit = axis(float(shown["high"].to_numpy().max()), words)
    table = _table(frame if table_of is None else table_of, column=column, words=words)
    title = words("customer_lifetime.chart.future", what=values["what"], months=months_of(portfolio), unit=unit)
    return Finding.worded(
        f"customer_lifetime.{part}",
        kind,
        values,
        words=words,
        key=f"clv.{part}",
        status="none",
        table=table,
        view=style.readable(table, words=words, names={"place": "customer_lifetime.place"}),
        chart=labelled.bars(_chart_frame(shown, names=names, divisor=divisor, words=words), words=words, title=title),
        sure=_sure(portfolio, test, words=words),
        row_key=(column,),
        names={"place": "customer_lifetime.place"},
    )


def _table(frame: pl.DataFrame, *, column: str, words: Words) -> pl.DataFrame:
    whole = float(frame["expected"].sum())
    return frame.select(
        pl.col("segment").alias(column),
        "customers",
        "alive",
        future_minor=minor_of(pl.col("expected"), words),
        value_low_minor=minor_of(pl.col("low"), words),
        value_high_minor=minor_of(pl.col("high"), words),
        per_customer_minor=minor_of(pl.col("expected") / pl.col("customers"), words),
        share_value=pl.col("expected") / whole if whole > 0 else pl.lit(None, dtype=pl.Float64),
    )


def _chart_frame(shown: pl.DataFrame, *, names: list[str], divisor: float, words: Words) -> pl.DataFrame:
    return shown.select(
        name=pl.Series(names, dtype=pl.String),
        value=pl.col("value") / divisor,
        low=pl.col("low") / divisor,
        high=pl.col("high") / divisor,
        label=pl.Series([money(v, words) for v in shown["value"]], dtype=pl.String),
    )


def _sure(portfolio: Portfolio, test: Backtest, *, words: Words) -> str:
    form = words.format
    return words(
        "customer_lifetime.sure",
        level=form.share(portfolio.level, digits=0),
        margin=margin_words(portfolio, words),
        rate=form.share(portfolio.annual_rate),
        bias=bias_words(test, words),
        error=form.share(test.error.scale),
        origins=form.count(test.error.origins.height),
    )


def _quarter(segment: str, words: Words) -> str:
    year, quarter = segment.split("-Q")
    return words("customer_lifetime.cohorts.quarter", year=year, quarter=quarter)


def _to_half(values: list[float]) -> int:
    upto, whole = 0.0, sum(values)
    for count, value in enumerate(values, start=1):
        upto += value
        if upto >= 0.5 * whole:
            return count
    return len(values)
