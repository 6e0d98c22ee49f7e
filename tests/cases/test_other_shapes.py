"""Funnels and ticket logs of other shapes than the sample's, through the sources file as docs/cases.md says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from crmlib.cases import funnel, service, stages
from crmlib.core.errors import SourceError
from crmlib.data import Lake, ingest, ingest_all

NOW = datetime(2026, 6, 1, tzinfo=UTC)
END = date(2026, 5, 31)


def taken(folder: Path, sources: str, *, one: str = "", **files: str) -> Lake:
    """A lake made of these files through this sources file, of all its sources or of `one`."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        encoding = "gb18030" if name.startswith("gbk") else "utf-8"
        (folder / f"{name}.csv").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    (folder / "sources.yml").write_text(sources, encoding="utf-8")
    lake = Lake(folder / "lake")
    given = {"lake": lake, "now": NOW}
    file = folder / "sources.yml"
    for result in [ingest(one, sources=file, **given)] if one else ingest_all(file, **given):
        assert result.sum_holds and result.quarantined == 0, result
    return lake


CRM = """
deals:
  table: deals
  files: gbk_deals.csv
  currency: CNY
  columns:
    deal_id: 商机编号
    customer_id: 客户编号
    owner_staff: {from: 负责人, extract: '\\((\\w+)\\)'}
    opened_on: {from: 创建时间, date: "%Y/%m/%d %H:%M"}
    closed_on: 关闭日期
    outcome: {from: 结果, map: {赢单: won, 输单: lost, 跟进中: null, 搁置: null}}
    value_minor: {from: 预计金额（万元）, times: 1000000}
    lost_reason: 输单原因
moves:
  table: stage_moves
  files: gbk_history.csv
  currency: CNY
  columns:
    deal_id: 商机编号
    at: 变更时间
    from_stage: {from: 变更, extract: '^(.*)→'}
    to_stage: {from: 变更, extract: '→(.*)$'}
"""
DEALS = """商机编号,客户编号,负责人,创建时间,关闭日期,结果,预计金额（万元）,输单原因
A1,C1,李娜(G1),2026/01/05 09:30,2026-03-01,赢单,12.5,
A2,C2,李娜(G1),2026/01/20 10:00,2026-02-01,输单,3,价格
A3,C3,王强(G2),2026/02/11 16:45,,跟进中,8,
A4,C4,王强(G2),2026/03/02 11:20,,搁置,0.8,
"""
HISTORY = """商机编号,变更时间,变更
A1,2026-01-20 09:00,初访→报价
A1,2026-02-10 09:00,报价→签约
A2,2026-01-25 09:00,初访→报价
A3,2026-03-15 09:00,初访→报价
A4,2026-04-02 09:00,初访→报价
"""


def test_a_chinese_crm_in_gb18030_with_wan_and_a_history(tmp_path: Path) -> None:
    lake = taken(tmp_path, CRM, gbk_deals=DEALS, gbk_history=HISTORY)
    deals, moves = lake.table("deals").collect(), lake.table("stage_moves").collect()
    rate = funnel.win_rate(deals, as_of=END, first=date(2026, 1, 1), last=END)
    assert (rate.opened, rate.won, rate.lost, rate.open) == (4, 1, 1, 2)
    assert deals.sort("deal_id")["value_minor"].to_list() == [12_500_000, 3_000_000, 8_000_000, 800_000]
    assert deals.sort("deal_id")["owner_staff"].to_list() == ["G1", "G1", "G2", "G2"]
    assert set(stages.order_of(moves)) == {"报价", "签约"}
    assert moves["from_stage"].to_list().count("初访") == 4


