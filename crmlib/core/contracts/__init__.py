"""Contracts: the tables of the lake, column by column, with the rules every row must keep.

One file per domain. To add a table: write its `Table` schema and its `Contract`, and name it in `CONTRACTS`.
"""

from crmlib.core.contracts.base import LARGEST, TIME_ZONE, UNITS, Contract, Table
from crmlib.core.contracts.bundles import BUNDLE_PARTS, BUNDLES, FESTIVAL_PLANS, OFFER_ROWS, PARTNER_PEOPLE
from crmlib.core.contracts.business import PARTNER_NEEDS, PARTNER_TALKS
from crmlib.core.contracts.care import CARE_TASKS, GUIDED_PRODUCTS, SPECIAL_DAYS
from crmlib.core.contracts.cash import ACCOUNTS, CASH_MOVES
from crmlib.core.contracts.channel import (
    CODE_SCANS,
    DELIVERIES,
    ORDER_STEPS,
    PARTNER_MOVES,
    SALE_ORDER_LINES,
    SALE_ORDERS,
    SHELF_CHECKS,
)
from crmlib.core.contracts.contacts import CONTACTS, LOSS_REASONS_GIVEN
from crmlib.core.contracts.customers import ASSIGNMENTS, CARD_MERGES, CUSTOMERS, PEOPLE
from crmlib.core.contracts.expenses import EXPENSES
from crmlib.core.contracts.introduction import FIGURE_DIFFERENCES, OLD_FIGURES, ROLLOUT_STEPS
from crmlib.core.contracts.lists import (
    CAMPAIGN_STEPS,
    CAMPAIGNS,
    DRAWS,
    OUTREACH,
    OUTREACH_EVENTS,
    READ_OUTS,
    SEASONS,
)
from crmlib.core.contracts.meetings import MEETING_COSTS, MEETING_GUESTS, MEETING_ORDERS, MEETINGS
from crmlib.core.contracts.offers import OFFERS
from crmlib.core.contracts.permissions import CONSENTS, MESSAGES, SUPPRESSIONS
from crmlib.core.contracts.pipeline import DEALS, LEADS, MEDIA_COSTS, STAGE_MOVES, TOUCHES
from crmlib.core.contracts.points import POINTS
from crmlib.core.contracts.pool import POOL_MOVES, POOL_RULES
from crmlib.core.contracts.products import PRODUCTS
from crmlib.core.contracts.promotion_books import (
    BUDGETS,
    ORDERS,
    PROMOTION_CLAIMS,
    PROMOTION_COSTS,
    PROMOTION_NOTES,
    PROMOTION_STEPS,
    STAFF,
    STOCK,
)
from crmlib.core.contracts.promotions import PROMOTIONS
from crmlib.core.contracts.purchasing import LISTINGS, LOT_SIGHTINGS, PURCHASES, SUPPLIERS
from crmlib.core.contracts.receipts import RECEIPT_LINES
from crmlib.core.contracts.receivables import ALLOCATIONS, INVOICES, PARTNERS, PAYMENTS, PROMISES, WRITE_OFFS
from crmlib.core.contracts.service import CALLS, ROSTERS, SERVICE_CALENDAR, SOLUTIONS, TICKET_EVENTS, TICKETS
from crmlib.core.contracts.sites import CARD_FLOWS, CELLS, COMPETITORS, OPENINGS, SITES
from crmlib.core.contracts.staff_figures import (
    FIGURE_DEFS,
    PERSON_TARGETS,
    SCORE_CORRECTIONS,
    SCORE_RULES,
    WORK_REPORTS,
)
from crmlib.core.contracts.stock_books import HELD_MOVES, LOTS, PARTNER_STOCK, STOCK_MOVES
from crmlib.core.contracts.stored_value import CARD_MOVES, CARDS, VOUCHER_MOVES, VOUCHERS
from crmlib.core.contracts.stores import CLOSURES, STORES
from crmlib.core.contracts.targets import PRICE_FLOORS, TARGETS
from crmlib.core.contracts.tenders import LINE_CREDITS, TENDERS
from crmlib.core.contracts.whose import By, Way, whose

_ALL = (
    *(RECEIPT_LINES, CUSTOMERS, PEOPLE, PRODUCTS, STORES, PROMOTIONS, CONTACTS, POINTS, CLOSURES),
    *(ASSIGNMENTS, CARD_MERGES, LOSS_REASONS_GIVEN),
    *(OFFERS, PROMOTION_STEPS, PROMOTION_COSTS, PROMOTION_CLAIMS, PROMOTION_NOTES, BUDGETS, STAFF),
    *(ORDERS, STOCK),
    *(LOTS, STOCK_MOVES, PARTNER_STOCK, HELD_MOVES),
    *(PARTNERS, INVOICES, PAYMENTS, ALLOCATIONS, PROMISES, WRITE_OFFS),
    *(PARTNER_TALKS, PARTNER_NEEDS),
    *(CARDS, CARD_MOVES, VOUCHERS, VOUCHER_MOVES, ACCOUNTS, CASH_MOVES),
    *(TENDERS, LINE_CREDITS, TARGETS, PRICE_FLOORS, SUPPLIERS, PURCHASES, LISTINGS, LOT_SIGHTINGS, EXPENSES),
    *(SITES, CELLS, COMPETITORS, OPENINGS, CARD_FLOWS),
    *(CARE_TASKS, GUIDED_PRODUCTS, SPECIAL_DAYS),
    *(CODE_SCANS, DELIVERIES, ORDER_STEPS, PARTNER_MOVES, SALE_ORDER_LINES, SALE_ORDERS, SHELF_CHECKS),
    *(FIGURE_DIFFERENCES, OLD_FIGURES, ROLLOUT_STEPS),
    *(MEETING_COSTS, MEETING_GUESTS, MEETING_ORDERS, MEETINGS),
    *(DEALS, LEADS, MEDIA_COSTS, STAGE_MOVES, TOUCHES),
    *(POOL_MOVES, POOL_RULES),
    *(CALLS, ROSTERS, SERVICE_CALENDAR, SOLUTIONS, TICKET_EVENTS, TICKETS),
    *(FIGURE_DEFS, PERSON_TARGETS, SCORE_CORRECTIONS, SCORE_RULES, WORK_REPORTS),
    *(CAMPAIGNS, CAMPAIGN_STEPS, OUTREACH, OUTREACH_EVENTS, DRAWS, READ_OUTS, SEASONS),
    *(CONSENTS, SUPPRESSIONS, MESSAGES),
    *(BUNDLES, BUNDLE_PARTS, OFFER_ROWS, FESTIVAL_PLANS, PARTNER_PEOPLE),
)
CONTRACTS: dict[str, Contract] = {c.name: c for c in _ALL}

__all__ = ["CONTRACTS", "LARGEST", "TIME_ZONE", "UNITS", "By", "Contract", "Table", "Way", "whose"]
