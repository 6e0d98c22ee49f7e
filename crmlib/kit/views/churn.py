"""The tables of churn, set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as style
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

COUNTS = frozenset(
    {"active_start", "new", "won_back", "lost", "moved_in", "moved_out", "active_end", "revised", "reached", "still"}
    | {"customers", "filled", "treated", "left_alone", "came_treated", "came_held_out", "entries", "listed", "came"}
    | {"origins", "rows", "week", "at_risk", "returned", "bin", "n", "rank", "silent_days"}
)
SHARES = frozenset(
    {"share", "effect", "low", "high", "churn", "hazard", "gone", "expected", "observed", "said", "churn_risk"}
)
MONEY = frozenset(
    {
        "at_risk_minor",
        "sales_at_risk_minor",
        "value_minor",
        "cost_minor",
        "net_minor",
        "net_profit_minor",
        "net_low_minor",
        "net_high_minor",
    }
)
NUMBERS = {"auc": 3, "auc_low": 3, "auc_high": 3, "auc_worst": 3, "gain": 3, "gain_low": 3, "gain_high": 3}
NUMBERS |= {"average_precision": 3, "lift": 2, "lift_max": 2, "brier": 4, "ece": 3, "ece_null": 3, "psi": 3}
NUMBERS |= {"observed_ratio": 2, "extra": 1, "expected_away": 0, "usual_gap": 0, "time": 0}
WIDTHS = {"reason": "13em", "suggestion": "9em", "stage": "8em", "owner": "4em", "list": "5em", "population": "6em"}
WIDTHS |= {"contestant": "9em", "silent_days": "6em", "name": "7em"}
DAYS = frozenset({"starts_on", "ends_on", "sent_on", "due_on", "came_on", "last_day", "listed_on", "lost_on"})


def show(
    frame: pl.DataFrame,
    *,
    words: Words,
    hide: tuple[str, ...] = (),
    exclude_shares: tuple[str, ...] = (),
    sales: bool = False,
) -> GT:
    """Any table of churn: every column has one meaning here, so its form follows from its name.

    Parameters
    ----------
    exclude_shares : columns that are ratios here, e.g. the bounds of observed ÷ expected.
    sales : no cost is known, so what is at risk are sales and not margin.
    """
    if sales and "at_risk_minor" in frame.columns:
        frame = frame.rename({"at_risk_minor": "sales_at_risk_minor"})
    present = [c for c in frame.columns if c not in hide]
    ratios = {c: 2 for c in exclude_shares if c in present}
    from great_tables.loc import body  # noqa: PLC0415 - a third of a second, only where a table is shown
    from great_tables.style import css  # noqa: PLC0415

    view = style.table(
        frame,
        words=words,
        money=[c for c in present if c in MONEY],
        counts=[c for c in present if c in COUNTS],
        shares=[c for c in present if c in SHARES and c not in ratios],
        numbers={c: d for c, d in NUMBERS.items() if c in present} | ratios,
        days=[c for c in present if c in DAYS],
        hide=list(hide),
    )
    for column, width in WIDTHS.items():
        if column in present:  # on a phone the table scrolls instead of breaking a reason into single characters
            view = view.tab_style(css(f"min-width: {width}"), body(columns=column))
    return view
