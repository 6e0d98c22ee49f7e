"""What may be said of an ended promotion, and what to do next time: one rule for every page.

The sign of the net margin is certain only where both ends of its range (`review.Review`) lie on one side of zero; a
gain is believed only where another method agrees with the model and no sign of selection is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Verdict = Literal[
    "unjudged", "unclear", "drop", "least", "unpriced", "costly", "even_loss", "even_gain", "weak", "doubt", "gain"
]
Doubt = Literal["apart", "fires", "alone"]
Money = Literal["unjudged", "earned", "lost", "even"]
Advice = Literal["repeat", "change", "stop", "measure", "holdout"]

ADVICE: Mapping[Verdict, Advice] = {
    "gain": "repeat",
    "doubt": "measure",
    "weak": "measure",
    "least": "measure",
    "unpriced": "measure",
    "even_gain": "measure",
    "even_loss": "change",
    "costly": "change",
    "drop": "stop",
    "unclear": "measure",
    "unjudged": "holdout",
}


def doubt(event: Mapping[str, Any]) -> Doubt | None:
    """What denies the effect: methods disagree, unseen demand would explain it, or no other method could look at it.

    event : a row of `Review.events`.
    """
    if event["agrees"] is False:
        return "apart"
    if event["fires"]:
        return "fires"
    return "alone" if event["agrees"] is None else None


def money(event: Mapping[str, Any]) -> Money:
    """Whether the margin was earned or lost; even: its range holds zero, or is not known."""
    net, low, high = (event[f"net_margin{end}_minor"] for end in ("", "_low", "_high"))
    if net is None:
        return "unjudged"
    if low is None or high is None:
        return "even"
    return "earned" if low > 0 else "lost" if high < 0 else "even"


def verdict(event: Mapping[str, Any]) -> Verdict:
    """What the checks leave to be said.

    unclear : the interval of the units holds zero. least : known against the shallowest offer only. unpriced : units
    without a margin. costly, even_loss, even_gain : the margin surely lost, or not sure and below or above zero.
    weak : a gain told from depth and time alone. doubt : a gain that some check denies.

    Examples
    --------
    >>> row = {"lift_milli": 9, "low_milli": 5, "high_milli": 12, "net_margin_minor": 30, "net_margin_low_minor": 10,
    ...     "net_margin_high_minor": 50, "agrees": True, "fires": False, "engine": "model", "against": None}
    >>> verdict(row), verdict(row | {"net_margin_low_minor": -1}), verdict(row | {"agrees": None})
    ('gain', 'even_gain', 'doubt')
    """
    low, high = event["low_milli"], event["high_milli"]
    if event["lift_milli"] is None:
        return "unjudged"
    if low is None or high is None or low <= 0 <= high:
        return "unclear"
    return "drop" if high < 0 else _worth(event)


def _worth(event: Mapping[str, Any]) -> Verdict:
    """Of an event that surely sold more: what its margin says."""
    by_depth, kind = event.get("engine") == "response", money(event)
    if by_depth and event["against"] != "none":
        return "least"
    if kind == "even":
        return "even_loss" if event["net_margin_minor"] <= 0 else "even_gain"
    if kind == "earned":
        return "weak" if by_depth else "doubt" if doubt(event) else "gain"
    return "costly" if kind == "lost" else "unpriced"
