"""The life of a list: eligible → … → drawn → approved → sending → sent → closed → read out; frozen by the draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from crmlib.core.errors import ModelError
from crmlib.outreach.draw import Drawn, check_frozen, drawn_already

State = Literal["draft", "drawn", "approved", "sending", "sent", "closed", "read_out", "cancelled", "expired"]
STATES: tuple[State, ...] = get_args(State)
NEXT: dict[State, tuple[State, ...]] = {
    "draft": ("drawn", "cancelled", "expired"),
    "drawn": ("approved", "cancelled", "expired"),
    "approved": ("sending", "cancelled", "expired"),
    "sending": ("sent", "cancelled"),
    "sent": ("closed",),
    "closed": ("read_out",),
    "read_out": (), "cancelled": (), "expired": (),
}  # fmt: skip
SEND_WITHIN_DAYS = 14


@dataclass(frozen=True, slots=True)
class Step:
    """One move: the state reached, when, by whom."""

    state: State
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """One version of a list.

    Parameters
    ----------
    list_id, version : which.
    owner : who made it; may not approve it.
    planned_at : when it was planned; sending ends within 14 days.
    window_days : days in which an outcome counts.
    terms : what the list says and offers (message, offer, channel, …); frozen by the draw.
    state, steps : where it stands and how it came there.
    drawn : the frozen draw.
    """

    list_id: str
    version: int
    owner: str
    planned_at: datetime
    window_days: int
    terms: tuple[tuple[str, str], ...] = ()
    state: State = "draft"
    steps: tuple[Step, ...] = ()
    drawn: Drawn | None = None

    def closes_on(self) -> date:
        """Last day on which an outcome counts, from the day sending ended.

        Raises
        ------
        ModelError
            `outreach.state` before it was sent.
        """
        sent = [step.at for step in self.steps if step.state == "sent"]
        if not sent:
            raise _not_now(self.state, "closed")
        return (sent[-1] + timedelta(days=self.window_days)).date()


def edit(campaign: Campaign, **terms: str) -> Campaign:
    """Change terms of a draft.

    Raises
    ------
    ModelError
        `outreach.drawn` after the draw.
    """
    if campaign.state != "draft":
        raise drawn_already(campaign.list_id)
    return replace(campaign, terms=tuple(sorted({**dict(campaign.terms), **terms}.items())))


def freeze(campaign: Campaign, drawn: Drawn, *, at: datetime, actor: str) -> Campaign:
    """Take over a draw; there is one per version.

    Raises
    ------
    ModelError
        `outreach.drawn` if there is one already, or if it belongs to another list or version.
    """
    if campaign.drawn is not None or (drawn.list_id, drawn.version) != (campaign.list_id, campaign.version):
        raise drawn_already(campaign.list_id)
    check_frozen(drawn)
    return replace(advance(campaign, "drawn", at=at, actor=actor), drawn=drawn)


def advance(campaign: Campaign, to: State, *, at: datetime, actor: str) -> Campaign:
    """Move on by one state.

    Raises
    ------
    ModelError
        `outreach.state` for a move that does not exist, a step back in time, or sending too late;
        `outreach.own_approval`; `outreach.window_open` for closing before the window is over.
    """
    if to not in NEXT[campaign.state] or (campaign.steps and at < campaign.steps[-1].at):
        raise _not_now(campaign.state, to)
    if to == "approved" and actor == campaign.owner:
        raise ModelError("outreach.own_approval")
    if to == "sending" and at > campaign.planned_at + timedelta(days=SEND_WITHIN_DAYS):
        raise _not_now("expired", to)
    if to == "closed" and at.date() <= campaign.closes_on():
        raise ModelError(
            "outreach.window_open", values={"at": at.date().isoformat(), "closes": campaign.closes_on().isoformat()}
        )
    return replace(campaign, state=to, steps=(*campaign.steps, Step(to, at, actor)))


def _not_now(state: str, to: str) -> ModelError:
    return ModelError("outreach.state", values={"state": state, "to": to})
