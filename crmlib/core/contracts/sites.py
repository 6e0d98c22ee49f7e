"""What choosing a site needs: `sites`, `cells`, `competitors`, `openings`, `card_flows`."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import Contract, Table
from crmlib.core.contracts.stores import COORDINATE_SYSTEMS

SITE_KINDS = ("own", "candidate")
OPERATORS = ("company", "franchisee")


class Sites(Table):
    """One row per own store of a city and per candidate site.

    `operator` says who runs an own store: the company itself (it has a till and stands in `stores` under the same
    number), or a franchisee, who reports its sales.
    `transit` is 1 beside a metro station or a large bus stop, else 0; `capex_minor`, `lease_months` belong to
    candidates.
    """

    site_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    city = dy.String(nullable=True)
    district = dy.String(nullable=True)
    address = dy.String(nullable=True)
    kind = dy.Enum(SITE_KINDS, nullable=False)
    operator = dy.Enum(OPERATORS, nullable=True)
    lon = dy.Float64(nullable=False, min=-180, max=180)
    lat = dy.Float64(nullable=False, min=-90, max=90)
    crs = dy.Enum(COORDINATE_SYSTEMS, nullable=False)
    area_m2 = dy.Float64(nullable=False, min_exclusive=0)
    transit = dy.Float64(nullable=True, min=0, max=1)
    rent_minor_month = dy.Int64(nullable=True, min=0)
    fixed_minor_month = dy.Int64(nullable=True, min=0)
    capex_minor = dy.Int64(nullable=True, min=0)
    lease_months = dy.Int64(nullable=True, min=1)
    opened_on = dy.Date(nullable=True)

    @dy.rule()
    def own_stores_have_opened(cls) -> pl.Expr:  # noqa: N805
        """An own store has a day on which it opened, a candidate has none."""
        return (cls.kind.col == "own") == cls.opened_on.col.is_not_null()

    @dy.rule()
    def candidates_have_costs(cls) -> pl.Expr:  # noqa: N805
        """A candidate says its rent, fixed cost, investment and lease."""
        costs = pl.all_horizontal(
            cls.rent_minor_month.col.is_not_null(),
            cls.fixed_minor_month.col.is_not_null(),
            cls.capex_minor.col.is_not_null(),
            cls.lease_months.col.is_not_null(),
        )
        return (cls.kind.col == "own") | costs


class Cells(Table):
    """One row per cell of a city: people who live there and what they earn."""

    cell_id = dy.String(primary_key=True)
    district = dy.String(nullable=True)
    lon = dy.Float64(nullable=False, min=-180, max=180)
    lat = dy.Float64(nullable=False, min=-90, max=90)
    crs = dy.Enum(COORDINATE_SYSTEMS, nullable=False)
    population = dy.Int64(nullable=False, min=0)
    income_minor_month = dy.Int64(nullable=False, min=0)
    area_km2 = dy.Float64(nullable=False, min_exclusive=0)


class Competitors(Table):
    """One row per shop of another company."""

    competitor_id = dy.String(primary_key=True)
    chain = dy.String(nullable=False)
    lon = dy.Float64(nullable=False, min=-180, max=180)
    lat = dy.Float64(nullable=False, min=-90, max=90)
    crs = dy.Enum(COORDINATE_SYSTEMS, nullable=False)
    area_m2 = dy.Float64(nullable=False, min_exclusive=0)


class Openings(Table):
    """One row per own store and month: revenue, from which a new store's ramp is learned."""

    site_id = dy.String(primary_key=True)
    month = dy.Date(primary_key=True)
    revenue_minor = dy.Int64(nullable=False, min=0)

    @dy.rule()
    def month_is_its_first_day(cls) -> pl.Expr:  # noqa: N805
        """A month is written as its first day."""
        return cls.month.col.dt.day() == 1


class CardFlows(Table):
    """One row per home cell, store and 12-month period: card visits of members who live there."""

    period_end = dy.Date(primary_key=True)
    cell_id = dy.String(primary_key=True)
    site_id = dy.String(primary_key=True)
    visits = dy.Int64(nullable=False, min=0)


SITES = Contract("sites", Sites, ("site_id",))
CELLS = Contract("cells", Cells, ("cell_id",))
COMPETITORS = Contract("competitors", Competitors, ("competitor_id",))
OPENINGS = Contract("openings", Openings, ("site_id", "month"), event="month")
CARD_FLOWS = Contract("card_flows", CardFlows, ("period_end", "cell_id", "site_id"), event="period_end")
