"""An offer drafted in its own terms, priced on real baskets before anybody approves it."""

from __future__ import annotations

import polars as pl

from crmlib.core.errors import ContractError
from crmlib.kit import table as views
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.promotion_desk.drafting import terms
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.tried import DAYS, Tried


def draft(
    offer: Offer | None, found: Tried | None, products: pl.DataFrame, *, words: Words, address: str = ""
) -> Finding:
    """What the draft would have cost on the receipts of the last weeks, and one of them line by line.

    offer : none where nothing was drafted; found : none where no receipt held its goods; address : where it is kept.
    """
    form = words.format
    if offer is None or found is None:
        return _bare("none" if offer is None else "nothing", words)
    needed = found.needed
    kind = "idle" if not found.touched else "never" if needed is None else "priced"
    values = {
        "offer": terms(offer, words), "days": form.count(DAYS),
        "baskets": form.count(found.baskets), "touched": form.count(found.touched),
        "share": form.share(found.touched / found.baskets if found.baskets else None, digits=0),
        "discount": form.money(found.discount_minor), "margin": form.money(found.margin_minor),
        "needed": form.change(needed, digits=0),
        "before": form.money(int(found.basket["list_minor"].sum())),
        "after": form.money(int(found.basket["net_minor"].sum())),
    }  # fmt: skip
    names = dict(products.select("product_id", "name").iter_rows()) if "name" in products.columns else {}
    table = found.basket.with_columns(
        name=pl.Series([str(names.get(p, p)) for p in found.basket["product_id"]], dtype=pl.String)
    ).select("name", "quantity_milli", "list_minor", "discount_minor", paid_minor="net_minor")
    status: Status = {"never": "fail", "idle": "warn"}.get(kind, "none")  # type: ignore[assignment]
    return Finding.worded(
        "promotion_desk.draft",
        kind,
        values,
        words=words,
        key="promotion.draft",
        status=status,
        table=table,
        view=views.readable(table, words=words, exact=True) if table.height else None,
        value_minor=found.discount_minor or None,
        leads=((words("promotion_desk.draft.keep"), address),) if kind in {"priced", "never"} else (),
    )


def refused(_why: ContractError, *, words: Words) -> Finding:
    """The draft cannot be meant: what would be."""
    return _bare("refused", words)


def _bare(kind: str, words: Words) -> Finding:
    status: Status = "warn" if kind == "refused" else "none"
    return Finding.worded(
        "promotion_desk.draft", kind, {"days": words.format.count(DAYS)}, words=words, key="promotion.draft",
        status=status, table=pl.DataFrame(),
    )  # fmt: skip
