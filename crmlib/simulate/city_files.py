"""The city's tables as raw exports (AMap coordinates for places, GPS for cells, Chinese headers) and their mapping."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmlib.core.coordinates import from_wgs84
from crmlib.simulate import city, exports, network
from crmlib.simulate.exports import csv_bytes, zipped
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]

FRANCHISED = 32
SAMPLE = city.CityPlan(
    cells=900, rivals=46, candidates=40, people=1_700_000.0, openings=8, centre=(30.25, 120.21), per_head=22.0,
    outside=1.0, area_exponent=0.4, area_m2=80.0, rival_area_m2=110.0, visit=80.0, month_sd=0.1, old_years=(8, 10),
    rent=40.0, fixed=(600.0, 14.0), capex=(20_000.0, 600.0),
)  # fmt: skip
"""The city of a simulated company, of the size of its stores; own stores and those of franchisees come on top."""


def write(folder: Path, known: network.Known, *, end: date, rng: np.random.Generator) -> None:
    """Write `sites_*` files of the city to `folder`: `known` stores and franchisees' shops; the truth to ``truth``."""
    plan = replace(SAMPLE, own=known.stores.height + FRANCHISED, end=end)
    made = city.build(plan, rng=rng, prefix="HZ", known=known)
    words = toml("city")
    tables = {
        "places": _sites(made.sites, known.stores, words),
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
    exports.truth(made.stores, folder, "site_stores")


def last_month_end(day: date) -> date:
    """The last day of the last month that is over on `day`."""
    tomorrow = day + timedelta(days=1)
    return tomorrow.replace(day=1) - timedelta(days=1)


def mapping(*, known_on: date) -> Node:
    """Sources of the city's files."""
    words = toml("city")
    kinds = {word: key for key, word in words["kind"].items()}
    flags = {words["flag"]["yes"]: "1", words["flag"]["no"]: "0"}
    yuan = {"rent_minor_month": "rent_yuan", "fixed_minor_month": "fixed_yuan", "capex_minor": "capex_yuan"}
    special: dict[str, Node] = {
        "sites": {
            "kind": {"from": words["sites"]["kind"], "map": kinds},
            "operator": {"from": words["sites"]["operator"], "map": {w: key for key, w in words["operator"].items()}},
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


def _sites(sites: pl.DataFrame, stores: pl.DataFrame, words: Node) -> pl.DataFrame:
    """The site developers' list: the company's own `stores` as head office has them, franchisees' shops, candidates."""
    number, row, names = pl.col("site_id").str.tail(3).cast(pl.Int64), pl.col("row").cast(pl.Int64), words["names"]
    own = pl.col("site_id").is_in(stores["store_id"].implode())
    shown = _amap(sites.with_columns(district=_districts(sites, words))).with_row_index("row").join(
        stores.select("store_id", "gcj_lat", "gcj_lon", "counter", listed="name"),
        left_on="site_id", right_on="store_id", how="left", maintain_order="left",
    )  # fmt: skip
    called = toml("words")["store"]
    place = pl.col("listed").str.strip_prefix(words["city"])
    roads = pl.col("district").replace_strict(words["roads"], return_dtype=pl.List(pl.String))
    house = row * 13 % 480 + 1
    return shown.with_columns(
        lat=pl.coalesce("gcj_lat", "lat"),
        lon=pl.coalesce("gcj_lon", "lon"),
        address=pl.when("counter")
        .then(_worded(names["in_mall"], place=place.str.strip_suffix(called["counter_suffix"])))
        .when(own)
        .then(_worded(names["address"], road=place.str.strip_suffix(called["own_suffix"]), n=house))
        .otherwise(_worded(names["address"], road=roads.list.get(row % 4), n=house)),
        name=pl.when(own)
        .then(pl.col("listed"))
        .when(pl.col("kind") == "own")
        .then(_worded(names["franchised"], n=number))
        .otherwise(_worded(names["candidate"], n=number)),
        city=pl.lit(words["city"]),
        operator=pl.when(own)
        .then(pl.lit("company"))
        .when(pl.col("kind") == "own")
        .then(pl.lit("franchisee"))
        .replace_strict(words["operator"], default=None, return_dtype=pl.String),
        kind=pl.col("kind").replace_strict(words["kind"]),
        transit=pl.when(pl.col("transit") > 0)
        .then(pl.lit(words["flag"]["yes"]))
        .otherwise(pl.lit(words["flag"]["no"])),
        rent_yuan=pl.col("rent_minor_month") / 100,
        fixed_yuan=pl.col("fixed_minor_month") / 100,
        capex_yuan=pl.col("capex_minor") / 100,
    )


def _worded(text: str, **parts: pl.Expr) -> pl.Expr:
    """`text` with its named places filled by columns, in the order in which they stand."""
    plain = text
    for name in parts:
        plain = plain.replace(f"{{{name}}}", "{}")
    return pl.format(plain, *parts.values())
