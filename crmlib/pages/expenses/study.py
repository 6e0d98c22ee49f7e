"""The steps of the expenses report."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.pages.expenses.parameters import Expenses
from crmlib.promotion.books import books
from crmlib.sales import expenses as costs
from crmlib.sales import spending


class Study(report.Study):
    """From vouchers of expenses to what they take of sales, what changed, and what stores keep; in this order."""

    @property
    def params(self) -> Expenses:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def expenses(self) -> pl.DataFrame:
        """The vouchers up to the month of the page [minor units]."""
        return self.page.table("expenses").filter(pl.col("month") <= self.page.as_of).collect()

    @cached_property
    def weights(self) -> pl.DataFrame:
        """Sales, area and staff of every store and month."""
        return spending.store_months(
            self.page.remember(panels.store_day, self.page.lines), self.page.table("stores").collect()
        )

    @cached_property
    def months(self) -> pl.DataFrame:
        """Expenses by month and kind, and their share of the month's net sales."""
        sold = self.weights.group_by("month").agg(pl.col("net_minor").sum())
        kinds = self.expenses.with_columns(pl.col("kind", "state").cast(pl.String))
        return costs.of_sales(kinds, sold)

    @cached_property
    def spent(self) -> pl.DataFrame:
        """Every line this year so far against a year ago: volume and spending."""
        return spending.against_last_year(self.expenses, self.weights, as_of=self.page.as_of)

    @cached_property
    def vouchers(self) -> pl.DataFrame:
        """Vouchers of the year, those of the most overspent lines first: expense_line, store, month, amount_minor."""
        year = self.page.as_of.replace(month=1, day=1)
        rows = self.expenses.filter(pl.col("month") >= year).join(
            self.spent.select("line", "spending_minor"), on="line", how="left", maintain_order="left"
        )
        rows = rows.sort("spending_minor", "line", "amount_minor", "expense_id", descending=[True, False, True, False])
        store = pl.Series("store", [self.names.get(s, s) for s in rows["store_id"]], dtype=pl.String)
        return rows.with_columns(store).select(
            "store", "month", "amount_minor", expense_line="line", slip_id="expense_id"
        )

    @cached_property
    def by_store_line(self) -> pl.DataFrame:
        """The same by store, own costs only."""
        own = self.expenses.filter(pl.col("store_id").is_not_null())
        return spending.against_last_year(own, self.weights, as_of=self.page.as_of, by=("store_id", "line"))

    @cached_property
    def stores(self) -> pl.DataFrame:
        """What each store keeps of its margin after own and shared costs, this year so far."""
        return spending.by_store(self.expenses, self.weights, as_of=self.page.as_of)

    @cached_property
    def budget(self) -> pl.DataFrame:
        """Budget of the year for promotions by region and store, and what was paid of it [minor units]."""
        return books.by_store(self.page.table("budgets"), self.page.table("promotion_costs"), as_of=self.page.as_of)

    @cached_property
    def names(self) -> dict[str, str]:
        """Shops by name."""
        stores = self.page.table("stores").select("store_id", pl.coalesce("name", "store_id")).collect()
        return dict(stores.iter_rows())
