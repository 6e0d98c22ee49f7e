"""Where sales changed: the target, places, unusual stores, and which of them to call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.money import axis
from crmlib.kit.finding import ActionList, Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared.sales_wording import signed
from crmlib.sales.outlook import COMPANY, Completion
from crmlib.sales.store_weeks import Flags

if TYPE_CHECKING:
    import altair as alt

Named = Callable[[pl.Series], pl.Series]
STILL = 0.01
"""A gap below 1 % of the earlier sales is about even."""
ROWS = 8
"""Bars shown at most."""
ANSWER_DAYS = 3
"""Days within which a store is called."""


def target(outlook: Completion, *, words: Words, as_of: date, name: Named) -> Finding:
    """Say whether the month will reach its target: only the interval's ends decide.

    outlook : of `sales.completion`, with targets.
    """
    form = words.format
    whole = outlook.units.filter(pl.col("unit_id") == COMPANY).row(0, named=True)
    actual, asked = whole["actual_minor"], whole["target_minor"]
    ended = outlook.days_left == 0
    kind = ("reached" if actual >= asked else "missed") if ended else (whole["verdict"] or "unsure")
    stores = outlook.units.filter((pl.col("unit_id") != COMPANY) & pl.col("target_minor").is_not_null())
    likely = pl.col("actual_minor") if ended else pl.col("forecast_minor")
    short = stores.with_columns(short_minor=pl.col("target_minor") - likely).sort(
        "short_minor", "unit_id", descending=[True, False]
    )
    behind = short.filter(pl.col("short_minor") > 0)
    values = {
        "month": form.month(as_of),
        "target": form.money(asked),
        "actual": form.money(actual),
        "share": form.share(actual / asked if asked else None),
        "missing": form.money(abs(asked - actual)),
        "forecast": form.money(whole["forecast_minor"]),
        "low": form.money(whole["low_minor"]),
        "high": form.money(whole["high_minor"]),
        "short": form.money(abs(asked - whole["forecast_minor"])),
        "needs": form.money(whole["day_needs_minor"]),
        "usual": form.money(whole["coming_day_minor"]),
        "behind": form.count(behind.height),
        "stores": form.count(stores.height),
        "days": form.count(outlook.days_left),
    }
    table = short.select(
        store=name(short["unit_id"]), target_minor="target_minor", so_far_minor="actual_minor",
        forecast_minor="forecast_minor", short_minor="short_minor", verdict="verdict",
    )  # fmt: skip
    surely = "ended" if ended else "forecast" if whole["verdict"] else "no_band"
    status: Status = {"reached": "ok", "will_reach": "ok", "missed": "fail", "will_miss": "fail", "open": "warn"}.get(
        kind, "none"
    )  # type: ignore[assignment]
    return Finding.worded(
        "sales_pulse.target", kind, values, words=words, key="sales.target", status=status, table=table,
        view=views.readable(table, words=words, names={"verdict": "sales.verdict"}, hide=("verdict",) if ended else ()),
        chart=_short(table, words=words),
        seen=words("sales_pulse.target.seen.stores" if stores.height else "sales_pulse.target.seen.none", **values),
        sure=words(f"sales_pulse.target.sure.{surely}", **values),
        value_minor=max(asked - whole["forecast_minor"], 0),
        row_key=("store",),
        names={"verdict": "sales.verdict"},
    )  # fmt: skip


def _short(table: pl.DataFrame, *, words: Words) -> alt.LayerChart | None:
    shown = table.filter(pl.col("short_minor") != 0).head(ROWS)
    if shown.is_empty():
        return None
    label = told(shown, "short_minor", by=lambda g: signed(-g, words=words))
    return labelled.amounts(
        shown, "short_minor", name="store", label=label, words=words, axis="sales_pulse.target.axis", turned=True
    )


def places(gaps: pl.DataFrame, *, words: Words, ground: str | None, stores: Named, products: Named) -> Finding:
    """Say which category (product, channel, … where categories are not known) changed most in money.

    Parameters
    ----------
    gaps : of `sales.places.gaps`; stores, products : names by ids.
    """
    form = words.format
    table = _worded(gaps, words=words, stores=stores, products=products)
    shown_by = next(d for d in ("category", "product_id", "channel") if d in table["dimension"])
    chosen = table.filter(pl.col("dimension") == shown_by)
    gap = int(chosen["gap_minor"].sum())
    ordered = chosen.sort("gap_minor", maintain_order=True)
    low, high = ordered.row(0, named=True), ordered.row(-1, named=True)
    then, now = int(chosen["then_minor"].sum()), int(chosen["now_minor"].sum())
    mixed = low["gap_minor"] < 0 < high["gap_minor"]
    moved = "even" if mixed and abs(gap) < STILL * then else "more" if gap > 0 else "less"
    kind = "alone" if ground is None else moved
    lead, other = (high, low) if kind in {"more", "alone"} else (low, high)
    values = {
        "ground": words(f"sales.comparison.{ground}") if ground else "",
        "dimension": words(f"sales.dimension.{shown_by}"),
        "place": lead["place"],
        "money": signed(lead["gap_minor"], words=words),
        "change": words("sales.newly") if lead["growth"] is None else form.change(lead["growth"]),
        "sold": form.money(lead["now_minor"]),
        "share": form.share(lead["now_minor"] / now if now > 0 else None),
        "gap": signed(gap, words=words),
        "other": other["place"],
        "back": signed(other["gap_minor"], words=words),
    }
    seen = kind if kind in {"even", "alone"} else "mixed" if mixed else "same"
    bars = chosen.head(ROWS)
    label = told(bars, "gap_minor", by=lambda g: signed(g, words=words))
    view = table.filter((pl.col("dimension") != "product_id") | (pl.int_range(pl.len()).over("dimension") < ROWS))
    return Finding.worded(
        "sales_pulse.places", kind, values, words=words, key="sales.places",
        status="none", table=table,
        view=views.readable(view, words=words, names={"dimension": "sales.dimension"}),
        chart=labelled.amounts(bars, "gap_minor", name="place", label=label, words=words),
        seen=words(f"sales_pulse.places.seen.{seen}", **values),
        value_minor=abs(int(lead["gap_minor"])),
        row_key=("dimension", "place"),
        names={"dimension": "sales.dimension"},
    )  # fmt: skip


def _worded(gaps: pl.DataFrame, *, words: Words, stores: Named, products: Named) -> pl.DataFrame:
    """Places by their names, unknown ones said so."""
    named = {"store_id": stores, "product_id": products}
    parts = []
    for (dimension,), part in gaps.group_by("dimension", maintain_order=True):
        ids = part["place"]
        if dimension == "channel":
            said = told(part, "place", by=lambda c: c and (words.label(f"sales.channel.{c}") or c))
        else:
            said = named[str(dimension)](ids) if dimension in named else ids
        parts.append(part.with_columns(place=said.fill_null(words("sales.unknown"))))
    return pl.concat(parts)


def stores(flags: Flags, weeks: pl.DataFrame, *, words: Words, name: Named) -> Finding:
    """Say which stores had an unusual week beside the other stores.

    Parameters
    ----------
    flags : of `sales.flags`; weeks : of `sales.trade.weeks`.
    """
    form = words.format
    flagged = unusual(flags.weeks, weeks, name=name)
    low, high = (flagged.filter(pl.col("gap_minor") * sign > 0) for sign in (-1, 1))
    kind = "low" if low.height else "high" if high.height else "none"
    lead = (low if low.height else high).head(1)
    values = {
        "low": form.count(low["store"].n_unique()),
        "high": form.count(high["store"].n_unique()),
        "judged": form.count(flags.weeks.height),
        "stores": form.count(flags.weeks["store_id"].n_unique()),
        "lost": form.money(-int(low["gap_minor"].sum())),
        "gained": form.money(int(high["gap_minor"].sum())),
        "store": lead["store"].item() if lead.height else "",
        "week": form.day(lead["week_end"].item()) if lead.height else "",
        "limit": form.number(flags.critical, digits=1),
    }
    bars = flagged.head(ROWS)
    chart = None
    if bars.height:
        divisor, title = axis(float(bars["gap_minor"].abs().max() or 0), words=words)  # type: ignore[arg-type]
        frame = bars.select(
            name=told(
                bars, "store", "week_end", by=lambda s, w: words("sales_pulse.stores.bar", store=s, day=f"{w:%m-%d}")
            ),
            value=pl.col("gap_minor") / divisor,
            label=told(bars, "gap_minor", by=lambda g: signed(g, words=words)),
        )
        chart = labelled.bars(frame, words=words, title=title)
    status: Status = {"low": "warn", "high": "ok", "none": "ok"}[kind]  # type: ignore[assignment]
    table = (
        flagged if flagged.height else unusual(flags.weeks.with_columns(flagged=pl.lit(value=True)), weeks, name=name)
    )
    return Finding.worded(
        "sales_pulse.stores", kind, values, words=words, key="sales.stores", status=status, table=table,
        view=views.readable(table.head(20), words=words),
        chart=chart,
        sure=words(f"sales_pulse.stores.sure.{'own' if flags.own else 'normal'}", **values),
        value_minor=-int(low["gap_minor"].sum()),
        row_key=("store", "week_end"),
    )  # fmt: skip


def unusual(flagged: pl.DataFrame, weeks: pl.DataFrame, *, name: Named) -> pl.DataFrame:
    """The flagged store-weeks: store, week_end, net_minor, expected_minor, gap_minor, days_open; most money first."""
    found = flagged.filter("flagged").join(
        weeks.select("store_id", "week", days_open=pl.col("days")), on=["store_id", "week"], how="left"
    )
    found = found.with_columns(gap_minor=pl.col("net_minor") - pl.col("expected_minor"))
    found = found.sort(-pl.col("gap_minor").abs(), "store_id", "week")
    return found.select(
        store=name(found["store_id"]), store_id="store_id", week_end="week", net_minor="net_minor",
        expected_minor="expected_minor", gap_minor="gap_minor", days_open=pl.col("days_open").cast(pl.Int64),
    ).drop("store_id")  # fmt: skip


def actions(
    watched: pl.DataFrame,
    weeks: pl.DataFrame,
    *,
    words: Words,
    name: Named,
    shops: pl.DataFrame | None,
    as_of: date,
    length: int,
    capacity: int,
) -> ActionList:
    """One row per unusual store: what happened, what to do, who, until when; most money first.

    Parameters
    ----------
    watched : store-weeks of `sales.flags`; weeks : of `sales.trade.weeks`; length : days of a week.
    shops : store_id, region; none where stores are not connected.
    """
    form = words.format
    days = weeks.select("store_id", "week", days_open=pl.col("days"))
    found = watched.filter("flagged").join(days, on=["store_id", "week"], how="left")
    by = found.sort("week").group_by("store_id", maintain_order=True).agg(
        pl.col("gap_minor", "net_minor", "expected_minor", "days_open").sum(), weeks=pl.len()
    )  # fmt: skip
    by = by.sort(-pl.col("gap_minor").abs(), "store_id").head(capacity)
    if shops is not None:
        by = by.join(shops.select("store_id", "region"), on="store_id", how="left", maintain_order="left")
    by = by.with_columns(shut=pl.col("weeks").cast(pl.Int64) * length - pl.col("days_open").cast(pl.Int64))
    kinds = [
        "high" if gap > 0 else "shut" if shut > 0 else "low" for gap, shut in by.select("gap_minor", "shut").rows()
    ]
    regions = by["region"] if "region" in by.columns else [None] * by.height
    owner = [
        words("sales_pulse.actions.owner.area", region=region) if region else words("sales_pulse.actions.owner.store")
        for region in regions
    ]
    reasons = [
        words(
            f"sales_pulse.actions.reason.{kind}", net=form.money(row["net_minor"]), weeks=form.count(row["weeks"]),
            expected=form.money(row["expected_minor"]), days=form.count(row["shut"]),
        )
        for kind, row in zip(kinds, by.iter_rows(named=True), strict=True)
    ]  # fmt: skip
    table = pl.DataFrame(
        {
            "store": name(by["store_id"]),
            "reason": pl.Series(reasons, dtype=pl.String),
            "gap_minor": by["gap_minor"],
            "advice": pl.Series([words(f"sales_pulse.actions.do.{kind}") for kind in kinds], dtype=pl.String),
            "owner": pl.Series(owner, dtype=pl.String),
            "due_on": pl.Series([as_of + timedelta(days=ANSWER_DAYS)] * by.height, dtype=pl.Date),
        }
    )
    total = found["store_id"].n_unique()
    kind = "none" if not total else "all" if total == by.height else "some"
    return ActionList(
        headline=words(f"sales_pulse.actions.headline.{kind}", shown=form.count(by.height), found=form.count(total)),
        table=table,
        view=views.readable(table, words=words),
        note=words(f"sales_pulse.actions.note.{'none' if not total else 'some'}"),
        row_key=("store",),
    )
