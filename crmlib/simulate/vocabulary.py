"""Words of the exports (shop names, headers, goods) read from data files: they are data, not code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl


@cache
def toml(name: str) -> dict[str, Any]:
    """The tables of ``data/<name>.toml``."""
    return tomllib.loads(files("crmlib.simulate").joinpath("data", f"{name}.toml").read_text(encoding="utf-8"))


@cache
def cities() -> pl.DataFrame:
    """Region, city, longitude and latitude [degrees, GCJ-02] and weight of every city."""
    return pl.read_csv(files("crmlib.simulate").joinpath("data", "cities.csv").read_bytes())
