"""Coupons used: by whom, which may have brought somebody, and until when each runs."""

from __future__ import annotations

import polars as pl

from crmlib.customers.loyalty.coupons import GROUPS
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told


def coupons(use: pl.DataFrame, offers: pl.DataFrame, *, words: Words) -> Finding:
    """What members paid with coupons who would have come anyway, and what those who were late or new.

    Parameters
    ----------
    use : `coupon_use` of the year; offers : promotion_id, name, ends_on of the coupons that are known.
    """
    form = words.format
    names = dict(offers.select("promotion_id", "name").iter_rows())
    whole, by = int(use["net_minor"].sum()), _by_group(use)
    anyway, known = by["on_time"], whole - by["nobody"]
    values = {
        "money": form.money(whole),
        "receipts": form.count(int(use["receipts"].sum())),
        **{g: form.money(n) for g, n in by.items()},
        "members": form.money(known),
        "share": form.share(anyway / known if known > 0 else None),
        "unnamed": form.share(_unnamed(use) / whole if whole else None),
    }
    table = use.join(offers.select(coupon="promotion_id", ends_on="ends_on"), on="coupon", how="left").rename(
        {"group": "coupon_group"}
    )
    view = table.with_columns(
        coupon=pl.Series(
            [names.get(c, c) if c else words("cards.coupons.unnamed") for c in table["coupon"]], dtype=pl.String
        )
    )
    kind = "none" if not whole else "most" if known > 0 and anyway > known / 2 else "some"
    shown = pl.DataFrame({"group": list(GROUPS), "money": [by[g] for g in GROUPS]})
    return Finding.worded(
        "cards.coupons",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(view, words=words) if table.height else None,
        chart=labelled.bars(
            shown.select(
                name=told(shown, "group", by=lambda g: words(f"cards.coupon_group.{g}")),
                value=pl.col("money") / 100,
                label=told(shown, "money", by=form.money),
            ),
            words=words,
            title=words("cards.coupons.axis"),
        )
        if whole > 0
        else None,
        value_minor=whole,
        row_key=("coupon", "coupon_group"),
    )  # fmt: skip


def _by_group(use: pl.DataFrame) -> dict[str, int]:
    sums = dict(use.group_by("group").agg(pl.col("net_minor").sum()).iter_rows())
    return {g: int(sums.get(g, 0)) for g in GROUPS}


def _unnamed(use: pl.DataFrame) -> int:
    return int(use.filter(pl.col("coupon").is_null())["net_minor"].sum())
