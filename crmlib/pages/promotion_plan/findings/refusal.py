"""Before the event, where no forecast can be made: why, instead of figures."""

from __future__ import annotations

from datetime import timedelta

from crmlib.core.errors import ModelError
from crmlib.kit.finding import Answer
from crmlib.kit.words import Words
from crmlib.promotion.plan.planning import Draft

REFUSED = ("out_of_season", "no_slot", "few_events", "none_judged", "no_base")
"""Refusals of the model that the answer says in a planner's words."""


def refused(why: ModelError, draft: Draft, *, words: Words) -> Answer:
    """No forecast, and why: never 0 units, never a green light."""
    code = why.code.removeprefix("promotion.")
    kind = code if code in REFUSED else "other"
    last = draft.first_day + timedelta(days=draft.days - 1)
    form = words.format
    values = {"category": draft.category, "first": form.day(draft.first_day), "last": form.day(last)}
    return Answer(sentence=words(f"promotion_plan.refused.{kind}", **values), figures=())
