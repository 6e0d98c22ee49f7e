"""The city's tables as raw exports (AMap coordinates for places, GPS for cells, Chinese headers) and their mapping."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmlib.core.coordinates import from_wgs84
from crmlib.simulate import city, exports
from crmlib.simulate.exports import csv_bytes, zipped
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]

SAMPLE = {"cells": 900, "own": 36, "rivals": 46, "candidates": 40, "people": 1_700_000.0, "openings": 8}
"""The city of a simulated company; its files take about 200 kB."""


def write(folder: Path, *, end: date, rng: np.random.Generator) -> None:
    """Write `sites_*` files of a simulated city to `folder`, and what its candidates would earn to ``truth``."""
    made = city.build(city.CityPlan(**SAMPLE, end=_month_end(end)), rng=rng, prefix="HZ")  # type: ignore[arg-type]
    words = toml("city")
    tables = {
        "places": _sites(made.sites, words),
        "competitors": _amap(made.competitors).with_columns(pl.col("chain").replace_strict(words["chain"])),
        "cells": made.cells.with_columns(
            district=_districts(made.cells, words), income_yuan=pl.col("income_minor_month") / 100
        ),
        "openings": made.openings.with_columns(
            month=pl.col("month").dt.strftime("%Y-%m-%d"), revenue_yuan=pl.col("revenue_minor") / 100
        ),
        "card_flows": made.card_flows,
    }
    for name, frame in tables.items():
        encoding = "gb18030" if name == "competitors" else "utf-8"
        with zipped(folder / f"sites_{name}.csv.gz") as out:
            named: dict[str, str] = words["sites" if name == "places" else name]
            shown = frame.select(pl.col(column).alias(header) for column, header in named.items())
            out.write(csv_bytes(shown, encoding=encoding, header=True))
    exports.truth(made.truth, folder, "sites")


def mapping(*, known_on: date) -> Node:
    """Sources of the city's files."""
    words = toml("city")
    kinds = {word: key for key, word in words["kind"].items()}
    flags = {words["flag"]["yes"]: "1", words["flag"]["no"]: "0"}
    yuan = {"rent_minor_month": "rent_yuan", "fixed_minor_month": "fixed_yuan", "capex_minor": "capex_yuan"}
    special: dict[str, Node] = {
        "sites": {
            "kind": {"from": words["sites"]["kind"], "map": kinds},
            "transit": {"from": words["sites"]["transit"], "map": flags},
            **{column: {"from": words["sites"][header], "times": 100} for column, header in yuan.items()},
        },
        "cells": {"income_minor_month": {"from": words["cells"]["income_yuan"], "times": 100}},
        "openings": {"revenue_minor": {"from": words["openings"]["revenue_yuan"], "times": 100}},
    }
    out: Node = {}
    for table in ("sites", "cells", "competitors", "openings", "card_flows"):
        plain = {k: v for k, v in words[table].items() if not k.endswith("_yuan") and k not in special.get(table, {})}
        name = "sites_places" if table == "sites" else f"sites_{table}"
        out[name] = {
            "table": table,
            "files": f"{name}.csv.gz",
            "currency": "CNY",
            "known_at": {"on": known_on},
            "columns": {**plain, **special.get(table, {})},
        }
    return out


def _month_end(day: date) -> date:
    return pl.Series([day]).dt.month_end().item()  # type: ignore[no-any-return]


def _amap(places: pl.DataFrame) -> pl.DataFrame:
    """Places as AMap shows them."""
    lat, lon = from_wgs84(places["lat"].to_numpy(), places["lon"].to_numpy(), crs="GCJ02")
    return places.with_columns(lat=pl.Series(lat).round(6), lon=pl.Series(lon).round(6), crs=pl.lit("GCJ02"))


def _districts(places: pl.DataFrame, words: Node) -> pl.Series:
    """The district whose centre is nearest to each place (WGS-84)."""
    names, centres = list(words["district"]), np.array(list(words["district"].values()))
    at = places.select("lat", "lon").to_numpy()
    gap = (at[:, None, :] - centres[None, :, :]) * np.array([1.0, np.cos(np.radians(30.0))])
    return pl.Series("district", [names[int(i)] for i in (gap**2).sum(axis=2).argmin(axis=1)])


def _sites(sites: pl.DataFrame, words: Node) -> pl.DataFrame:
    number = pl.col("site_id").str.tail(3).cast(pl.Int64) + 1
    roads = pl.Series(words["roads"])
    return _amap(sites).with_columns(
        district=_districts(sites, words),
        address=pl.format(
            words["names"]["address"].replace("{road}", "{}").replace("{n}", "{}"),
            pl.lit(roads).gather((number * 7) % len(roads)),
            number * 13 % 480 + 1,
        ),
        name=pl.when(pl.col("kind") == "own")
        .then(pl.format(words["names"]["own"].replace("{n}", "{}"), number))
        .otherwise(pl.format(words["names"]["candidate"].replace("{n}", "{}"), number)),
        city=pl.lit(words["city"]),
        kind=pl.col("kind").replace_strict(words["kind"]),
        transit=pl.when(pl.col("transit") > 0)
        .then(pl.lit(words["flag"]["yes"]))
        .otherwise(pl.lit(words["flag"]["no"])),
        rent_yuan=pl.col("rent_minor_month") / 100,
        fixed_yuan=pl.col("fixed_minor_month") / 100,
        capex_yuan=pl.col("capex_minor") / 100,
    )