WIDE = """
won: &deal
  table: deals
  files: wide.csv
  currency: USD
  columns: &made
    deal_id: Opportunity
    opened_on: {from: Lead, date: "%d/%m/%Y"}
    closed_on: {from: Won, date: "%d/%m/%Y"}
    outcome: {constant: won}
    value_minor: {from: Amount, times: 100}
  exclude: {not_won: {Won: {empty: true}}}
lost:
  <<: *deal
  columns: {<<: *made, closed_on: {from: Lost, date: "%d/%m/%Y"}, outcome: {constant: lost}}
  exclude: {not_lost: {Lost: {empty: true}}}
open:
  <<: *deal
  columns: {deal_id: Opportunity, opened_on: {from: Lead, date: "%d/%m/%Y"}, value_minor: {from: Amount, times: 100}}
  exclude: {was_won: {Won: {empty: false}}, was_lost: {Lost: {empty: false}}}
quoted: &move
  table: stage_moves
  files: wide.csv
  currency: USD
  columns:
    deal_id: Opportunity
    at: {from: Quote, date: "%d/%m/%Y"}
    from_stage: {constant: lead}
    to_stage: {constant: quote}
  exclude: {never: {Quote: {empty: true}}}
"""
ONE_ROW = """Opportunity,Lead,Quote,Won,Lost,Amount
B1,03/01/2026,20/01/2026,15/02/2026,,"1,200.00"
B2,13/01/2026,,,20/01/2026,80
B3,02/02/2026,01/03/2026,,,450
"""


def test_one_row_a_deal_with_a_day_for_each_stage(tmp_path: Path) -> None:
    lake = taken(tmp_path, WIDE, wide=ONE_ROW)
    deals = lake.table("deals").collect().sort("deal_id")
    assert deals.select(pl.col("outcome").cast(pl.String), "closed_on").rows() == [
        ("won", date(2026, 2, 15)), ("lost", date(2026, 1, 20)), (None, None),
    ]  # fmt: skip
    moves = lake.table("stage_moves").collect().sort("deal_id")
    assert moves.select("deal_id", "to_stage").rows() == [("B1", "quote"), ("B3", "quote")]
    assert funnel.win_rate(deals, as_of=END, first=date(2026, 1, 1), last=END).open == 1


DESK = """
tickets:
  table: tickets
  files: desk.csv
  time_zone: Asia/Shanghai
  columns:
    {ticket_id: 单号, customer_id: 会员, opened_at: 受理时间, channel: {constant: phone}, team: 班组, theme: 类型}
opened: &event
  table: ticket_events
  files: desk.csv
  columns: {ticket_id: 单号, event_no: {constant: 1}, at: 受理时间, kind: {constant: opened}}
answered:
  <<: *event
  columns: {ticket_id: 单号, event_no: {constant: 2}, at: 首次回复, kind: {constant: answer_human}, staff_id: 客服}
  exclude: {none: {首次回复: {empty: true}}}
solved:
  <<: *event
  columns: {ticket_id: 单号, event_no: {constant: 3}, at: 办结时间, kind: {constant: solved}, staff_id: 客服}
  exclude: {none: {办结时间: {empty: true}}}
"""
ROW_A_TICKET = """单号,会员,班组,类型,客服,受理时间,首次回复,办结时间
T1,C1,一组,物流,G1,2026-03-02 9:00,2026-03-02 9:20,2026-03-03 10:00
T2,C2,一组,质量,G2,2026-03-02 9:30,2026-03-02 11:00,
T3,C3,二组,物流,,2026-03-04 14:00,,
"""


def test_one_row_a_ticket_with_a_time_for_each_event(tmp_path: Path) -> None:
    lake = taken(tmp_path, DESK, desk=ROW_A_TICKET)
    found = service.tickets(lake.table("ticket_events").collect()).sort("ticket_id")
    answered = found["answered_at"].is_not_null().to_list()
    assert (answered, found["solved_at"].is_not_null().to_list()) == ([True, True, False], [True, False, False])
    assert lake.table("tickets").collect().sort("ticket_id")["team"].to_list() == ["一组", "一组", "二组"]


LOG = """
events:
  table: ticket_events
  files: {files}
  delimiter: ";"
  clock: UTC
  time_zone: Asia/Shanghai
  columns:
    ticket_id: Ticket
    event_no: {{nth_in: Ticket}}
    at: {{from: When, date: "%d.%m.%Y %H:%M:%S"}}
    kind:
      from: New status
      map: {{new: opened, open: answer_human, pending: asked_customer, solved: solved, reopened: reopened}}
    staff_id: {{from: Agent, empty: [-]}}
"""
STATES = """Ticket;When;New status;Agent
17;01.05.2026 01:00:00;new;-
18;01.05.2026 02:00:00;new;-
17;01.05.2026 03:00:00;open;ann
17;01.05.2026 03:00:00;pending;ann
17;03.05.2026 03:00:00;solved;ann
17;04.05.2026 03:00:00;reopened;-
17;05.05.2026 03:00:00;solved;bob
"""


