"""A small lake and made-up findings for tests of the page."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.kit import table as style
from crmlib.kit.charts import theme
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Limits
from crmlib.kit.words import Words
from crmlib.panels import handle
from crmlib.report import Page, open_page
from crmlib.report.context import Context

LAST = date(2026, 6, 30)
CLOCK = datetime(2026, 7, 1, 6, 0, tzinfo=UTC)


def lines(*, customers: int = 60, seed: int = 1) -> pl.DataFrame:
    """Two years of receipts of `customers` members, one line in five without a card."""
    rng = np.random.default_rng(seed)
    n = customers * 30
    day = [LAST - timedelta(days=int(d)) for d in rng.integers(0, 700, n)]
    day[0] = LAST
    member = rng.integers(0, customers, n)
    frame = pl.DataFrame(
        {
            "line_id": [f"L{i}" for i in range(n)],
            "receipt_id": [f"R{i // 2}" for i in range(n)],
            "store_id": [f"S{i % 3}" for i in range(n)],
            "customer_id": [None if i % 5 == 4 else f"C{m:04d}" for i, m in enumerate(member)],
            "product_id": [f"P{p}" for p in rng.integers(0, 9, n)],
            "day": day,
            "quantity_milli": [1000] * n,
            "unit": ["piece"] * n,
            "net_minor": (rng.gamma(2, 20, n) * 100 * (1 + member % 7)).astype(int),
            "cost_minor": [500] * n,
        }
    )
    return frame.with_columns(
        day_n=pl.col("day").cast(pl.Int32),
        sold_at=pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        list_minor=pl.col("net_minor"),
        promotion_id=pl.lit(None, dtype=pl.String),
        channel=pl.lit("store"),
        tender=pl.lit("cash"),
        staff_id=pl.lit(None, dtype=pl.String),
        known_at=pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        src_name=pl.lit("pos"),
        src_file=pl.lit("pos.csv"),
        src_line=pl.int_range(1, n + 1),
    )


def stores(regions: tuple[str, ...] = ("华东", "华南", "华东")) -> pl.DataFrame:
    """Three shops."""
    none: dict[str, pl.Expr] = {
        name: pl.lit(None, dtype=dtype)
        for name, dtype in (
            ("city", pl.String), ("lon", pl.Float64), ("lat", pl.Float64), ("crs", pl.String), ("opened_on", pl.Date),
            ("closed_on", pl.Date), ("area_m2", pl.Float64), ("rent_minor_month", pl.Int64), ("staff_count", pl.Int32),
        )
    }  # fmt: skip
    n = len(regions)
    return pl.DataFrame(
        {"store_id": [f"S{i}" for i in range(n)], "name": [f"店{i}" for i in range(n)], "region": list(regions)}
    ).with_columns(
        kind=pl.lit("own"),
        src_name=pl.lit("erp"),
        src_file=pl.lit("s.csv"),
        src_line=pl.int_range(1, n + 1),
        known_at=pl.lit(CLOCK),
        **none,
    )


def make_lake(path: Path, *, regions: tuple[str, ...] = ("华东", "华南", "华东"), currency: str = "CNY") -> Lake:
    """A lake as ingest leaves it, with 7 of 1,807 rows set aside."""
    lake = Lake(path)
    path.mkdir(parents=True, exist_ok=True)
    facts = json.dumps({"currency": currency, "time_zone": "Asia/Shanghai"})
    for name, frame in (("receipt_lines", lines()), ("stores", stores(regions))):
        record: dict[str, Any] = dict.fromkeys(("replaced", "duplicate", "excluded", "withdrawn"), 0)
        aside = 7 if name == "receipt_lines" else 0
        record |= {"source": name, "table": name, "at": CLOCK.isoformat(), "currency": currency, "files": []}
        record |= {
            "read": frame.height + aside,
            "kept": frame.height,
            "quarantined": aside,
            "rules": [{"kind": "quarantined", "rule": "time:sold_at", "rows": 7, "net_minor": 5000}] if aside else [],
        }
        batch = delta.Batch(f"b-{name}", record)
        delta.append(lake.table_path(name), frame, batch=batch, partition=None, description=facts)
    return lake


def rows(page: Page) -> pl.LazyFrame:
    """The lines behind a page's handle, which only panels and tests open."""
    frame: pl.LazyFrame = handle.opened(page.lines)
    return frame


def context(lake: Lake, **changes: Any) -> Context:
    """What a runner gives a page, with `changes`."""
    values: dict[str, Any] = {"face": "html", "now": CLOCK, "seed": 7, "run_id": "r1", "lake": lake.path}
    return Context(**(values | changes))


def bars(frame: pl.DataFrame, *, x: str = "share", y: str = "tier") -> alt.Chart:
    """A bar chart in the house's look."""
    chart = (
        alt.Chart(frame).mark_bar().encode(x=alt.X(x, title=None), y=alt.Y(y, sort=None, title=None), tooltip=[y, x])
    )
    return theme.finish(chart, height=180)


