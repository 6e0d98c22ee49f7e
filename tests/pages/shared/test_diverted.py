"""Goods outside their region: a reader of some regions is not told the names of others."""

from __future__ import annotations

import polars as pl

from crmlib.pages.shared.diverted import scanned

SCANS = pl.DataFrame(
    {"code": [str(n) for n in range(40)], "partner_id": ["D"] * 40, "region": ["North"] * 20 + ["South"] * 20}
)
PARTNERS = pl.DataFrame(
    {"partner_id": ["D"], "name": ["D Ltd"], "region": ["North"], "territory": [None]},
    schema_overrides={"territory": pl.List(pl.String)},
)


def test_the_region_is_named_to_who_may_see_it_and_the_figures_stay_the_same() -> None:
    whole = scanned(SCANS, PARTNERS, regions=None, other="elsewhere")
    part = scanned(SCANS, PARTNERS, regions=("North",), other="elsewhere")
    assert (whole["main_region"][0], part["main_region"][0]) == ("South", "elsewhere")
    assert whole.drop("main_region").equals(part.drop("main_region")) and whole["named"][0]
