"""Whose rows these are: how each table is cut for a reader who may see some regions only.

A table with ``region`` keeps the rows of its readers' regions, one with ``store_id`` those of their shops, one with
``customer_id`` those of their members. Every other table says here how it is cut: by the table that its rows belong to,
in a way of its own, or not at all because it tells nothing about a region. A table that says nothing is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Way = Literal["region", "store", "customer", "named", "everybody", "promotion", "site", "unit", "party", "nobody"]
"""By an own column; by the pseudonym or number of a member; for everybody; promotions by their list of stores; sites by
their shop or town; targets by their unit; what is owed by its partner or member; and by nobody: refused to whoever may
not see all regions."""


@dataclass(frozen=True, slots=True)
class By:
    """Rows follow those of another table: `column` here is `on` there."""

    table: str
    column: str
    on: str


_COLUMNS: tuple[tuple[str, Way], ...] = (("region", "region"), ("store_id", "store"), ("customer_id", "customer"))
_PROMOTION, _STAFF = By("promotions", "promotion_id", "promotion_id"), By("staff", "staff_id", "staff_id")
WHOSE: dict[str, Way | By] = {
    **dict.fromkeys(
        ("products", "offers", "guided_products", "cells", "competitors", "figure_defs", "pool_rules", "score_rules",
         "service_calendar", "solutions", "seasons", "messages", "bundle_parts",
         "lots", "campaigns", "campaign_steps"), "everybody"),
    "promotions": "promotion",
    "bundles": "promotion",
    "promotion_steps": _PROMOTION,
    "promotion_claims": _PROMOTION,
    "sites": "site",
    "openings": By("sites", "site_id", "site_id"),
    "card_flows": By("sites", "site_id", "site_id"),
    "targets": "unit",
    "points": "customer",
    "card_moves": By("cards", "card_id", "card_id"),
    "voucher_moves": By("vouchers", "voucher_id", "voucher_id"),
    "invoices": "party",
    "payments": "party",
    "sale_orders": "party",
    **dict.fromkeys(("rosters", "person_targets", "score_corrections", "work_reports"), _STAFF),
    "line_credits": By("receipt_lines", "line_id", "line_id"),
    "cash_moves": By("accounts", "account_id", "account_id"),
    "allocations": By("payments", "payment_id", "payment_id"),
    "promises": By("invoices", "invoice_id", "invoice_id"),
    "write_offs": By("invoices", "invoice_id", "invoice_id"),
    "partner_moves": By("partners", "partner_id", "partner_id"),
    "partner_people": By("partners", "partner_id", "partner_id"),
    "partner_talks": By("partners", "partner_id", "partner_id"),
    "partner_needs": By("partners", "partner_id", "partner_id"),
    "partner_stock": By("partners", "partner_id", "partner_id"),
    "vouchers": By("stores", "sold_store", "store_id"),
    "code_scans": By("partners", "partner_id", "partner_id"),
    "deliveries": By("sale_orders", "order_id", "order_id"),
    "sale_order_lines": By("sale_orders", "order_id", "order_id"),
    "deals": By("staff", "owner_staff", "staff_id"),
    "stage_moves": By("deals", "deal_id", "deal_id"),
    "touches": By("leads", "lead_id", "lead_id"),
    "meeting_guests": By("meetings", "meeting_id", "meeting_id"),
    "meeting_orders": By("meetings", "meeting_id", "meeting_id"),
    "ticket_events": By("tickets", "ticket_id", "ticket_id"),
    "meeting_costs": By("meetings", "meeting_id", "meeting_id"),
    "order_steps": By("sale_orders", "order_id", "order_id"),
    "loss_reasons": "named",
    "card_merges": By("customers", "keep_id", "customer_id"),
    **dict.fromkeys(
        ("media_costs", "old_figures", "figure_differences", "draws", "read_outs", "suppressions", "calls"),
        "nobody"),
    **dict.fromkeys(("outreach", "outreach_events", "consents"), By("customers", "recipient_id", "customer_id")),
}  # fmt: skip


def whose(name: str, columns: Collection[str]) -> Way | By:
    """How the table `name` with these columns is cut.

    Examples
    --------
    >>> whose("receipt_lines", ["store_id", "customer_id"]), whose("products", ["product_id"]), whose("new", ["x"])
    ('store', 'everybody', 'nobody')
    """
    if name in WHOSE:
        return WHOSE[name]
    return next((way for column, way in _COLUMNS if column in columns), "nobody")
