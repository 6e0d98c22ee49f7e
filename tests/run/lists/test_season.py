"""The season's holdout: drawn once before it begins, on no list while it lasts."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.outreach import draw as drawing
from crmlib.outreach.register import Terms
from crmlib.report.memory import states
from crmlib.run.lists import audit, book, permitted, season
from tests.run.lists.conftest import NOON, made

# 6 % of 1,200 members are 72 ± 8: five of those above the least of 30 that is asked for.
SHARE_BP = 600
FIRST, LAST = date(2026, 9, 1), date(2026, 12, 31)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return made(tmp_path_factory.mktemp("season") / "lake", n=1_200)


def drawn(lake: Lake, name: str = "S26", *, start: date = FIRST, end: date = LAST, bp: int = SHARE_BP) -> int:
    return season.draw(lake, name, start=start, end=end, at=NOON, by="wang", holdout_bp=bp)


def code(lake: Lake, name: str, **more: date) -> str:
    with pytest.raises(ModelError) as error:
        drawn(lake, name, **more)
    return error.value.code


def test_a_season_is_drawn_once_filed_and_its_members_stand_on_no_list(large: Lake) -> None:
    held = drawn(large)
    rows = large.table("outreach").filter(pl.col("list_id") == "S26").collect()
    ids = large.table("customers").select("customer_id").collect()["customer_id"]
    key = pseudonyms.key_of(large.path)
    assert rows.height == held == int(drawing.season(ids, season_id="S26", key=key, holdout_bp=SHARE_BP).sum())
    assert set(rows["group"].cast(pl.String)) == {"season"} and set(rows["status"].cast(pl.String)) == {"not_sent"}
    assert permitted.season_held(large, at=NOON).to_list() == rows["recipient_id"].sort().to_list()
    assert permitted.season_held(large, at=NOON + timedelta(days=200)).is_empty(), "it ends with its last day"
    terms = Terms("L5", "x", "repeat", "email", "", control_bp=2000, message_id="M-email")
    kept = ids.rename("recipient_id").to_frame().with_columns(terms=pl.lit(terms.as_text()))
    states.save(large, states.Slot("invitations", "proposed", ""), kept, as_of=NOON.date())
    filed = book.draw(large, "invitations", at=NOON, by="li")
    assert filed.of("season")["recipient_id"].sort().to_list() == rows["recipient_id"].sort().to_list()
    assert not filed.drawn.table["recipient_id"].is_in(rows["recipient_id"].implode()).any()
    assert [line["what"] for line in audit.lines(large.path)] == ["season drawn"]
    later = date(2027, 1, 1), date(2027, 6, 1)
    for name, start, end in (("S26", *later), ("other", date(2026, 12, 31), later[1]), ("L5", *later)):
        assert code(large, name, start=start, end=end) == "outreach.season_there"
    assert drawn(large, "S27", start=date(2027, 1, 1), end=date(2027, 6, 1)) > 0, "the next one, others of the members"


def test_a_season_under_way_or_of_too_few_is_refused(company: Lake) -> None:
    yesterday = NOON.date() - timedelta(days=1)
    assert code(company, "S", start=yesterday, end=LAST) == "outreach.season_begun"
    assert code(company, "S", start=LAST, end=LAST) == "outreach.season_begun"
    assert code(company, "S") == "outreach.season_small"
    assert code(company, "a/b") == "outreach.bad_list_id"
    assert not company.has("seasons") and not company.has("outreach")
