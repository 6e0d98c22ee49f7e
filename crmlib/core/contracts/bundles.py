"""Bundles and their parts, goods suggested to members, the plan of a festival, people at partners."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

BUNDLE_STATES = ("draft", "approved", "live", "ended")
OFFER_SLOTS = ("repeat", "new")
OFFER_METHODS = ("beta_binomial", "popular", "personal", "cosine")


class Bundles(Table):
    """One row per version of a bundle; it has a price or a rate, never both."""

    bundle_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    name = dy.String(nullable=False)
    festival_slot = dy.String(nullable=True)
    price_minor = dy.Int64(nullable=True, min=1)
    rate_bp = dy.Int32(nullable=True, min=1, max=9999)
    floor_margin_bp = dy.Int32(nullable=False, min=0, max=9999)
    gift_product = dy.String(nullable=True)
    gift_units = dy.Int32(nullable=False, min=1)
    starts_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    ends_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    stores = dy.List(dy.String(nullable=False), nullable=False)
    channels = dy.List(dy.String(nullable=False), nullable=False)
    poster_id = dy.String(nullable=True)
    state = dy.Enum(BUNDLE_STATES, nullable=False)

    @dy.rule()
    def price_or_rate(cls) -> pl.Expr:  # noqa: N805
        """A bundle has a price or a rate."""
        return cls.price_minor.col.is_null() != cls.rate_bp.col.is_null()

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A bundle ends after it starts."""
        return cls.ends_at.col > cls.starts_at.col


class BundleParts(Table):
    """One row per good of a bundle; of goods with one `swap_group` one is picked."""

    bundle_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    product_id = dy.String(primary_key=True)
    units = dy.Int32(nullable=False, min=1)
    swap_group = dy.String(nullable=True)


class OfferRows(Table):
    """One row per good suggested to a member, so that the next month can judge it."""

    as_of = dy.Date(primary_key=True)
    customer_id = dy.String(primary_key=True)
    slot = dy.Enum(OFFER_SLOTS, primary_key=True)
    rank = dy.Int8(primary_key=True, min=1)
    product_id = dy.String(nullable=False)
    p = dy.Float64(nullable=False, min=0, max=1)
    margin_minor = dy.Int64(nullable=False)
    score = dy.Float64(nullable=False)
    method = dy.Enum(OFFER_METHODS, nullable=False)
    reason_code = dy.String(nullable=False)
    shown_on = dy.String(nullable=True)


class FestivalPlans(Table):
    """One row per festival, year, good and store: what is planned to be sold."""

    slot = dy.String(primary_key=True)
    year = dy.Int32(primary_key=True)
    product_id = dy.String(primary_key=True)
    store_id = dy.String(primary_key=True)
    units_plan = dy.Int64(nullable=False, min=0)
    sell_in_plan = dy.Int64(nullable=True, min=0)
    last_order_on = dy.Date(nullable=True)
    lead_days = dy.Int32(nullable=True, min=0)
    markdown_on = dy.Date(nullable=True)
    note = dy.String(nullable=True)


class PartnerPeople(Table):
    """One row per person at a partner, kept apart like `people`: read by `run` only."""

    partner_id = dy.String(primary_key=True)
    person_no = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    phone = dy.String(nullable=True)
    email = dy.String(nullable=True)
    role = dy.String(nullable=True)


_VERSION = ("version", "1")
BUNDLES = Contract(
    "bundles",
    Bundles,
    ("bundle_id", "version"),
    event="starts_at",
    defaults=(_VERSION, ("gift_units", "1"), ("floor_margin_bp", "0"), ("stores", ""), ("channels", "")),
    ahead=True,
)
BUNDLE_PARTS = Contract("bundle_parts", BundleParts, ("bundle_id", "version", "product_id"), defaults=(_VERSION,))
OFFER_ROWS = Contract("offer_rows", OfferRows, ("as_of", "customer_id", "slot", "rank"), event="as_of")
FESTIVAL_PLANS = Contract("festival_plans", FestivalPlans, ("slot", "year", "product_id", "store_id"))
PARTNER_PEOPLE = Contract("partner_people", PartnerPeople, ("partner_id", "person_no"))