def test_a_log_of_states_without_numbers_in_another_clock(tmp_path: Path) -> None:
    lake = taken(tmp_path, LOG.format(files="log.csv"), log=STATES)
    events = lake.table("ticket_events").collect()
    assert events.filter(pl.col("ticket_id") == "17").sort("event_no")["event_no"].to_list() == [1, 2, 3, 4, 5, 6]
    row = service.tickets(events).sort("ticket_id").row(0, named=True)
    assert (row["closings"], row["reopened"]) == (2, 1)
    assert (row["opened_at"].hour, row["solved_at"].day) == (9, 5), "UTC of the file is the company's clock in the lake"


def again(lake: Lake, **files: str) -> None:
    """The log's files as they are now, into the same lake."""
    folder = lake.path.parent
    for file in folder.glob("*.csv"):
        file.unlink()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    ingest("events", sources=folder / "sources.yml", lake=lake, now=NOW)


def numbers(lake: Lake) -> dict[tuple[str, int], int]:
    """Day of every event by ticket and number."""
    rows = lake.table("ticket_events").select("ticket_id", "event_no", pl.col("at").dt.day()).collect()
    return {(ticket, number): day for ticket, number, day in rows.iter_rows()}


def test_a_log_keeps_its_numbers_when_it_goes_on_or_comes_whole_under_another_name(tmp_path: Path) -> None:
    head, *lines = STATES.splitlines()
    lake = taken(tmp_path, LOG.format(files="'*.csv'"), one="events", may="\n".join([head, *lines[:4]]))
    whole = numbers(taken(tmp_path / "once", LOG.format(files="log.csv"), one="events", log=STATES))
    again(lake, may="\n".join([head, *lines[:5]]))
    again(lake, june="\n".join([head, *lines]))
    assert numbers(lake) == whole, "as if it had been taken once"
    again(lake, july="\n".join([head, "19;06.05.2026 01:00:00;new;-"]))
    assert numbers(lake) == whole | {("19", 1): 6}, "a file of other tickets only"


@pytest.mark.parametrize("later", [slice(4, None), slice(1, None)], ids=["next month", "first row gone"])
def test_a_log_that_begins_in_the_middle_takes_nobodys_place(tmp_path: Path, later: slice) -> None:
    head, *lines = STATES.splitlines()
    lake = taken(tmp_path, LOG.format(files="'*.csv'"), one="events", a="\n".join([head, *lines[:4]]))
    before = numbers(lake)
    with pytest.raises(SourceError) as error:
        again(lake, b="\n".join([head, *lines[later]]))
    assert (error.value.code, error.value.values["column"]) == ("ingest.renumbered", "event_no")
    assert numbers(lake) == before


def test_two_files_at_once_that_number_the_same_ticket_are_refused(tmp_path: Path) -> None:
    head, *lines = STATES.splitlines()
    parts = {"a": "\n".join([head, *lines[:4]]), "b": "\n".join([head, *lines[4:]])}
    with pytest.raises(SourceError) as error:
        taken(tmp_path, LOG.format(files="[a.csv, b.csv]"), one="events", **parts)
    assert error.value.code == "ingest.renumbered"


def test_rows_without_a_time_are_numbered_in_one_file_only(tmp_path: Path) -> None:
    """Neither two at once nor one after the other: nothing says which row a number was."""
    sources = LOG.format(files="'*.csv'").replace("ticket_events", "partners").split("  columns:")[0]
    sources += "  columns: {partner_id: {nth_in: _file}, kind: {constant: terminal}, name: Ticket, region: Agent}\n"
    lake = taken(tmp_path, sources, one="events", a=STATES)
    with pytest.raises(SourceError) as error:
        again(lake, b=STATES)
    assert (error.value.code, error.value.values["files"]) == ("ingest.numbered", 2)
