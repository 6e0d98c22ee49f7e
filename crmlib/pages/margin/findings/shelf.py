"""What is carried where, what a store brings, what was bought, what strayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.sales import margins

Named = Callable[[pl.Series], pl.Series]
ROWS = 10
WIDE = 0.8
"""A good carried by stores with 80 % of its category's sales is carried widely."""
DEARER = 0.02
"""Purchases 2 % dearer than a year ago are amber."""


def carried(found: pl.DataFrame, *, words: Words, span: tuple[date, date], name: Named) -> Finding:
    """Say which of the goods that sell best lack most of the category's stores.

    found : of `sales.assortment.distribution`, with net_minor.
    """
    form = words.format
    if found.is_empty() or found["able"][0] < 2:
        raise ModelError("sales.few_stores", values={"stores": int(found["able"].max() or 0), "least": 2})  # type: ignore[arg-type]
    best = found.sort("net_minor", "product_id", descending=[True, False])
    top = best.head(max(found.height // 5, 1))
    narrow = top.filter(pl.col("weighted") < WIDE).sort("net_minor", "product_id", descending=[True, False])
    kind = "narrow" if narrow.height else "wide"
    first = (narrow if narrow.height else top).row(0, named=True)
    values = {
        "goods": form.count(found.height),
        "top": form.count(top.height),
        "narrow": form.count(narrow.height),
        "first": name(pl.Series([first["product_id"]])).item(),
        "carrying": form.count(first["carrying"]),
        "able": form.count(first["able"]),
        "weighted": form.share(first["weighted"]),
        "start": form.day(span[0]),
        "end": form.day(span[1]),
    }
    bars = (narrow if narrow.height else top).head(ROWS)

    def label(share: float, carrying: int, able: int) -> str:
        return words(
            "margin.carried.label", share=form.share(share), carrying=form.count(carrying), able=form.count(able)
        )

    frame = bars.select(
        name=name(bars["product_id"]), value="weighted", label=told(bars, "weighted", "carrying", "able", by=label)
    )
    shown = best.select(
        name=name(best["product_id"]), category="category", net_minor="net_minor", carrying="carrying", able="able",
        numeric="numeric", weighted="weighted",
    )  # fmt: skip
    return Finding.worded(
        "margin.carried", kind, values, words=words, status="warn" if narrow.height else "ok", table=shown,
        view=views.readable(shown.head(30), words=words),
        chart=labelled.bars(frame, words=words, title=words("margin.carried.axis"), percent=True, marks=(WIDE,)),
        row_key=("name",),
    )  # fmt: skip


def output(found: pl.DataFrame, *, words: Words, name: Named) -> Finding:
    """Say what a store brings a day, the best against the worst."""
    form = words.format
    table = found.with_columns(store=name(found["store_id"])).sort(
        "per_day_minor", "store_id", descending=[True, False]
    )
    table = table.filter(pl.col("net_minor") > 0)
    kind = "one" if table.height < 2 else "some"
    most, least = (int(table["per_day_minor"][n]) if table.height else 0 for n in (0, -1))
    middle = table["per_day_minor"].median()
    values = {
        "first": table["store"][0] if table.height else "",
        "most": form.money(most),
        "last": table["store"][-1] if table.height else "",
        "least": form.money(least),
        "middle": form.money(middle),  # type: ignore[arg-type]
        "times": form.number(most / max(least, 1), digits=1),
    }
    bars = pl.concat([table.head(ROWS // 2), table.tail(ROWS // 2)]) if table.height > ROWS else table
    shown = table.select("store", "net_minor", "store_days", "per_day_minor", "per_m2_minor")
    return Finding.worded(
        "margin.output", kind, values, words=words, status="none", table=shown,
        view=views.readable(shown, words=words),
        chart=labelled.amounts(bars, "per_day_minor", name="store", words=words, axis="margin.output.axis"),
        row_key=("store",),
    )  # fmt: skip


def dearer(found: pl.DataFrame) -> pl.DataFrame:
    """What the same goods cost more, by supplier and category; no rows unless purchases became dearer as a whole.

    found : of `sales.margins.purchases`.
    """
    by = margins.by_supplier(found, by=("supplier_id", "category"))
    return by.filter(pl.col("more_minor").sum() > DEARER * int(found["price_minor"].sum()))


def purchases(found: pl.DataFrame, *, words: Words, suppliers: Mapping[str, str]) -> Finding:
    """Say what was bought from whom and whether the same goods got dearer.

    found : of `sales.margins.purchases`.
    """
    form = words.format
    known = found.drop_nulls("price_index")
    total = int(found["price_minor"].sum())
    dear = margins.by_supplier(found)
    more = int(dear["more_minor"].sum())
    moved = "dearer" if more > DEARER * total else "cheaper" if more < -DEARER * total else "same"
    kind = "unknown" if known.is_empty() else moved
    values = {
        "total": form.money(total), "more": form.money(abs(more)),
        "suppliers": form.count(found["supplier_id"].n_unique()),
        "first": suppliers.get(dear["supplier_id"][0], dear["supplier_id"][0]) if dear.height else "",
        "index": form.change(dear["price_index"][0] - 1 if dear.height else None),
    }  # fmt: skip
    status: Status = "warn" if kind == "dearer" else "none" if kind == "unknown" else "ok"
    called = pl.Series("supplier", [suppliers.get(s, s) for s in found["supplier_id"]], dtype=pl.String)
    shown = found.with_columns(called).rename({"price_minor": "paid_minor", "before_minor": "bought_before_minor"})
    shown = shown.select("supplier", *(c for c in shown.columns if c not in ("supplier", "supplier_id")))
    bars = (
        found.group_by("supplier_id").agg(pl.col("price_minor").sum()).sort("price_minor", descending=True).head(ROWS)
    )
    said = pl.Series("name", [suppliers.get(s, s) for s in bars["supplier_id"]], dtype=pl.String)
    return Finding.worded(
        "margin.purchases", kind, values, words=words, status=status, table=shown,
        view=views.readable(shown, words=words), chart=labelled.amounts(bars, "price_minor", name=said, words=words),
        value_minor=max(more, 0), row_key=("supplier", "category", "unit"),
    )  # fmt: skip


def diversion(strays: pl.DataFrame, *, words: Words, name: Named) -> Finding:
    """Say how many lots were seen outside the region they were made for, and where most.

    strays : of `sales.diversion.strays`.
    """
    form = words.format
    ways = (
        strays.group_by("home", "region")
        .agg(seen=pl.len().cast(pl.Int64))
        .sort("seen", "home", descending=[True, False])
    )
    kind = "some" if strays.height else "none"
    values = {
        "seen": form.count(strays.height), "lots": form.count(strays["lot_id"].n_unique()),
        "home": ways["home"][0] if ways.height else "", "region": ways["region"][0] if ways.height else "",
        "most": form.count(int(ways["seen"][0]) if ways.height else 0),
    }  # fmt: skip
    shown = strays.select(
        day=pl.col("at").dt.date(), lot_id="lot_id", name=name(strays["product_id"]), home="home", region="region"
    )
    chart = None
    if ways.height:
        top = ways.head(ROWS)
        ways_said = told(top, "home", "region", by=lambda h, r: words("margin.diversion.way", home=h, region=r))
        frame = top.select(name=ways_said, value="seen", label=told(top, "seen", by=form.count))
        chart = labelled.bars(frame, words=words, title=words("margin.diversion.axis"))
    return Finding.worded(
        "margin.diversion", kind, values, words=words, status="fail" if strays.height else "ok", table=shown,
        view=views.readable(shown.head(20), words=words), chart=chart, row_key=("lot_id", "day"),
    )  # fmt: skip


def scanned(found: pl.DataFrame, *, words: Words) -> Finding:
    """Say whose codes turned up outside their regions more often than travellers explain.

    found : of `shared.diverted.scanned`.
    """
    form = words.format
    accused = found.filter("named")
    values = {
        "count": form.count(accused.height), "scans": form.count(int(found["scans"].sum())),
        "partners": form.count(found.height), "first": accused["partner"][0] if accused.height else "",
        "share": form.share(accused["share"][0] if accused.height else None),
        "region": accused["main_region"][0] if accused.height else "",
    }  # fmt: skip
    kind = "named" if accused.height else "free"
    shown = found.select(
        "partner", "scans", "elsewhere", elsewhere_share="share", named="named", main_region="main_region"
    )
    top = found.filter(pl.col("elsewhere") > 0).head(ROWS)
    frame = top.select(
        name="partner", value="share", label=told(top, "share", by=form.share),
        tone=pl.when("named").then(pl.lit("warn")).otherwise(pl.lit("plain")),
    )  # fmt: skip
    title = words("margin.scanned.axis")
    return Finding.worded(
        "margin.scanned", kind, values, words=words, key="margin.diversion", status="fail" if accused.height else "ok",
        table=shown, view=views.readable(shown.head(20), words=words),
        chart=labelled.bars(frame, words=words, title=title, percent=True) if top.height else None,
        row_key=("partner",),
    )  # fmt: skip


def floor(found: pl.DataFrame, *, words: Words, stores: Named, products: Named) -> Finding:
    """Say which store sold what under the lowest price allowed, and what that gave away.

    found : of `sales.diversion.under_floors`.
    """
    form = words.format
    by_store = found.group_by("store_id").agg(pl.col("given_minor").sum())
    by_store = by_store.sort("given_minor", "store_id", descending=[True, False])
    given = int(found["given_minor"].sum())
    named = found.select(store=stores(found["store_id"]), name=products(found["product_id"]))
    top = by_store.head(ROWS)
    at = stores(top["store_id"])
    values = {
        "stores": form.count(by_store.height), "goods": form.count(found["product_id"].n_unique()),
        "money": form.money(given), "first": at[0] if top.height else "",
        "most": form.money(int(top["given_minor"][0]) if top.height else 0),
    }  # fmt: skip
    shown = pl.concat([named, found.select(
        "quantity_milli", "floor_minor", sold_price_minor="price_minor", given_away_minor="given_minor"
    )], how="horizontal")  # fmt: skip
    return Finding.worded(
        "margin.floor", "under" if found.height else "none", values, words=words,
        status="warn" if found.height else "ok", table=shown,
        view=views.readable(shown.head(20), words=words) if found.height else None,
        chart=labelled.amounts(top, "given_minor", name=at, words=words) if top.height else None,
        value_minor=given, row_key=("store", "name"),
    )  # fmt: skip
