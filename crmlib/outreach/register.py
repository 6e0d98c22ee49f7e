"""The register's rows of a list: one draw, written down once, the same for every list of the product.

Eligible → consent → suppression → caps → capacity → draw → frozen. What is filed is a campaign, its steps, what each
step left out, and one row per recipient drawn, contacted or not. A list whose members are drawn by the month's standing
draw (`standing`) brings `held`; every other list is drawn here. Whoever is filed can be checked again by anybody who
has the key: numbers, groups and seal must be what the key says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach import draw as drawing
from crmlib.outreach.funnel import Funnel, funnel
from crmlib.outreach.power import Plan, plan, shows
from crmlib.outreach.read_out import MIN_GROUP

NOBODY = pl.Series("recipient_id", [], dtype=pl.String)
STANDING_BP = 1000
"""Share of members whom the standing lists of a month leave alone [basis points]."""
EXTRA = ("reason_code", "value_minor", "product_1", "product_2", "product_3", "store_id", "send_slot", "channel")
KINDS = {"value_minor": pl.Int64}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a list is; nothing of it changes after the draw.

    Parameters
    ----------
    list_id : letters, digits, `.`, `_`, `-`; one list, several versions.
    name, objective, channel, owner : what readers see, what it is for, by which means, who made it.
    window_days : days in which an outcome counts.
    control_bp : share left alone [basis points]; without it the smallest that shows `planned`, or 1,000.
    base, planned : share that comes without contact, and the effect hoped for [share].
    strata, cluster : columns within which, and as whom, is drawn.
    standing : the month's draw that left its members alone, where the list does not draw itself.
    """

    list_id: str
    name: str
    objective: str
    channel: str
    owner: str
    window_days: int = 28
    outcome: str = "came"
    recipient: str = "member"
    control_bp: int | None = None
    base: float | None = None
    planned: float | None = None
    strata: tuple[str, ...] = ()
    cluster: str | None = None
    capacity: int | None = None
    standing: str = ""
    season_id: str | None = None
    promotion_id: str | None = None
    bundle_id: str | None = None
    message_id: str | None = None
    message_version: int | None = None
    pooled_with: str | None = None
    cost_fixed_minor: int = 0
    eligible_rule: str = "{}"

    def as_text(self) -> str:
        """As JSON, for a proposal that waits for its draw."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def from_text(text: str) -> Terms:
    """What `Terms.as_text` wrote.

    Examples
    --------
    >>> terms = Terms("L1", "x", "repeat", "sms", "li", strata=("tier",))
    >>> from_text(terms.as_text()) == terms
    True
    """
    given: dict[str, Any] = json.loads(text)
    return Terms(**{**given, "strata": tuple(given["strata"])})


@dataclass(frozen=True, slots=True)
class Filed:
    """A list as the register holds it, in the columns of the contracts, without where the rows came from.

    Parameters
    ----------
    campaign : one row of `campaigns`; steps : `campaign_steps`; draws : what each step left out.
    rows : `outreach`, one row per recipient drawn or held out for the season.
    drawn : the frozen draw.
    plan : what the list can show.
    """

    campaign: pl.DataFrame
    steps: pl.DataFrame
    draws: pl.DataFrame
    rows: pl.DataFrame
    drawn: drawing.Drawn
    plan: Plan

    def of(self, group: str) -> pl.DataFrame:
        """Recipients of one group: contact, control or season."""
        return self.rows.filter(pl.col("group") == group)


def make(
    eligible: AnyFrame,
    terms: Terms,
    *,
    key: bytes,
    at: datetime,
    version: int = 1,
    consent: pl.Series | None = None,
    suppressed: pl.Series = NOBODY,
    capped: pl.Series = NOBODY,
    season_held: pl.Series = NOBODY,
) -> Filed:
    """Draw a list and write it down.

    Parameters
    ----------
    eligible : recipient_id and, where known, reason_code, value_minor, product_1 … 3, store_id, send_slot, channel,
        the columns of the strata, and `held` for a standing list.
    key : the lake's secret.
    at : when it is drawn and frozen.
    consent : who agreed to the channel; none asks nobody (service, in the store).
    suppressed, capped : who may not be contacted now.
    season_held : who stands on no list this season: filed, never contacted, not part of the draw.

    Raises
    ------
    ModelError
        `outreach.empty_list`, `outreach.bad_list_id`, `outreach.bad_id`, `outreach.control_small`.
    """
    _check_id(terms.list_id)
    table = to_polars(eligible, name="eligible", key="recipient_id")
    if "value_minor" not in table.columns:
        table = table.with_columns(value_minor=pl.lit(None, dtype=pl.Int64))
    away = table.filter(pl.col("recipient_id").is_in(season_held.implode()))
    open_ = table.filter(~pl.col("recipient_id").is_in(season_held.implode()))
    agreed = table["recipient_id"] if consent is None else consent
    through = funnel(open_, consent=agreed, suppressed=suppressed, capped=capped, capacity=terms.capacity)
    if through.left.is_empty():
        raise ModelError("outreach.empty_list", values={"list": terms.list_id, "eligible": table.height})
    sized = _sized(terms, through.left.height)
    drawn = _drawn(through.left, terms, sized.control_bp, key=key, version=version)
    return Filed(
        _campaign(terms, sized, key=key, at=at, version=version, seal=drawn.seal),
        _steps(terms, at=at, version=version),
        through.steps.select(list_id=pl.lit(terms.list_id), version=pl.lit(version, dtype=pl.Int32), **_same(through)),
        _rows(through.left, away, drawn, terms, key=key),
        drawn,
        sized,
    )


def _same(through: Funnel) -> dict[str, pl.Expr]:
    return {name: pl.col(name) for name in through.steps.columns}


def _check_id(list_id: str) -> None:
    if not list_id or len(list_id) > 64 or not all(sign.isalnum() or sign in "._-" for sign in list_id):
        raise ModelError("outreach.bad_list_id", values={"list": list_id[:64]})


def _sized(terms: Terms, people: int) -> Plan:
    """The share left alone and what it shows."""
    base = 0.25 if terms.base is None else terms.base
    if terms.standing or terms.control_bp is not None or terms.planned is None:
        control = STANDING_BP if terms.control_bp is None else terms.control_bp
        found = shows(people, control_bp=control, base=base)
        return Plan(people, control, found, measurable=terms.planned is None or found <= terms.planned)
    return plan(people, base=base, planned=terms.planned)


def _drawn(left: pl.DataFrame, terms: Terms, control_bp: int, *, key: bytes, version: int) -> drawing.Drawn:
    """The draw of this list, or the standing draw's groups under this list's seal."""
    if not terms.standing and control_bp:
        return drawing.draw(
            left, list_id=terms.list_id, version=version, key=key, control_bp=control_bp, strata=terms.strata,
            cluster=terms.cluster,
        )  # fmt: skip
    hashed = drawing.numbers(left["recipient_id"], list_id=terms.standing or terms.list_id, key=key)
    held = pl.col("held") if terms.standing else pl.lit(value=False)
    table = left.select(
        "recipient_id",
        group=pl.when(held).then(pl.lit("control")).otherwise(pl.lit("contact")),
        stratum=pl.lit("all"),
        draw_u=pl.Series([f"{u:016x}" for u in hashed.tolist()], dtype=pl.String),
    ).sort("recipient_id")
    sealed = drawing.seal(table, list_id=terms.list_id, version=version)
    return drawing.Drawn(table, terms.list_id, version, control_bp, sealed)


def key_id(key: bytes) -> str:
    """What a key is known by, without giving it away."""
    return sha256(b"crmlib list key\0" + key).hexdigest()[:12]


def _campaign(terms: Terms, sized: Plan, *, key: bytes, at: datetime, version: int, seal: str) -> pl.DataFrame:
    given = asdict(terms)
    taken = ("list_id", "name", "objective", "recipient", "season_id", "promotion_id", "bundle_id", "channel",
             "message_id", "message_version", "eligible_rule", "capacity", "window_days", "outcome", "pooled_with",
             "cost_fixed_minor", "owner")  # fmt: skip
    row: dict[str, Any] = {
        **{name: given[name] for name in taken},
        "version": version,
        "strata": list(terms.strata),
        "control_bp": sized.control_bp,
        "draw": "cluster_hmac" if terms.cluster else "hmac",
        "standing": terms.standing or None,
        "key_id": key_id(key),
        "seal": seal,
        "planned_at": at,
        "planned_effect_bp": None if terms.planned is None else round(terms.planned * 10_000),
        "base_bp": None if terms.base is None else round(terms.base * 10_000),
        "shows_bp": round(sized.shows * 10_000),
        "state": "drawn",
        "frozen_at": at,
    }
    return pl.DataFrame([row], infer_schema_length=None)


def _steps(terms: Terms, *, at: datetime, version: int) -> pl.DataFrame:
    row = {"list_id": terms.list_id, "version": version, "state": "drawn", "at": at, "actor": terms.owner}
    return pl.DataFrame([row])


def _rows(left: pl.DataFrame, away: pl.DataFrame, drawn: drawing.Drawn, terms: Terms, *, key: bytes) -> pl.DataFrame:
    """One row per recipient drawn, in order of worth, and one per recipient held out for the season."""
    known = [name for name in EXTRA if name in left.columns]
    season = away.select("recipient_id", group=pl.lit("season"), stratum=pl.lit("season"))
    hashed = drawing.numbers(season["recipient_id"], list_id=terms.season_id or terms.list_id, key=key)
    season = season.with_columns(draw_u=pl.Series([f"{u:016x}" for u in hashed.tolist()], dtype=pl.String))
    every = pl.concat([drawn.table, season], how="vertical_relaxed")
    both = pl.concat([left, away], how="vertical_relaxed").select("recipient_id", *known)
    rows = every.join(both, on="recipient_id", how="left", maintain_order="left")
    blank = [pl.lit(None, dtype=KINDS.get(n, pl.String)).alias(n) for n in EXTRA if n not in known]
    rows = rows.with_columns(blank)
    contact = pl.col("group") == "contact"
    order = pl.col("value_minor").fill_null(0).rank("ordinal", descending=True).over("group")
    return rows.with_columns(
        list_id=pl.lit(drawn.list_id), version=pl.lit(drawn.version, dtype=pl.Int32),
        recipient=pl.lit(terms.recipient), rank=pl.when(contact).then(order.cast(pl.Int32)),
        reason_code=pl.col("reason_code").fill_null(terms.objective),
        channel=pl.when(contact).then(pl.col("channel").fill_null(terms.channel)),
        status=pl.lit("not_sent"), cost_minor=pl.lit(0, dtype=pl.Int64),
    )  # fmt: skip


def season(members: pl.Series, *, season_id: str, key: bytes, holdout_bp: int = drawing.SEASON_BP) -> pl.DataFrame:
    """Rows of `outreach` of whoever stands on no list of a season, by the season's own numbers.

    Parameters
    ----------
    members : ids of everybody who is there when it is drawn; who joins later moves nobody and is not held out.

    Raises
    ------
    ModelError
        `outreach.bad_list_id`; `outreach.season_small` where fewer than 30 would be held out: nothing could be read.
    """
    _check_id(season_id)
    held = members.filter(drawing.season(members, season_id=season_id, key=key, holdout_bp=holdout_bp)).sort()
    if held.len() < MIN_GROUP:
        raise ModelError(
            "outreach.season_small", values={"members": members.len(), "held": held.len(), "least": MIN_GROUP}
        )
    hashed = drawing.numbers(held, list_id=season_id, key=key)
    return held.rename("recipient_id").to_frame().select(
        "recipient_id", list_id=pl.lit(season_id), version=pl.lit(1, dtype=pl.Int32), recipient=pl.lit("member"),
        group=pl.lit("season"), stratum=pl.lit("season"), reason_code=pl.lit("season"), status=pl.lit("not_sent"),
        draw_u=pl.Series([f"{u:016x}" for u in hashed.tolist()], dtype=pl.String),
        cost_minor=pl.lit(0, dtype=pl.Int64),
    )  # fmt: skip


def frozen(campaign: dict[str, Any], rows: pl.DataFrame) -> drawing.Drawn:
    """The draw of a filed list, if it is still the one that was frozen.

    Parameters
    ----------
    campaign : its row of `campaigns`; rows : its rows of `outreach`.

    Raises
    ------
    ModelError
        `outreach.drawn` for a list that was edited, enlarged or cut after its draw.
    """
    table = rows.filter(pl.col("group").cast(pl.String) != "season").select(
        "recipient_id", pl.col("group").cast(pl.String), "stratum", "draw_u"
    )
    drawn = drawing.Drawn(
        table.sort("recipient_id"), campaign["list_id"], campaign["version"], campaign["control_bp"], campaign["seal"]
    )
    drawing.check_frozen(drawn)
    return drawn


def cutoffs(pool: AnyFrame, *, standing: str, key: bytes, strata: Sequence[str] = ("stratum",)) -> pl.DataFrame:
    """The largest number that the standing draw leaves alone: one row per stratum, `cutoff` (UInt64).

    Within each stratum the ⌈p·n⌉ smallest numbers of the pool; whoever joins later is measured by the same line.

    Parameters
    ----------
    pool : recipient_id and the strata of everybody who was there when the month began.
    standing : name of the month's draw.
    """
    table = to_polars(pool, needs=list(strata), name="pool", key="recipient_id")
    hashed = drawing.numbers(table["recipient_id"], list_id=standing, key=key)
    lot = table.with_columns(u=pl.Series(hashed, dtype=pl.UInt64)).sort("u")
    place = (pl.len() * STANDING_BP + 9_999) // 10_000
    return lot.group_by(*strata, maintain_order=False).agg(cutoff=pl.col("u").get(place - 1)).sort(*strata)


def left_alone(ids: pl.Series, cutoffs: pl.Series, *, standing: str, key: bytes) -> pl.Series:
    """Whether the standing draw leaves each of `ids` alone (Boolean).

    Parameters
    ----------
    cutoffs : the cutoff of each one's stratum (UInt64); null where no pool is known: a tenth of all numbers.
    """
    every = np.uint64(STANDING_BP * 2**64 // 10_000)
    u = pl.Series(drawing.numbers(ids, list_id=standing, key=key), dtype=pl.UInt64)
    return (u <= cutoffs.fill_null(int(every))).alias("held")
