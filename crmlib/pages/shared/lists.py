"""What pages ask of the one register of lists: the month's standing draw, and a list proposed for its draw.

A page proposes: it shows the draw that will be made and keeps the candidates. `crmlib list draw <report>` files it.
What a page was asked for is part of what a list is: two groups, aims or regions of one day are two lists.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from hashlib import sha256
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.core.contracts import TIME_ZONE
from crmlib.outreach import register
from crmlib.outreach.permission import consenting
from crmlib.outreach.register import NOBODY, Filed, Terms
from crmlib.outreach.results import Register
from crmlib.report import Page, scope

PROPOSED = "proposed"
"""Name of the state in which a page keeps the candidates of its list."""
WINDOW = 28
"""Days in which whoever comes counts."""
EVENTS = {"list_id": pl.String, "recipient_id": pl.String, "kind": pl.String}
CONSENTED = {"sms": "may_sms", "email": "may_email", "call": "may_call"}


def book(page: Page) -> Register:
    """The register's tables as the page may see them; of a region only its own members.

    Raises
    ------
    LakeError
        `report.not_connected` without lists.
    """
    events = page.optional("outreach_events")
    return Register(
        page.table("campaigns").collect(), page.table("campaign_steps").collect(), page.table("outreach").collect(),
        pl.DataFrame(schema=EVENTS) if events is None else events.collect(), whole=page.regions is None,
    )  # fmt: skip


def standing(page: Page, ids: pl.Series) -> pl.Series:
    """Whether each of `ids` is left alone by the month's standing draw or all season (Boolean), aligned with `ids`."""
    name = standing_name(page)
    people = page.optional("customers")
    drawn: pl.Series
    if people is None:
        drawn = page.keyed(register.left_alone, ids, _nowhere(ids), standing=name)
    else:
        known = people.select(recipient_id="customer_id", joined="joined_on", stratum="region")
        who = ids.rename("recipient_id").to_frame()
        strata = known.filter(pl.col("recipient_id").is_in(ids.implode())).select("recipient_id", "stratum").collect()
        placed = who.join(strata, on="recipient_id", how="left", maintain_order="left")
        lines = _cutoffs(page, known)
        at = placed.join(lines, on="stratum", how="left", maintain_order="left", nulls_equal=True)["cutoff"]
        drawn = page.keyed(register.left_alone, ids, at, standing=name)
    return drawn | ids.is_in(season_held(page).implode())


_CUTOFFS: WeakKeyDictionary[Page, pl.DataFrame] = WeakKeyDictionary()
"""The lines of the month's draw, once for an open page: all members are numbered for them."""


def _cutoffs(page: Page, known: pl.LazyFrame) -> pl.DataFrame:
    """By stratum the largest number that is left alone.

    Parameters
    ----------
    known : recipient_id, joined, stratum of all members.
    """
    if page not in _CUTOFFS:
        began = page.as_of.replace(day=1)
        pool = known.filter((pl.col("joined") < began).fill_null(value=True)).select("recipient_id", "stratum")
        _CUTOFFS[page] = page.keyed(register.cutoffs, pool, standing=standing_name(page))
    return _CUTOFFS[page]


def standing_name(page: Page) -> str:
    """Name of the month's standing draw."""
    return f"standing-{page.as_of:%Y-%m}"


def _nowhere(ids: pl.Series) -> pl.Series:
    return pl.Series("cutoff", [None] * len(ids), dtype=pl.UInt64)


def season_held(page: Page) -> pl.Series:
    """Members who stand on no list of the season that the page's day lies in; nobody without a season."""
    seasons, rows = page.optional("seasons"), page.optional("outreach")
    if seasons is None or rows is None:
        return NOBODY
    on = pl.lit(page.as_of)
    now = seasons.filter(on.is_between(pl.col("starts_on"), pl.col("ends_on"))).select("season_id").collect()
    held = rows.filter(pl.col("group").cast(pl.String) == "season", pl.col("list_id").is_in(now["season_id"].implode()))
    return held.select("recipient_id").unique().sort("recipient_id").collect()["recipient_id"]


