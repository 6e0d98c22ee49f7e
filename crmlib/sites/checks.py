"""What the model refuses: inputs that would give a wrong ranking without looking wrong."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.core.coordinates import CRS, check_range
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, check_columns, to_polars

MAX_STORES_AT_ONE_POINT = 2
MAX_CUSTOMERS_AT_ONE_POINT = 0.05
MAX_MEDIAN_KM = 300.0  # beyond it metres were taken for km
UNIT_RATIO = 100.0  # a store 100 times the median sells in another unit
MIN_OWN_STORES = 8
MIN_VISITS = 2000

CELLS = ("cell_id", "lat", "lon", "crs", "population", "income_minor_month", "area_km2")
PLACES = ("site_id", "kind", "lat", "lon", "crs", "area_m2")
OWN = (*PLACES, "revenue_minor", "revenue_days")
COMPETITORS = ("competitor_id", "chain", "lat", "lon", "crs", "area_m2")
FLOWS = ("cell_id", "site_id", "visits")


def check_tables(
    *,
    cells: pl.DataFrame,
    sites: pl.DataFrame,
    flows: pl.DataFrame,
    competitors: pl.DataFrame,
    few_allowed: bool = False,
) -> None:
    """All checks of the four tables together, in the order in which a user would mend them."""
    check_columns(cells.columns, CELLS, name="cells")
    check_columns(sites.columns, OWN, name="sites")
    check_columns(competitors.columns, COMPETITORS, name="competitors")
    check_columns(flows.columns, FLOWS, name="flows")
    for frame, key, name in ((cells, "cell_id", "cells"), (sites, "site_id", "sites")):
        check_ids(frame[key], name=name)
    check_ids(competitors["competitor_id"], name="competitors")
    same_crs({"cells": cells, "sites": sites, "competitors": competitors})
    own = sites.filter(pl.col("kind") == "own")
    for frame, name in ((cells, "cells"), (own, "sites"), (competitors, "competitors")):
        check_range(frame["lat"], frame["lon"], name=name)
    one_point(own, name="sites")
    one_point(competitors, name="competitors")
    not_negative(
        cells, ("population", "income_minor_month", "area_km2"), key="cell_id", name="cells", positive=("area_km2",)
    )
    earning(cells)
    not_negative(own, ("area_m2", "revenue_minor"), key="site_id", name="sites", positive=("area_m2",))
    not_negative(competitors, ("area_m2",), key="competitor_id", name="competitors", positive=("area_m2",))
    not_negative(flows, ("visits",), key="site_id", name="flows")
    full_years(own)
    one_unit(own)
    known_ids(flows, cells=cells["cell_id"], sites=sites["site_id"])
    if few_allowed:
        return
    enough(own.height, int(flows.filter(pl.col("site_id").is_in(own["site_id"].implode()))["visits"].sum()))


def check_places(table: pl.DataFrame, *, name: str, kind: str) -> None:
    """Checks of candidates alone."""
    check_columns(table.columns, PLACES, name=name)
    check_ids(table["site_id"], name=name)
    same_crs({name: table})
    check_range(table["lat"], table["lon"], name=f"{name} ({kind})")
    one_point(table, name=name)
    not_negative(table, ("area_m2",), key="site_id", name=name, positive=("area_m2",))


def check_ids(ids: pl.Series, *, name: str) -> None:
    """Every row has an id of its own: a cell that stands twice would double its people."""
    bad = ids.filter(ids.is_null() | ids.is_duplicated())
    if bad.len():
        raise ModelError(
            "sites.ids",
            values={"name": name, "column": ids.name, "rows": bad.len()},
            examples=[mask(v) for v in bad.unique().sort().head(5)],
        )


def same_crs(layers: dict[str, pl.DataFrame]) -> None:
    """Every layer declares a coordinate system, and it is one and the same."""
    declared = {name: layer["crs"].cast(pl.String).unique().sort().to_list() for name, layer in layers.items()}
    for name, values in declared.items():
        unknown = [v for v in values if v not in CRS]
        if unknown:
            raise ModelError("sites.undeclared_crs", values={"name": name, "crs": str(unknown[0])})
    if len({v for values in declared.values() for v in values}) > 1:
        told = "; ".join(f"{name}: {', '.join(values)}" for name, values in declared.items() if values)
        raise ModelError("sites.mixed_crs", values={"layers": told})


def one_point(table: pl.DataFrame, *, name: str) -> None:
    """More than two stores at one coordinate is a geocoder's centroid, not a place."""
    if table.is_empty():
        return
    top = (
        table.group_by(pl.col("lat").round(6), pl.col("lon").round(6)).len().sort("len", "lat", descending=True).row(0)
    )
    if top[2] > MAX_STORES_AT_ONE_POINT:
        raise ModelError("sites.same_point", values={"name": name, "count": int(top[2]), "lat": top[0], "lon": top[1]})


def customers(frame: AnyFrame) -> None:
    """Refuse customer locations of which more than 5 % share one coordinate (`lat`, `lon`)."""
    table = to_polars(frame, needs=("lat", "lon"), name="customers")
    check_range(table["lat"], table["lon"], name="customers")
    counts = table.group_by(pl.col("lat").round(6), pl.col("lon").round(6)).len().sort("len", "lat", descending=True)
    share = counts["len"][0] / table.height if table.height else 0.0
    if table.height >= 100 and share > MAX_CUSTOMERS_AT_ONE_POINT:
        raise ModelError("sites.geocoder_centroid", values={"count": int(counts["len"][0]), "rows": table.height})


