"""`stores` and `closures`: where goods are sold, and when not."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import Contract, Table

KINDS = ("own", "counter", "key_account", "terminal")
COORDINATE_SYSTEMS = ("WGS84", "GCJ02", "BD09")


class Stores(Table):
    """One row per point of sale."""

    store_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    kind = dy.Enum(KINDS, nullable=False)
    region = dy.String(nullable=True)
    city = dy.String(nullable=True)
    lon = dy.Float64(nullable=True, min=-180, max=180)
    lat = dy.Float64(nullable=True, min=-90, max=90)
    crs = dy.Enum(COORDINATE_SYSTEMS, nullable=True)
    opened_on = dy.Date(nullable=True)
    closed_on = dy.Date(nullable=True)
    area_m2 = dy.Float64(nullable=True, min=0)
    rent_minor_month = dy.Int64(nullable=True, min=0)
    staff_count = dy.Int32(nullable=True, min=0)
    partner_id = dy.String(nullable=True)

    @dy.rule()
    def closed_after_opened(cls) -> pl.Expr:  # noqa: N805
        """A store does not close before it opens."""
        return cls.closed_on.col >= cls.opened_on.col

    @dy.rule()
    def position_has_a_system(cls) -> pl.Expr:  # noqa: N805
        """Longitude and latitude stand together and say their coordinate system."""
        return (cls.lon.col.is_null() == cls.lat.col.is_null()) & (cls.lon.col.is_null() | cls.crs.col.is_not_null())


class Closures(Table):
    """Days on which a store was shut, both ends included; no end yet is null."""

    store_id = dy.String(primary_key=True)
    starts_on = dy.Date(primary_key=True)
    ends_on = dy.Date(nullable=True)
    reason = dy.String(nullable=True)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A closure does not end before it starts."""
        return cls.ends_on.col >= cls.starts_on.col


STORES = Contract("stores", Stores, ("store_id",), event="opened_on", defaults=(("kind", "own"),), ahead=True)
CLOSURES = Contract("closures", Closures, ("store_id", "starts_on"), event="starts_on", ahead=True)
