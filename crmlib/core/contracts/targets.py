"""`targets` and `price_floors`: what was asked of whom in which month, and the price under which nobody may sell."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import Contract, Table

LEVELS = ("company", "region", "store", "staff")
MEASURES = ("net", "margin", "collected", "quantity")
RULES = ("last_year_lunar", "equal", "given", "model")


class Targets(Table):
    """One row per target and version; a change is a new version, never an edit. `month` null is the whole year."""

    target_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    year = dy.Int32(nullable=False, min=1901, max=2099)
    level = dy.Enum(LEVELS, nullable=False)
    unit_id = dy.String(nullable=True)
    month = dy.Date(nullable=True)
    measure = dy.Enum(MEASURES, nullable=False)
    amount_minor = dy.Int64(nullable=False, min=0)
    step_minor = dy.Int64(nullable=False, min=1)
    rule = dy.Enum(RULES, nullable=False)
    valid_from = dy.Date(nullable=False)
    valid_to = dy.Date(nullable=True)
    reason = dy.String(nullable=True)
    decided_by = dy.String(nullable=True)

    @dy.rule()
    def month_is_a_first_day_of_its_year(cls) -> pl.Expr:  # noqa: N805
        """A month is given as its first day, and lies in the target's year."""
        month = cls.month.col
        return month.is_null() | ((month.dt.day() == 1) & (month.dt.year() == cls.year.col))

    @dy.rule()
    def valid_to_after_valid_from(cls) -> pl.Expr:  # noqa: N805
        """A version does not end before it begins."""
        return cls.valid_to.col.is_null() | (cls.valid_to.col >= cls.valid_from.col)

    @dy.rule()
    def only_the_company_has_no_unit(cls) -> pl.Expr:  # noqa: N805
        """Targets of a region, store or person say whose they are; that of the company does not."""
        return cls.unit_id.col.is_null() == (cls.level.col == "company")


class PriceFloors(Table):
    """Lowest price at which a product may be sold in a region, from a day on, both ends included."""

    region = dy.String(primary_key=True)
    product_id = dy.String(primary_key=True)
    valid_from = dy.Date(primary_key=True)
    floor_minor = dy.Int64(nullable=False, min=0)
    """For 1 piece, kilogram or litre."""
    valid_to = dy.Date(nullable=True)

    @dy.rule()
    def valid_to_after_valid_from(cls) -> pl.Expr:  # noqa: N805
        """A floor does not end before it begins."""
        return cls.valid_to.col.is_null() | (cls.valid_to.col >= cls.valid_from.col)


TARGETS = Contract(
    "targets",
    Targets,
    ("target_id", "version"),
    event="valid_from",
    defaults=(("version", "1"), ("measure", "net"), ("step_minor", "1"), ("rule", "given")),
    ahead=True,
)
PRICE_FLOORS = Contract(
    "price_floors", PriceFloors, ("region", "product_id", "valid_from"), event="valid_from", ahead=True
)
