"""The home page says the most expensive thing first, and only what the pages say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.home.findings import first, pages
from crmlib.report.record.manifest import FigureRecord, FindingRecord, Manifest
from crmlib.report.record.newest import Published

TODAY = date(2026, 10, 31)
COSTLY = pl.DataFrame(
    {
        "report_title": ["客户价值", "流失回顾"],
        "status": ["fail", "warn"],
        "headline": ["买得少了。", "走了 3 人"],
        "advice": ["先打电话。", ""],
        "stake_minor": [900_00, 100_00],
        "output": ["a/m/2026-10-31/zh", "b/m/2026-10-31/zh"],
        "key": ["a.x", "b.x"],
        "as_of": ["2026-10-31"] * 2,
    }
)
LIGHTS = pl.DataFrame(
    {
        "report_title": ["客户价值", "流失回顾"],
        "status": ["fail", "ok"],
        "answer": ["甲", "乙"],
        "as_of": [TODAY, TODAY],
        "output": ["a/m/2026-10-31/zh", "b/m/2026-10-31/zh"],
        "stake_minor": [900_00, None],
    }
)


def published(report: str, status: str = "ok", *, day: str = "2026-10-31", lit: tuple[str, ...] = ()) -> Published:
    figures = (FigureRecord("net", "销售额", "12 万元", 12e6, True, "同比 +3%", "good"),)
    findings = tuple(FindingRecord(f"h.{n}", "finding", s, f"检查{n}", "t", 1, do="补") for n, s in enumerate(lit))
    record = Manifest(
        report, "zh", report, "?", day, status, "结论", {}, figures, findings, {}, "CNY", "1", 1, "r", "t", "s"
    )
    return Published(f"{report}/daily/{day}/zh", record)


def test_the_answer_names_the_dearest_problem_its_page_its_money_and_what_to_do(words: Words) -> None:
    said = first.answer(COSTLY, LIGHTS, sales=None, words=words).sentence
    assert all(part in said for part in ("客户价值", "买得少了", words.format.money(900_00), "先打电话"))
    flipped = COSTLY.with_columns(stake_minor=pl.col("stake_minor").reverse()).sort("stake_minor", descending=True)
    said = first.answer(flipped, LIGHTS, sales=None, words=words).sentence
    assert "流失回顾" in said and "先打电话" not in said


def test_without_money_at_stake_nobody_is_sent_anywhere(words: Words) -> None:
    calm = first.answer(COSTLY.clear(), LIGHTS, sales=None, words=words).sentence
    assert calm == words("home.answer.calm", pages=words.format.count(2))
    assert first.answer(COSTLY.clear(), LIGHTS.clear(), sales=None, words=words).sentence == words("home.answer.empty")
    assert first.to_do(COSTLY.clear(), words=words).status == "none"
    assert first.actions(COSTLY.clear(), [], total=0, words=words).table.is_empty()


def test_the_figures_of_sales_stand_here_as_they_stand_on_their_own_page(words: Words) -> None:
    sales = published("sales_pulse")
    figure = first.answer(COSTLY, LIGHTS, sales=sales, words=words).figures[0]
    given = sales.record.figures[0]
    assert (figure.label, figure.value, figure.tone) == ("销售额", "12 万元", "good")
    assert given.comparison in figure.comparison and sales.record.as_of in figure.comparison
    assert (figure.key, figure.amount, figure.money) == (given.key, given.amount, given.money)


def test_sales_stand_beside_the_months_target_where_one_is_known(words: Words) -> None:
    share = FigureRecord("share", "完成率", "102.2%", 1.022, False)
    targets = replace(published("targets"), record=replace(published("targets").record, figures=(share,)))
    made, without = (
        first.answer(COSTLY, LIGHTS, sales=published("sales_pulse"), targets=t, words=words).figures[0].comparison
        for t in (targets, None)
    )
    assert "102.2%" in made and "102.2%" not in without


def test_the_money_is_said_once(words: Words) -> None:
    money = words.format.money(COSTLY["stake_minor"][0])
    said = COSTLY.with_columns(headline=pl.lit(f"{money} stand still"))
    assert first.answer(said, LIGHTS, sales=None, words=words).sentence.count(money) == 1
    assert first.answer(COSTLY, LIGHTS, sales=None, words=words).sentence.count(money) == 1


def test_the_colour_is_that_of_the_dearest_problem(words: Words) -> None:
    assert first.to_do(COSTLY, words=words).status == "fail"
    assert first.to_do(COSTLY.with_columns(status=pl.lit("warn")), words=words).status == "warn"


def test_each_thing_to_do_leads_to_the_card_that_says_why(words: Words) -> None:
    leads = ["../../../../a/m/2026-10-31/zh/index.html#a-x", ""]
    made = first.actions(COSTLY, leads, total=7, words=words)
    assert made.view is not None
    shown = made.view.as_raw_html()
    assert f'<a href="{leads[0]}">客户价值</a>' in shown and shown.count("<a ") == 1
    assert "7" in made.headline and "address" not in made.table.columns


@pytest.mark.parametrize(
    ("in_days", "state", "status"), [(3, "draft", "warn"), (3, "approved", "none"), (9, "draft", "none")]
)
def test_an_offer_that_starts_soon_and_is_not_approved_is_the_headline(
    words: Words, in_days: int, state: str, status: str
) -> None:
    events = pl.DataFrame(
        [(TODAY + timedelta(days=in_days), in_days, "starts", "坚果节", state)],
        schema=["day", "in_days", "event", "name", "offer_state"],
        orient="row",
    )
    made = pages.ahead(events, days=14, with_offers=True, words=words)
    assert made.status == status
    assert ("坚果节" in made.headline) == (status == "warn")


def test_without_offers_the_page_does_not_say_that_none_starts(words: Words) -> None:
    schema = {"day": pl.Date, "in_days": pl.Int64, "event": pl.String, "name": pl.String, "offer_state": pl.String}
    none = pl.DataFrame(schema=schema)
    quiet, unknown = (pages.ahead(none, days=14, with_offers=w, words=words).headline for w in (True, False))
    assert quiet != unknown
    assert words("home.ahead.headline.festivals", festival=words("home.ahead.no_festival")) == unknown


@pytest.mark.parametrize(
    ("status", "lit", "expected"),
    [("ok", ("ok",), "ok"), ("warn", ("warn", "ok"), "warn"), ("fail", ("fail", "warn"), "fail")],
)
def test_the_data_card_has_the_colour_and_the_checks_of_the_health_page(
    words: Words, status: str, lit: tuple[str, ...], expected: str
) -> None:
    made = pages.data(published("data_health", status, lit=lit), as_of=TODAY, words=words)
    assert made.status == expected
    assert made.table.height == sum(s != "ok" for s in lit)


def test_a_health_page_of_yesterday_is_no_green_light_for_today(words: Words) -> None:
    made = pages.data(published("data_health", day="2026-10-30"), as_of=TODAY, words=words)
    assert made.status == "warn" and words.format.day(date(2026, 10, 30)) in made.headline
    assert pages.data(None, as_of=TODAY, words=words).headline == words("home.data.headline.none")


def test_pages_that_stopped_at_an_earlier_day_are_counted(words: Words) -> None:
    old = LIGHTS.with_columns(as_of=pl.Series([TODAY, TODAY - timedelta(days=9)]))
    fresh, late = (pages.reports(rows, ["", ""], as_of=TODAY, words=words).note_seen for rows in (LIGHTS, old))
    assert fresh != late and "1" in late