def propose(page: Page, eligible: pl.DataFrame, terms: Terms, *, consent: pl.Series | None = None) -> Filed:
    """The draw of a list as it will be filed; a scheduled run keeps the candidates for `crmlib list draw`.

    Parameters
    ----------
    eligible : recipient_id and, where known, reason_code, value_minor, product_1 … 3, store_id, send_slot, channel and
        the columns of `terms.strata`; for a standing list `held`.
    consent : who may be contacted by the list's channel; by the lake's consents without it.

    Raises
    ------
    ModelError
        `outreach.empty_list` where nobody is left, and what the draw refuses.
    """
    terms = of_this_page(page, terms)
    page.save_state(PROPOSED, eligible.with_columns(terms=pl.lit(terms.as_text())))
    return page.keyed(
        register.make, eligible, terms, at=as_of_evening(page),
        consent=agreed(page, terms) if consent is None else consent,
        season_held=NOBODY if terms.standing else season_held(page),
    )  # fmt: skip


def of_this_page(page: Page, terms: Terms) -> Terms:
    """The terms with what the page was asked for: in number and name, and as the rule of who is eligible."""
    if not page.params.asked:
        return terms
    mark = sha256(page.params.asked.encode()).hexdigest()[:6]
    name = page.words("page.list_asked", name=terms.name, asked=scope.asked(page))
    return replace(terms, list_id=f"{terms.list_id}-{mark}", name=name, eligible_rule=page.params.asked)


def propose_standing(page: Page, rows: pl.DataFrame, *, called: str, objective: str) -> Filed | None:
    """A page's own list, whose members this month's draw leaves alone or not, proposed under the report's name.

    Parameters
    ----------
    rows : recipient_id, reason_code, value_minor, means, held: whoever is listed, and whoever would be if no draw had
        left them alone. Whoever waits (the cap is reached) or stands on no list this season is left out.
    called : key of the list's name, a sentence with its `day`.

    Returns
    -------
    None where nobody is left.
    """
    away = pl.col("recipient_id").is_in(season_held(page).implode())
    drawn = rows.filter(~away, pl.col("means").ne_missing("wait"))
    if drawn.is_empty():
        return None
    reached = pl.when(pl.col("means").is_in(list(CONSENTED))).then("means").otherwise(pl.lit("store"))
    day = page.as_of
    terms = Terms(
        f"{page.report}-{day}", page.words(called, day=page.words.format.day(day)), objective, "call", "",
        standing=standing_name(page), window_days=WINDOW,
    )  # fmt: skip
    eligible = drawn.select("recipient_id", "reason_code", "value_minor", "held", channel=reached)
    return propose(page, eligible, terms)


def as_of_evening(page: Page) -> datetime:
    """The end of the page's day."""
    return datetime.combine(page.as_of, time(23, 59), tzinfo=ZoneInfo(TIME_ZONE))


def agreed(page: Page, terms: Terms) -> pl.Series | None:
    """Who agreed to the channel of a list: by the log of consents, else the member file; none where none is asked."""
    if terms.channel not in CONSENTED or terms.objective == "service" or terms.standing:
        return None
    log = page.optional("consents")
    if log is not None:
        return consenting(log.collect(), channel=terms.channel, purpose="marketing", at=as_of_evening(page))
    people = page.optional("customers")
    if people is None:
        return NOBODY
    said = people.filter(pl.col(CONSENTED[terms.channel])).select(recipient_id="customer_id").collect()
    return said["recipient_id"]


def still_agreed(page: Page, people: pl.DataFrame | None) -> pl.DataFrame | None:
    """The member file without the consent of whoever opted out of a list, on any channel; none without a file."""
    events = page.optional("outreach_events")
    if people is None or events is None:
        return people
    left = events.filter(pl.col("kind").cast(pl.String).is_in(["opted_out", "complained"]))
    gone = pl.col("customer_id").is_in(left.select("recipient_id").collect()["recipient_id"].implode())
    return people.with_columns(
        pl.when(gone).then(pl.lit(value=False)).otherwise(column).alias(column) for column in CONSENTED.values()
    )
