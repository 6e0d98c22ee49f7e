"""The steps of the receivables report."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib import report
from crmlib.balances.receivables import months, settle
from crmlib.balances.receivables.open_items import OpenItems
from crmlib.balances.roll_forward import Statement
from crmlib.pages.receivables.parameters import Receivables


class Study(report.Study):
    """From invoices and payments to what is open, what will come, and whom to call; in this order."""

    @property
    def params(self) -> Receivables:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def first(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    @cached_property
    def tables(self) -> months.Tables:
        """Invoices and payments of those who owe us, with their allocations and write-offs [minor units]."""
        return months.tables(
            self.page.table("invoices").collect(), self.page.table("payments").collect(),
            self._optional("allocations"), self._optional("write_offs"),
        )  # fmt: skip

    @cached_property
    def open(self) -> OpenItems:
        """What is open today, by bucket of lateness."""
        return months.at(self.tables, self.page.as_of)

    @cached_property
    def book(self) -> Statement:
        """The ledger of the month, beside the open items."""
        return months.book(self.tables, first=self.first, last=self.page.as_of, found=self.open)

    @cached_property
    def settled(self) -> pl.DataFrame:
        """Every instalment with the day on which it was paid in full."""
        t = self.tables
        return settle.settled(t.invoices, t.payments, t.allocations, as_of=self.page.as_of, owner="owner")

    @cached_property
    def coming(self) -> settle.Coming:
        """Cash of the next 30 days from what is open."""
        return settle.coming(self.settled, as_of=self.page.as_of)

    @cached_property
    def items(self) -> pl.DataFrame:
        """Open instalments with p_late, saved [minor units × days], loss_minor and the last promise."""
        rows = settle.calls(self.settled, self.open.items, as_of=self.page.as_of, owner="owner")
        rows = rows.with_columns(settle.losses(self.settled, self.open.items, as_of=self.page.as_of))
        if self.promised is None:
            return rows.with_columns(promised_on=pl.lit(None, dtype=pl.Date), state=pl.lit(None, dtype=pl.String))
        return months.with_promises(rows, self.promised)

    @cached_property
    def promised(self) -> pl.DataFrame | None:
        """Promises and what came of them; none where not connected."""
        found = self._optional("promises")
        return None if found is None else months.promised(found, self.settled, as_of=self.page.as_of)

    @cached_property
    def by_month(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Buckets at each month's end; days outstanding there."""
        return months.by_month(self.tables, as_of=self.page.as_of)

    @cached_property
    def names(self) -> pl.DataFrame:
        """Who owes, as shown: owner, name (a member by pseudonym), keeper, limit_minor."""
        partners = self._optional("partners")
        members = self.tables.invoices.filter(pl.col("partner_id").is_null())["owner"].unique().sort()
        shown = pl.DataFrame({"owner": members, "name": self.page.pseudonyms(members)})
        shown = shown.with_columns(keeper=pl.lit(None, dtype=pl.String), limit_minor=pl.lit(None, dtype=pl.Int64))
        if partners is None:
            return shown
        known = partners.select(
            owner="partner_id", name=pl.coalesce("name", "partner_id"),
            keeper=pl.col("owner_staff").replace(self.titles("staff", "staff_id")),
            limit_minor="credit_limit_minor",
        )  # fmt: skip
        return pl.concat([known, shown])

    @cached_property
    def open_rows(self) -> pl.DataFrame:
        """Every open instalment, the latest first, with who owes it."""
        called = self.names.select("owner", customer="name")
        rows = self.open.items.join(called, on="owner", how="left", maintain_order="left")
        rows = rows.sort("days_late", "invoice_id", descending=[True, False], nulls_last=True)
        return rows.select(
            "customer", "invoice_id", "instalment", "issued_on", "due_on", "amount_minor", "open_minor",
            late_days="days_late", bucket="bucket",
        )  # fmt: skip

    def _optional(self, table: str) -> pl.DataFrame | None:
        found = self.page.optional(table)
        return None if found is None else found.collect()
