"""Vouchers for goods: the same lives and the same draws to come on every page of a day."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from crmlib import report
from crmlib.balances.liability import stored, vouchers
from crmlib.balances.stock import books


class VoucherStudy(report.Study):
    """Every voucher that was sold, what will be drawn until the next festival, what shops lack for it."""

    @cached_property
    def vouchers(self) -> pl.DataFrame:
        """Every voucher that was sold: when, when it went, for which festival."""
        table, moves = (self.page.table(name).collect() for name in ("vouchers", "voucher_moves"))
        return stored.lives(table, moves, as_of=self.page.as_of)

    @cached_property
    def coming(self) -> stored.Festival | None:
        """The next festival: vouchers open and to be drawn; none where none waits."""
        return stored.festival(self.vouchers, as_of=self.page.as_of)

    @cached_property
    def needed(self) -> pl.DataFrame | None:
        """What each shop lacks for the draws to come; none without counts of stock or a festival."""
        counts, coming = self.page.optional("stock"), self.coming
        if counts is None or coming is None:
            return None
        have = books.latest(counts.collect(), as_of=self.page.as_of)
        expected = coming.future.expected
        ratio = max(coming.future.high / expected, 1.0) if expected else 1.0
        return vouchers.goods_needed(coming.rows, have, upper_ratio=ratio)