def months(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Lines by month with points."""
    base = alt.Chart(frame).encode(
        x=alt.X("month", axis=alt.Axis(format=words("page.axis.month")), title=None), y=alt.Y("net", title=None)
    )
    return theme.finish(base.mark_line() + base.mark_point())


def tiers() -> pl.DataFrame:
    """The table behind the bars."""
    return pl.DataFrame(
        {
            "tier": ["A", "B", "C", "D"],
            "share": [0.31, 0.19, 0.25, 0.25],
            "net_minor": [2_670_000_00, 1_630_000_00, 2_140_000_00, 2_230_000_00],
        }
    )


def by_month() -> pl.DataFrame:
    """The table behind the lines."""
    return pl.DataFrame(
        {
            "month": [date(2025 + (m // 12), m % 12 + 1, 1) for m in range(6, 18)],
            "net": [20.0, 22, 30, 31, 28, 26, 25, 40, 21, 22, 24, 23],
        }
    )


def finding(words: Words, *, key: str = "demo.pyramid", **changes: Any) -> Finding:
    """A finding with a chart and a table, with `changes`."""
    zh = words.language == "zh"
    values: dict[str, Any] = {
        "key": key,
        "status": "warn",
        "headline": "过半销售额来自少数人" if zh else "Few people bring more than half of the sales",
        "table": tiers(),
        "view": style.readable(tiers(), words=words),
        "chart": bars(tiers()),
        "alt": "A、B 类占销售额一半" if zh else "Tiers A and B bring half of the sales",
        "note_seen": "A、B 两类占会员 5%，占销售额 50%。" if zh else "Tiers A and B are 5% of members.",
        "note_sure": "口径：近 12 个月净销售额；全量计数，无抽样误差。"
        if zh
        else "All members counted, no sampling error.",
        "note_do": "A 类专人维护。" if zh else "Look after tier A in person.",
        "row_key": ("tier",),
        "value_minor": 4_300_000_00,
    }
    return Finding(**(values | changes))


def answer(words: Words) -> Answer:
    """One sentence, four figures, one of each tone."""
    zh = words.language == "zh"
    net = words.format.money(8_680_000_00)
    return Answer(
        sentence="A、B 类会员里有 11 人超过自己平时的购买间隔还没有来。"
        if zh
        else "Eleven members of tiers A and B are overdue.",
        figures=(
            Figure("会员销售额" if zh else "Member sales", net, "+2.3%", "good", "net", 8_680_000_00, money=True),
            Figure("消费会员数" if zh else "Members who bought", "4,297", "+0.7%", "neutral", "members", 4297),
            Figure("A 类占销售额" if zh else "Tier A of sales", "30.8%", "28.5%", "neutral", "share_a", 0.308),
            Figure(
                "已超期" if zh else "Overdue", "11", "约 4.1 万元有风险" if zh else "¥41K at risk", "bad", "late", 11
            ),
        ),
        value_minor=4_300_000_00,
    )


def actions(words: Words) -> ActionList:
    """A list of three."""
    zh = words.language == "zh"
    table = pl.DataFrame(
        {
            "customer_id": ["E7BQYR2A", "A5SLEN3B", "UPCX5F4C"],
            "reason": ["平时每 17 天一次，已 316 天未到店" if zh else "every 17 days, 316 days ago"] * 3,
            "value_minor": [19_300_00, 3_700_00, 2_700_00],
            "due": [date(2026, 7, d) for d in (3, 4, 5)],
        }
    )
    return ActionList(
        headline="本月回访名单（3 人）" if zh else "Whom to call this month (3)",
        table=table,
        note="人数太少，不设对照组。" if zh else "Too few for a control group.",
        row_key=("customer_id",),
    )


def fill(page: Page, *, extra: tuple[Finding, ...] = ()) -> Page:
    """Put one of everything on the page."""
    words = page.words
    zh = words.language == "zh"
    page.show(answer(words))
    page.show(finding(words))
    trend = "9 月起走高" if zh else "Sales rise from September"
    page.show(
        finding(
            words, key="demo.months", status="ok", headline=trend, chart=months(by_month(), words=words),
            table=by_month(), view=None, row_key=("month",), alt=trend, value_minor=None,
        )
    )  # fmt: skip
    for one in extra:
        page.show(one)
    page.show(actions(words))
    passed = "回测通过" if zh else "The back-test passed"
    page.show(finding(words, key="demo.check", status="ok", headline=passed, chart=None, role="check"))
    page.show(Limits(("等级描述过去的购买，不是未来价值。" if zh else "Tiers describe past purchases.",)))
    return page


def opened(
    lake: Lake,
    *,
    report: str = "customer_value",
    language: str = "zh",
    variables: dict[str, object] | None = None,
    **changes: Any,
) -> Page:
    """An opened page, of customer value unless told."""
    given = {"language": language} | (variables or {})
    return open_page(report, given, context=context(lake, **changes))
