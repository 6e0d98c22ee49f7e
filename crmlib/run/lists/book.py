"""The register in the lake: what a page proposed is drawn and frozen, and moves on step by step.

A list is a row of `campaigns`, its steps, what each step of the draw left out, and one row per recipient. The steps are
only ever added to, and where a list stands is the last of them. A draw is filed in an order in which a process that
dies leaves either the whole list or rows that nobody reads and the next draw replaces: the campaign comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.data.lake.filed import file_rows, settle
from crmlib.outreach import campaign as life
from crmlib.outreach import register
from crmlib.outreach.campaign import Campaign, State, Step
from crmlib.outreach.permission import ContactRules
from crmlib.outreach.register import NOBODY, Filed, Terms
from crmlib.report.memory import states
from crmlib.run.lists import permitted
from crmlib.run.lists.log import Log

SOURCE = "lists"
"""What the rows say they come from."""
PEN = ".lock-lists"
PROPOSED = re.compile(r"([a-z][a-z0-9_]*)-proposed(?:-[0-9a-f]{8})?")
"""States in which pages keep the candidates of their lists, of the company or of some regions."""
FRESH = timedelta(days=31)
"""What a report proposed so long before its newest list is no longer offered."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A list that a page proposed.

    Parameters
    ----------
    report, as_of : the page and its day.
    eligible, terms : candidates and terms of the list.
    drawn : whether it was drawn, and not cancelled since.
    """

    report: str
    as_of: date
    eligible: pl.DataFrame
    terms: Terms
    drawn: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as it stands.

    Parameters
    ----------
    row : its row of `campaigns`; rows : its rows of `outreach`.
    life : owner, steps, frozen draw.
    """

    row: dict[str, Any]
    rows: pl.DataFrame
    life: Campaign

    @property
    def contact(self) -> pl.DataFrame:
        """Whom to contact."""
        return self.rows.filter(pl.col("group").cast(pl.String) == "contact")


def draw(lake: Lake, asked: str, *, at: datetime, by: str, rules: ContactRules | None = None) -> Filed:
    """Draw the list that a page proposed, and file it.

    Parameters
    ----------
    asked : the page, whose last scheduled run kept the candidates; where it proposed several lists, the list's id.
    at : now; by : who draws, the list's owner.
    rules : the company's caps.

    Raises
    ------
    ModelError
        `outreach.no_proposal`, `outreach.which_proposal`, `outreach.drawn` where the list is drawn already,
        `outreach.empty_list`.
    """
    proposal = proposed(lake, asked)
    eligible, terms = proposal.eligible, replace(proposal.terms, owner=by)
    if terms.standing:
        return file(lake, eligible, terms, at=at, by=by)
    ids, channel = eligible["recipient_id"], terms.channel
    wanted = eligible.select(
        "recipient_id", list_id=pl.lit(terms.list_id), channel=pl.lit(channel), objective=pl.lit(terms.objective)
    )
    found = permitted.addresses(lake, channel, ids, recipient=terms.recipient)
    past = permitted.history(lake, log=Log(lake.path).in_flight(lake.time_zone))
    full = permitted.capped(wanted, past, rules=rules or ContactRules(), on=permitted.local(lake, at).date())
    return file(
        lake, eligible, terms, at=at, by=by,
        consent=permitted.agreed(
            lake, channel, at=at, purpose=permitted.purpose(terms.objective), recipient=terms.recipient
        ),
        suppressed=permitted.blocked(lake, channel, at=at, found=found),
        capped=full["recipient_id"],
        season_held=permitted.season_held(lake, at=at),
    )  # fmt: skip


def proposed(lake: Lake, asked: str) -> Proposal:
    """The one list that `asked` names: by its id, or by its report where that proposed one that is not drawn yet.

    Raises
    ------
    ModelError
        `outreach.no_proposal`; `outreach.which_proposal` where a report proposed several.
    """
    found = [p for p in proposals(lake) if asked in {p.report, p.terms.list_id}]
    if not found:
        raise ModelError("outreach.no_proposal", values={"report": asked[:64]})
    still = [p for p in found if not p.drawn]
    if len(still) > 1:
        known = ", ".join(p.terms.list_id for p in still)
        raise ModelError("outreach.which_proposal", values={"report": asked, "lists": len(still), "known": known})
    return (still or found)[-1]


def proposals(lake: Lake) -> list[Proposal]:
    """What pages proposed last, by report and what each run was asked for; within a report the oldest first."""
    found = []
    for table, report in ((m[0], m[1]) for m in map(PROPOSED.fullmatch, lake.states()) if m):
        kept = states.kept(lake, table)
        if kept is None:
            continue
        told = kept.drop_nulls(states.ASKED)
        for rows in (told if told.height else kept).partition_by(states.ASKED):
            last = rows.filter(pl.col("as_of") == pl.col("as_of").max())
            terms = register.from_text(str(last["terms"][0]))
            versions = _versions(lake, terms.list_id)
            drawn = bool(versions) and versions[-1][1] not in {"cancelled", "expired"}
            shown = last.drop("as_of", "terms", states.ASKED)
            found.append(Proposal(report, last["as_of"][0], shown, terms, drawn))
    newest = {report: max(p.as_of for p in found if p.report == report) for report in {p.report for p in found}}
    fresh = [p for p in found if p.as_of > newest[p.report] - FRESH]
    return sorted(fresh, key=lambda p: (p.report, p.as_of, p.terms.list_id))


