"""What the company sells: the product list with prices, costs, flavours and the season of each category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.vocabulary import toml

CHEAP, DEAR = 20_00, 60_00  # fen: below the first a price is low, from the second it is high


@dataclass(frozen=True, slots=True)
class Goods:
    """The products in a fixed order; arrays have shape (products,).

    Attributes
    ----------
    frame : the product list as exported.
    category : index into `categories`.
    flavour : index of the flavour inside its category, 0, 1 or 2.
    price, cost : of one piece or kilogram [fen].
    popularity : weight inside the category.
    by_weight : whether sold by the kilogram.
    partner : index of the product that is bought along with it, -1 for none.
    """

    frame: pl.DataFrame
    categories: tuple[str, ...]
    seasons: tuple[str, ...]
    category: Ints
    flavour: Ints
    price: Ints
    cost: Ints
    popularity: Floats
    by_weight: Ints
    partner: Ints


def festive(goods: Goods) -> list[int]:
    """Places of the products that are sold around a festival only."""
    return [place for place, category in enumerate(goods.category.tolist()) if goods.seasons[category] != "daily"]


def list_goods(rng: np.random.Generator) -> Goods:
    """The whole range: every goods × flavour × pack of ``data/goods.toml``, the best sellers first in weight."""
    tree = toml("goods")["category"]
    rows = [row for place, node in enumerate(tree) for row in _category_rows(place, node)]
    frame = pl.DataFrame(rows).with_row_index("place")
    spread = rng.uniform(0.93, 1.07, len(frame))
    price = np.round(frame["base_price"].to_numpy() * spread, 0) * 100 - 20
    price = np.where(frame["base_price"].to_numpy() < 10, np.round(frame["base_price"].to_numpy(), 1) * 100, price)
    cost = np.round(price * frame["cost_rate"].to_numpy() * rng.uniform(0.96, 1.04, len(frame)))
    partner = _partners(frame["category"].to_numpy())
    ids = frame.select(pl.format("P{}", (pl.col("place") + 10001))).to_series()
    frame = frame.with_columns(
        product_id=ids,
        price=pl.Series(price.astype(np.int64)),
        cost=pl.Series(cost.astype(np.int64)),
        goes_with=ids.gather(pl.select(pl.when(pl.Series(partner) >= 0).then(pl.Series(partner))).to_series()),
    )
    return Goods(
        frame=frame,
        categories=tuple(node["key"] for node in tree),
        seasons=tuple(node["season"] for node in tree),
        category=frame["category"].to_numpy().astype(np.int64),
        flavour=frame["flavour"].to_numpy().astype(np.int64),
        price=frame["price"].to_numpy(),
        cost=frame["cost"].to_numpy(),
        popularity=rng.gamma(1.5, 1.0, len(frame)) + 0.2,
        by_weight=frame["by_weight"].to_numpy().astype(np.int64),
        partner=partner,
    )


def _partners(category: Ints) -> Ints:
    """Product that goes with each: the goods of the category that goes with its own, in turn; -1 for none."""
    tree = toml("goods")["category"]
    place = {node["key"]: number for number, node in enumerate(tree)}
    partner = np.full(len(category), -1, dtype=np.int64)
    for number, node in enumerate(tree):
        if "goes_with" in node:
            mine, theirs = (np.flatnonzero(category == c) for c in (number, place[node["goes_with"]]))
            partner[mine] = theirs[np.arange(len(mine)) % len(theirs)]
    return partner


def _category_rows(place: int, node: dict[str, Any]) -> list[dict[str, object]]:
    """One row per product of a category: prices climb from the cheapest goods to the dearest."""
    low, high = node["price"]
    steps = max(len(node["goods"]) - 1, 1)
    return [
        {
            "category": place,
            "category_1": node["path"][0],
            "category_2": node["path"][1],
            "category_3": goods,
            "flavour": f,
            "flavour_name": flavour,
            "name": f"{flavour}{goods}" if flavour not in goods else goods,
            "pack": pack,
            "brand": toml("words")["brands"][(place + g) % 3],
            "unit": node["unit"],
            "base_price": (low + (high - low) * g / steps) * factor,
            "cost_rate": node["cost"],
            "life": node["life"] or None,
            "use_days": node["use_days"] or None,
            "by_weight": node["unit"] in toml("words")["unit"]["kg"],
            "is_gift": node["key"].startswith("gift"),
            "is_service": node["key"] == "service",
        }
        for g, goods in enumerate(node["goods"])
        for f, flavour in enumerate(node["flavours"])
        for pack, factor in node["packs"]
    ]
