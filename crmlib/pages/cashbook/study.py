"""The steps of the cash book."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.balances.cash import book, cycle, takings
from crmlib.balances.receivables import months
from crmlib.balances.roll_forward import Statement
from crmlib.balances.stock import books
from crmlib.pages.cashbook.parameters import Cashbook


class Study(report.Study):
    """From moves of money to what other books say of it, what is on its way, and how long it takes; in order."""

    @property
    def params(self) -> Cashbook:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def first(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    @property
    def whole(self) -> bool:
        """Whether the page shows all regions: bank accounts and partners belong to the whole company."""
        return self.page.regions is None

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """Tills, payment codes and bank accounts that this reader may see."""
        return self.page.table("accounts").collect()

    @cached_property
    def moves(self) -> pl.DataFrame:
        """Moves of money with their day, kind of account and store [minor units]."""
        return takings.dated(self.page.table("cash_moves").collect(), self.accounts)

    @cached_property
    def paid(self) -> pl.DataFrame:
        """What tills say was paid by which means: store_id, day, tender, amount_minor [minor units]."""
        tenders = self.page.optional("tenders")
        if tenders is not None:
            rows = tenders.filter(pl.col("at").dt.date() >= self.first).collect()
            return rows.with_columns(day=pl.col("at").dt.date())
        cells = self.page.remember(panels.store_day_tender, self.page.lines, start=self.first, end=self.page.as_of)
        day = pl.lit(date(1970, 1, 1)) + pl.duration(days=pl.col("day_n").cast(pl.Int64))
        return cells.select("store_id", day.cast(pl.Date).alias("day"), "tender", amount_minor="net_minor")

    @cached_property
    def ties(self) -> pl.DataFrame:
        """The cash book beside tills, card sales and partners' payments, row by row (`takings.TIE`)."""
        span = {"first": self.opened, "last": self.page.as_of}
        parts = [takings.tills(self.moves, self.paid, **span)]
        booked = set(self.moves["kind"].unique())
        if self.whole and "card_sale" in booked and not self.page.missing("card_moves"):
            parts.append(takings.other(self.moves, "card_sale", self._stored_sales(), by_store=True, **span))
        if self.whole and "collection" in booked and not self.page.missing("payments"):
            payments = self.page.table("payments").collect().with_columns(day=pl.col("at").dt.date())
            parts.append(takings.other(self.moves, "collection", payments, by_store=False, **span))
        return pl.concat(parts)

    @property
    def opened(self) -> date:
        """The day from which the book can be compared: the first of the month, or its own first day if later."""
        first = self.moves["day"].min()
        return max(self.first, first) if isinstance(first, date) else self.first

    def _stored_sales(self) -> pl.DataFrame:
        """What was paid for cards and vouchers: store_id, day, amount_minor."""
        cards = self.page.table("card_moves").filter(pl.col("paid_minor") > 0).collect()
        parts = [cards.select("store_id", day=pl.col("at").dt.date(), amount_minor="paid_minor")]
        vouchers = self.page.optional("vouchers")
        if vouchers is not None:
            sold = vouchers.drop_nulls("sold_at").collect()
            parts.append(sold.select(store_id="sold_store", day=pl.col("sold_at").dt.date(), amount_minor="sold_minor"))
        return pl.concat(parts)

    @cached_property
    def statement(self) -> Statement:
        """The month of every account, gaps to other books as a line."""
        return takings.statement(self.moves, self.ties, first=self.first, last=self.page.as_of)

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Every payment and every entry of the days that differ."""
        wrong = self.ties.filter(pl.col("gap_minor") != 0)
        return takings.entries(self.moves, self.paid, wrong)

    @cached_property
    def transit(self) -> pl.DataFrame:
        """Money that left a till or code and has not arrived at the bank."""
        return book.in_transit(self.moves, as_of=self.page.as_of, late_after=self.params.bank_within)

    @cached_property
    def counts(self) -> pl.DataFrame:
        """What counts of tills found more or less this month, by till: account_id, store_id, counts, amount_minor."""
        rows = self.moves.filter(pl.col("kind") == "adjust", pl.col("day") >= self.first)
        sums = rows.group_by("account_id", "store_id").agg(
            counts=pl.len().cast(pl.Int64), amount_minor=pl.col("amount_minor").sum()
        )
        return sums.sort(pl.col("amount_minor"), "account_id")

    @cached_property
    def waiting(self) -> pl.DataFrame:
        """How long cash lies in the tills, and since when what is still there."""
        return book.days_to_bank(self.moves.filter(pl.col("account_kind").is_in(takings.CLASSES[takings.CASH])))

    @cached_property
    def cycle(self) -> tuple[pl.DataFrame, float | None]:
        """Stock, receivables and payables in days, and what they come to; a part that is not connected has none."""
        parts: list[tuple[str, int, float | None]] = []
        as_of = self.page.as_of
        if not self.page.missing("stock_moves", "products"):
            sold = cycle.sold_at_cost(self.page.remember(panels.store_day, self.page.lines))
            parts.append(cycle.part("stock", self._stock_value(), sold, as_of=as_of))
        if not self.page.missing("invoices", "payments"):
            made = months.tables(
                self.page.table("invoices").collect(), self.page.table("payments").collect(),
                self._optional("allocations"), self._optional("write_offs"),
            )  # fmt: skip
            sold = made.invoices.select("amount_minor", day="issued_on")
            parts.append(cycle.part("receivable", months.at(made, as_of).owed_minor, sold, as_of=as_of))
        if not self.page.missing("purchases", "suppliers"):
            bought, suppliers = (self.page.table(name).collect() for name in ("purchases", "suppliers"))
            owed = cycle.owed_by_terms(bought, suppliers, as_of=as_of)
            parts.append(cycle.part("payable", owed, cycle.received(bought), as_of=as_of))
        return cycle.cycle(parts)

    def _stock_value(self) -> int:
        """Goods at cost by the book and the counts, as the stock page closes them [minor units]."""
        products = self.page.table("products").collect()
        moves = books.valued(self.page.table("stock_moves").collect(), products, self._optional("lots"))
        made = books.books(moves, self._optional("stock"), products, first=self.first, last=self.page.as_of)
        return int(made.value.totals["closing"])

    def _optional(self, table: str) -> pl.DataFrame | None:
        found = self.page.optional(table)
        return None if found is None else found.collect()

    @cached_property
    def names(self) -> dict[str, str]:
        """Shops by name; none where stores are not connected."""
        stores = self.page.optional("stores")
        if stores is None:
            return {}
        return dict(stores.select("store_id", pl.coalesce("name", "store_id")).collect().iter_rows())

    @cached_property
    def called(self) -> dict[str, str]:
        """Accounts by name."""
        return dict(self.accounts.select("account_id", pl.coalesce("name", "account_id")).iter_rows())