def file(
    lake: Lake,
    eligible: pl.DataFrame,
    terms: Terms,
    *,
    at: datetime,
    by: str,
    consent: pl.Series | None = None,
    suppressed: pl.Series = NOBODY,
    capped: pl.Series = NOBODY,
    season_held: pl.Series = NOBODY,
) -> Filed:
    """Draw a list and file it: after this nothing of it changes but where it stands.

    Raises
    ------
    ModelError
        `outreach.drawn` for a list that has been drawn and not cancelled.
    """
    with lake.writing(PEN):
        earlier = _versions(lake, terms.list_id)
        if earlier and earlier[-1][1] not in {"cancelled", "expired"}:
            raise ModelError("outreach.drawn", values={"list": terms.list_id})
        version = earlier[-1][0] + 1 if earlier else 1
        filed = register.make(
            eligible, terms, key=pseudonyms.key_of(lake.path), at=at, version=version, consent=consent,
            suppressed=suppressed, capped=capped, season_held=season_held,
        )  # fmt: skip
        where: dict[str, str | int] = {"list_id": terms.list_id, "version": version}
        for name, rows in (("outreach", filed.rows), ("draws", filed.draws), ("campaign_steps", filed.steps)):
            settle(lake, CONTRACTS[name], rows, where=where, by=by, now=at)
        batch = f"list-{terms.list_id}-{version}"
        file_rows(lake, CONTRACTS["campaigns"], filed.campaign, batch=batch, source=SOURCE, by=by, now=at)
    return filed


def find(lake: Lake, list_id: str) -> Listed:
    """A list's newest version, if its draw is still the one that was frozen.

    Raises
    ------
    ModelError
        `outreach.no_list`; `outreach.drawn` for rows edited, added or taken away after the draw.
    """
    versions = _versions(lake, list_id)
    if not versions:
        raise ModelError("outreach.no_list", values={"list": list_id[:64], "known": ", ".join(names(lake)[-9:]) or "-"})
    this = (pl.col("list_id") == list_id) & (pl.col("version") == versions[-1][0])
    row = lake.table("campaigns").filter(this).collect().row(0, named=True)
    rows = lake.table("outreach").filter(this).collect()
    steps = lake.table("campaign_steps").filter(this).sort("at", "state").collect()
    done = tuple(Step(s, a, who) for s, a, who in steps.select("state", "at", "actor").iter_rows())
    where = done[-1].state if done else "draft"
    lived = Campaign(
        list_id, row["version"], row["owner"], row["planned_at"], row["window_days"], (), where, done,
        register.frozen(row, rows),
    )  # fmt: skip
    return Listed(row | {"state": where}, rows, lived)


def names(lake: Lake) -> list[str]:
    """Ids of all lists, oldest first."""
    if not lake.has("campaigns"):
        return []
    return (
        lake.table("campaigns").sort("planned_at", "list_id").collect()["list_id"].unique(maintain_order=True).to_list()
    )


def move(lake: Lake, listed: Listed, to: State, *, at: datetime, by: str, note: str | None = None) -> Listed:
    """Move a list on: its step is added, then its row says so.

    Raises
    ------
    ModelError
        What `campaign.advance` refuses.
    """
    lived = life.advance(listed.life, to, at=at, actor=by)
    key: dict[str, str | int] = {"list_id": lived.list_id, "version": lived.version}
    step = pl.DataFrame(
        [{**key, "state": to, "at": at, "actor": by, "note": note}], schema_overrides={"note": pl.String}
    )
    batch = f"list-{lived.list_id}-{lived.version}-{to}"
    file_rows(lake, CONTRACTS["campaign_steps"], step, batch=batch, source=SOURCE, by=by, now=at)
    row = listed.row | {"state": to}
    if to == "approved":
        row |= {"approved_by": by, "approved_at": at}
    if to == "sending":
        row |= {"send_from": at}
    if to == "sent":
        row |= {"send_to": at}
    _put(lake, "campaigns", pl.DataFrame([row], schema=lake.table("campaigns").collect_schema()), key, by=by, at=at)
    return Listed(row, listed.rows, lived)


def step(lake: Lake, list_id: str, to: State, *, at: datetime, by: str) -> Listed:
    """Move a list on while nobody else can: of two who do it at once, one is refused.

    Raises
    ------
    ModelError
        What `find` and `campaign.advance` refuse.
    """
    with lake.writing(PEN):
        return move(lake, find(lake, list_id), to, at=at, by=by)


def waiting(lake: Lake, reports: Iterable[str]) -> list[Proposal]:
    """Proposals of these reports that nobody has drawn yet."""
    asked = set(reports)
    return [p for p in proposals(lake) if p.report in asked and not p.drawn]


def put_rows(lake: Lake, listed: Listed, rows: pl.DataFrame, *, by: str, at: datetime) -> Listed:
    """Settle how far each message of a list came; who was drawn, and where, stays as it was frozen."""
    register.frozen(listed.row, rows)
    _put(lake, "outreach", rows, {"list_id": listed.life.list_id, "version": listed.life.version}, by=by, at=at)
    return Listed(listed.row, rows, listed.life)


def _put(lake: Lake, name: str, rows: pl.DataFrame, where: dict[str, str | int], *, by: str, at: datetime) -> None:
    settle(lake, CONTRACTS[name], rows, where=where, by=by, now=at)


def _versions(lake: Lake, list_id: str) -> list[tuple[int, str]]:
    """Version and state of each version of a list, oldest first."""
    if not lake.has("campaigns"):
        return []
    rows = lake.table("campaigns").filter(pl.col("list_id") == list_id).select("version").collect()
    steps = lake.table("campaign_steps").filter(pl.col("list_id") == list_id).sort("at", "state").collect()
    last = dict(steps.select("version", pl.col("state").cast(pl.String)).iter_rows())
    return [(v, last.get(v, "draft")) for v in sorted(rows["version"].to_list())]
