"""What a list brought, read by its frozen draw.

Everybody drawn counts where the draw put them, reached or not: leaving out the unreached made +3.0 points of nothing.
`came` is a difference of shares (Newcombe 1998), money a cut, post-stratified difference with CUPED (`money`). Sizes
that do not fit the draw (χ², p < .001), or a contacted control, withhold the effect. Only harm may stop a list early
(O'Brien–Fleming). A member on two open lists counts in both, and the overlap is printed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.experiments import bound, sizes
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import newcombe
from crmlib.outreach.draw import Drawn, check_frozen
from crmlib.outreach.money import Difference, difference
from crmlib.outreach.power import shows

Verdict = Literal["pays", "costs", "not_shown", "harm", "not_measurable", "broken"]
MIN_GROUP = 30
SRM_P = 0.001


@dataclass(frozen=True, slots=True)
class ReadOut:
    """Effect of one list.

    Parameters
    ----------
    n_contact, n_control, came_contact, came_control : people, by the draw.
    effect, low, high : difference in the share that came, 95 %; null where withheld.
    money : difference per head [minor units]; null where withheld or no money is known.
    raw_contact_minor, raw_control_minor : sums as they are, never cut.
    cost_minor : all costs.
    net_minor, net_low_minor, net_high_minor : money per head × contacted × margin − costs.
    srm_p : p of the groups' sizes; overlap : people on another open list as well.
    verdict : in one word.
    """

    n_contact: int
    n_control: int
    came_contact: int
    came_control: int
    effect: float | None
    low: float | None
    high: float | None
    money: Difference | None
    raw_contact_minor: int
    raw_control_minor: int
    cost_minor: int
    net_minor: int | None
    net_low_minor: int | None
    net_high_minor: int | None
    srm_p: float
    overlap: int
    verdict: Verdict


def read_out(
    drawn: Drawn,
    outcomes: AnyFrame,
    *,
    margin: float,
    cost_minor: int,
    planned: float | None = None,
    on_other_lists: Collection[str] = (),
    look: int = 1,
    looks: int = 1,
) -> ReadOut:
    """Read a closed list (or look early for harm).

    Parameters
    ----------
    drawn : the frozen draw.
    outcomes : recipient_id, came (0/1), net_minor, and if known before_minor (a year before) and contacted (whether
        anything was sent). Drawn recipients without a row did not come.
    margin : margin of a unit of spend [share].
    cost_minor : all contacts, gifts and discounts, free riders included.
    planned : planned effect [share]; what the list cannot show is `not_measurable`.
    on_other_lists : recipients on another open list.
    look, looks : look number and how many are planned; before the last one only `harm` is a verdict.

    Raises
    ------
    ModelError
        `outreach.drawn`, `outreach.control_contacted`, `outreach.no_control`.
    """
    check_frozen(drawn)
    rows = _joined(drawn, outcomes)
    contact = (rows["group"] == "contact").to_numpy()
    n1, n0 = int(contact.sum()), int((~contact).sum())
    _refuse_contacted(rows)
    p = _sizes_p(drawn, n1, n0)
    if p >= SRM_P:
        _refuse_no_control(n1, n0)
    came, spent = rows["came"].to_numpy(), rows["net_minor"].to_numpy().astype(np.float64)
    k1, k0 = int(came[contact].sum()), int(came[~contact].sum())
    overlap = int(rows["recipient_id"].is_in(list(on_other_lists)).sum())
    sums = int(spent[contact].sum()), int(spent[~contact].sum())
    head = (n1, n0, k1, k0)
    if p < SRM_P:
        return ReadOut(*head, None, None, None, None, *sums, cost_minor, None, None, None, p, overlap, "broken")
    effect, low, high = (float(v) for v in newcombe(k1, n1, k0, n0))
    before = rows["before_minor"].to_numpy().astype(np.float64) if "before_minor" in rows.columns else None
    code = rows["stratum"].rank("dense").to_numpy().astype(np.int64) - 1
    money = difference(spent, contact, stratum=code, before=before)
    net, net_low, net_high = (round(v * n1 * margin) - cost_minor for v in (money.effect, money.low, money.high))
    weak = planned is not None and shows(n1 + n0, control_bp=drawn.control_bp, base=k0 / n0) > planned
    verdict = _verdict(
        (effect, low, high),
        money,
        (net_low, net_high),
        weak=weak,
        edge=bound(look=look, looks=looks),
        last=look == looks,
    )
    return ReadOut(*head, effect, low, high, money, *sums, cost_minor, net, net_low, net_high, p, overlap, verdict)


def _joined(drawn: Drawn, outcomes: AnyFrame) -> pl.DataFrame:
    found = to_polars(outcomes, needs=["came", "net_minor"], name="outcomes", key="recipient_id")
    strangers = found.join(drawn.table, on="recipient_id", how="anti").height
    if strangers:
        raise ModelError("outreach.strangers", values={"strangers": strangers})
    known = [c for c in ("came", "net_minor", "before_minor", "contacted") if c in found.columns]
    joined = drawn.table.join(
        found.select("recipient_id", *known), on="recipient_id", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col(c).fill_null(0 if c != "contacted" else False) for c in known)


def _sizes_p(drawn: Drawn, n1: int, n0: int) -> float:
    """P of the sizes against the draw: ⌈p·n⌉ per stratum is more than p·n, which is no fault."""
    per = drawn.table.group_by("stratum").len()["len"].to_list()
    due = sum((n * drawn.control_bp + 9_999) // 10_000 for n in per)
    return sizes(treated=n1, held=n0, held_bp=round(due * 10_000 / max(sum(per), 1)))[1]


def _refuse_contacted(rows: pl.DataFrame) -> None:
    if "contacted" not in rows.columns:
        return
    count = rows.filter(pl.col("group") == "control", pl.col("contacted").cast(pl.Boolean)).height
    if count:
        raise ModelError("outreach.control_contacted", values={"contacted": count})


def _refuse_no_control(n1: int, n0: int) -> None:
    if min(n1, n0) < MIN_GROUP:
        raise ModelError("outreach.no_control", values={"contact": n1, "control": n0, "least": MIN_GROUP})


def _verdict(
    came: tuple[float, float, float],
    money: Difference,
    net: tuple[float, float],
    *,
    weak: bool,
    edge: float,
    last: bool,
) -> Verdict:
    half = (came[2] - came[1]) / (2 * 1.96)
    if (half > 0 and came[0] / half < -edge) or (money.se > 0 and money.effect / money.se < -edge):
        return "harm"
    if not last:
        return "not_shown"
    if net[0] > 0:
        return "pays"
    if net[1] < 0:
        return "costs"
    return "not_measurable" if weak else "not_shown"
