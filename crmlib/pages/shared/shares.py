"""Shares of a pyramid, as a parameter."""

from __future__ import annotations

from crmlib.core.errors import ModelError
from crmlib.scoring.pyramid import parse_shares


def checked_shares(shares: str) -> str:
    """`shares` if it is a list of cumulative percentages like ``"1/5/20"``.

    Examples
    --------
    >>> checked_shares("1 / 5 / 20")
    '1 / 5 / 20'
    """
    try:
        parse_shares(shares)
    except ModelError as refused:
        raise ValueError(refused.expected) from None
    return shares
