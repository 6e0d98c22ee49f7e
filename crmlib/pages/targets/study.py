"""The steps of the targets page."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels
from crmlib.balances.receivables import months
from crmlib.core.errors import LakeError, ModelError
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.pages.shared.sales_ground import SalesStudy
from crmlib.pages.targets.parameters import MINOR_PER_TOTAL, Targets
from crmlib.sales import outlook, people, plans, targets

USUAL = 28
"""Days behind the usual day of a person."""


class Study(SalesStudy):
    """From targets in force to the month's end, the year, stores, people, changes and next year's split."""

    @property
    def params(self) -> Targets:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def expected(self) -> outlook.Completion:
        """Where the month will end, judged by the targets in force; without any, where it will end."""
        try:
            return self.outlook
        except LakeError as refused:
            if refused.code != "report.not_connected":
                raise
        except ModelError as refused:
            if refused.code != "sales.no_target":
                raise
        first, last = self.month
        return outlook.completion(self.days, first=first, last=last, as_of=self.page.as_of)

    @cached_property
    def asked_of_all(self) -> int:
        """The target of all stores of the page for this month [minor units]."""
        whole = targets.of_stores(self.asked).filter(pl.col("unit_id").is_null())
        return int(whole["amount_minor"].sum())

    @cached_property
    def path(self) -> pl.DataFrame:
        """The month's target by day in last year's shape, and what was sold: day, target_minor, net_minor."""
        first, last = self.month
        path = plans.path(self.days, first=first, last=last, amount_minor=self.asked_of_all)
        sold = self.days.group_by("day").agg(pl.col("net_minor").sum())
        return path.join(sold, on="day", how="left", maintain_order="left")

    @cached_property
    def store_days(self) -> pl.DataFrame:
        """What the month's sales are made of: store, day, receipts, net_minor; by store and day."""
        rows = self.days.filter(pl.col("day").is_between(*self.month)).drop_nulls("store_id").sort("store_id", "day")
        return rows.select(self.store_names(rows["store_id"]).alias("store"), "day", "receipts", "net_minor")

    @cached_property
    def months(self) -> pl.DataFrame:
        """The year's months: month, target_minor, actual_minor (null: ahead)."""
        return plans.by_month(self.page.table("targets"), self.days, year=self.page.as_of.year, as_of=self.page.as_of)

    @cached_property
    def changed(self) -> pl.DataFrame:
        """How the company's targets of this year were changed."""
        return plans.changes(self.page.table("targets"), year=self.page.as_of.year)

    @cached_property
    def broken(self) -> pl.DataFrame:
        """Targets in force whose parts do not add up to them."""
        tree = [] if self.shops is None else [self.shops.select(unit_id="store_id", parent_id="region")]
        if self.shops is not None:
            regions = self.shops.select(unit_id=pl.col("region")).drop_nulls().unique().sort("unit_id")
            tree.append(regions.with_columns(parent_id=pl.lit(None, dtype=pl.String)))
        if self.page.has("staff"):
            staff = self.page.table("staff").select("staff_id", "store_id").collect()
            tree.append(staff.drop_nulls("store_id").select(unit_id="staff_id", parent_id="store_id"))
        held = targets.in_force(self.page.table("targets"), on=self.page.as_of)
        return targets.unbalanced(held, pl.concat(tree)) if tree else held.head(0)

    @cached_property
    def shared(self) -> pl.DataFrame | None:
        """Lines of this month and of the usual days that were sold together, a row per person; none: not connected."""
        shares = self.page.optional("line_credits")
        if shares is None:
            return None
        return panels.lines_shared(self.lines, shares, start=self.looked_at, end=self.page.as_of)

    @property
    def looked_at(self) -> date:
        """The first day behind what people sold: of the month, or of their usual days."""
        return min(self.month[0], self.page.as_of - timedelta(days=USUAL - 1))

    @cached_property
    def by_seller(self) -> pl.DataFrame:
        """Sales of each person and day of late by contribution: staff_id, day, net_minor, lines."""
        cube = self.page.remember(panels.store_day_cube, self.lines, start=self.looked_at, end=self.page.as_of)
        dated = cube.with_columns(day=pl.col("day_n").cast(pl.Date))
        rung = dated.drop_nulls("staff_id").select("staff_id", "day", "net_minor", "lines")
        if self.shared is None or self.shared.is_empty():
            return rung
        return pl.concat([rung, people.moved(self.shared)])

    @cached_property
    def sold_together(self) -> tuple[int, int] | None:
        """Lines of this month that several people share and their net [minor units]; none: no shares connected."""
        if self.shared is None:
            return None
        lines = self.shared.filter(pl.col("day") >= self.month[0]).unique("line_id")
        return lines.height, int(lines["net_minor"].sum())

    @cached_property
    def sellers(self) -> pl.DataFrame:
        """The sheet of everybody with a target: sold, calls, gap, what a day must bring beside the usual day."""
        first, last = self.month
        asked = self.asked.filter(pl.col("level") == "staff").rename({"unit_id": "staff_id"})
        if asked.is_empty():
            raise ModelError("sales.no_target", values={"month": f"{first:%Y-%m}", "day": str(self.page.as_of)})
        now = pl.col("day") >= first
        recent = pl.col("day") > self.page.as_of - timedelta(days=USUAL)
        facts = self.by_seller.group_by("staff_id").agg(
            sold_minor=pl.col("net_minor").filter(now).sum(),
            usual_day_minor=(pl.col("net_minor").filter(recent).sum() / USUAL).round().cast(pl.Int64),
            lines=pl.col("lines").filter(now | recent).sum(),
        )  # fmt: skip
        facts = facts.filter(pl.col("lines") > 0).drop("lines")
        if self.page.has("contacts"):
            made = self.page.table("contacts").filter(pl.col("at").dt.date() >= first).drop_nulls("staff_id")
            facts = facts.join(
                made.group_by("staff_id").agg(calls=pl.len().cast(pl.Int64)).collect(), on="staff_id", how="left"
            )
        facts = facts.join(self.by_keeper, on="staff_id", how="full", coalesce=True)
        staff = asked.select("staff_id")
        if self.page.has("staff"):
            known = self.page.table("staff").select("staff_id", "store_id", "left_on").collect()
            gone = (pl.col("left_on") < first).fill_null(value=False)
            staff = staff.join(known.filter(~gone).drop("left_on"), on="staff_id")
        return people.sheet(staff, targets=asked, facts=facts, as_of=self.page.as_of, last=last)

    @cached_property
    def by_keeper(self) -> pl.DataFrame:
        """What keepers of partners collected this month, have to remind and have open, of what is connected."""
        partners, deals = self.page.optional("partners"), self.page.optional("deals")
        if partners is None:
            return people.by_keeper(
                pl.DataFrame(schema={"partner_id": pl.String, "owner_staff": pl.String}),
                payments=None, items=None, deals=deals, first=self.month[0], last=self.page.as_of,
            )  # fmt: skip
        paid, items = None, None
        if not self.page.missing("invoices", "payments"):
            given, lost = self.page.optional("allocations"), self.page.optional("write_offs")
            owed = months.tables(self.page.table("invoices"), self.page.table("payments"), given, lost)
            paid, items = owed.payments, months.at(owed, self.page.as_of).items
        return people.by_keeper(
            partners, payments=paid, items=items, deals=deals, first=self.month[0], last=self.page.as_of
        )

    @cached_property
    def total(self) -> int:
        """What is split for next year [minor units]: as asked, else this year's target."""
        given = round(self.params.total * MINOR_PER_TOTAL)
        return given or int(self.months["target_minor"].sum())

    @cached_property
    def proposed(self) -> pl.DataFrame:
        """Next year's split: region, store_id, month, amount_minor; exact in steps."""
        step = self.params.step * MINOR_PER_UNIT[self.words.format.currency]
        return plans.proposal(self.days, year=self.page.as_of.year + 1, total_minor=self.total, step_minor=step)