def not_negative(  # one rule for several columns
    table: pl.DataFrame, columns: Iterable[str], *, key: str, name: str, positive: Iterable[str] = ()
) -> None:
    """Areas, populations, incomes, revenues and visits are there, finite and not negative (areas above 0)."""
    for column in columns:
        value = pl.col(column).cast(pl.Float64, strict=False)
        low = value <= 0 if column in set(positive) else value < 0
        bad = table.filter(~value.is_finite().fill_null(value=False) | low)
        if bad.height:
            raise ModelError(
                "sites.negative",
                values={"name": name, "column": column, "rows": bad.height},
                examples=[mask(v) for v in bad[key].head(5)],
            )


def earning(cells: pl.DataFrame) -> None:
    """Where people live, there is an income: its logarithm enters the demand."""
    bad = cells.filter((pl.col("population") > 0) & (pl.col("income_minor_month") <= 0))
    if bad.height:
        raise ModelError(
            "sites.no_income", values={"rows": bad.height}, examples=[mask(v) for v in bad["cell_id"].head(5)]
        )


def known_numbers(table: pl.DataFrame, columns: Iterable[str], *, key: str, name: str) -> None:
    """Attributes are numbers and there: an unknown one would make every forecast unknown."""
    for column in (c for c in columns if c in table.columns):
        bad = table.filter(~pl.col(column).cast(pl.Float64, strict=False).is_finite().fill_null(value=False))
        if bad.height:
            raise ModelError(
                "sites.unknown_number",
                values={"name": name, "column": column, "rows": bad.height},
                examples=[mask(v) for v in bad[key].head(5)],
            )


def full_years(own: pl.DataFrame) -> None:
    """Revenue says how many days it covers, so that a part of a year is never read as a year."""
    bad = own.filter(pl.col("revenue_days").is_null() | ~pl.col("revenue_days").is_between(1, 366))
    if "opened_on" in own.columns and "period_end" in own.columns:
        age = (pl.col("period_end") - pl.col("opened_on")).dt.total_days() + 1
        bad = pl.concat([bad, own.filter(age < pl.col("revenue_days"))])
    if bad.height:
        raise ModelError(
            "sites.partial_year", values={"stores": bad.height}, examples=[mask(v) for v in bad["site_id"].head(5)]
        )


def one_unit(own: pl.DataFrame) -> None:
    """Yuan and 10,000 yuan in one column differ by more than 100 times the median."""
    yearly = own.filter(pl.col("revenue_minor") > 0).select(
        "site_id", y=pl.col("revenue_minor") / pl.col("revenue_days")
    )
    if yearly.is_empty():
        return
    ratio = yearly["y"] / yearly["y"].median()
    odd = yearly.filter((ratio > UNIT_RATIO) | (ratio < 1 / UNIT_RATIO))
    if odd.height:
        raise ModelError(
            "sites.mixed_units", values={"stores": odd.height}, examples=[mask(v) for v in odd["site_id"].head(5)]
        )


def known_ids(flows: pl.DataFrame, *, cells: pl.Series, sites: pl.Series) -> None:
    """Every flow leads from a known cell to a known store."""
    for column, known in (("cell_id", cells), ("site_id", sites)):
        strange = flows.filter(~pl.col(column).cast(pl.String).is_in(known.cast(pl.String).implode()))
        if strange.height:
            raise ModelError(
                "sites.unknown_ids",
                values={"column": column, "rows": strange.height},
                examples=[mask(v) for v in strange[column].unique().sort().head(5)],
            )


def enough(stores: int, visits: int) -> None:
    """Fewer than 8 own stores or 2,000 geocoded visits cannot carry the model: use `crmlib.sites.score`."""
    if stores < MIN_OWN_STORES or visits < MIN_VISITS:
        raise ModelError("sites.too_few", values={"stores": stores, "visits": visits})


def competitors_given(competitors: object) -> None:
    """Without competitors net may be biased by −40 % and more, so their absence must be said, not forgotten."""
    missing = competitors is None or (isinstance(competitors, str) and competitors != "none-known")
    if missing or (not isinstance(competitors, str) and to_polars(competitors, name="competitors").is_empty()):
        raise ModelError("sites.no_competitors")


def check_distances(table: pl.DataFrame) -> pl.DataFrame:
    """A user's distances: cell_id, site_id, km; neither missing nor negative, and km rather than metres."""
    check_columns(table.columns, ("cell_id", "site_id", "km"), name="distances")
    km = table["km"].cast(pl.Float64)
    bad = int((km.is_null() | km.is_nan() | (km < 0)).sum())
    if bad:
        raise ModelError("sites.bad_distances", values={"rows": bad})
    median = float(km.to_numpy().mean() if km.is_empty() else np.median(km.to_numpy()))
    if median > MAX_MEDIAN_KM:
        raise ModelError("sites.metres", values={"median": round(median)})
    return table.with_columns(km=km)


def complete_matrix(wide: NDArray[np.float64], ids: tuple[str, ...]) -> None:
    """Every cell has a distance to every store."""
    gaps = np.asarray(np.isnan(wide).any(axis=0))
    if gaps.any():
        raise ModelError(
            "sites.bad_distances",
            values={"rows": int(np.isnan(wide).sum())},
            examples=[mask(i) for i, gap in zip(ids, gaps, strict=True) if gap],
        )
