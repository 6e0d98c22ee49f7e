"""The steps of the page of business customers."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import polars as pl

from crmlib.balances.receivables import months
from crmlib.balances.receivables.open_items import LATE, OpenItems
from crmlib.cases import cycle, order_book
from crmlib.core.errors import ModelError
from crmlib.customers import business
from crmlib.pages.business.parameters import Business
from crmlib.pages.shared.members import MemberStudy
from crmlib.pages.shared.order_ground import OrderStudy

LAST = 20
"""Lines of the time line of one customer."""
EVENT = {"day": pl.Date, "business_event": pl.String, "amount_minor": pl.Int64, "business_note": pl.String}


class Study(OrderStudy, MemberStudy):
    """From orders, invoices, needs and talks to one file of business customers and whom to see; in this order."""

    @property
    def params(self) -> Business:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def partners(self) -> pl.DataFrame:
        """The file of partners."""
        return self.page.table("partners").collect()

    @cached_property
    def bought(self) -> pl.DataFrame:
        """What each bought: orders, and invoices of those without orders [minor units]."""
        lines = self.collected("sale_order_lines")
        orders = None if self.booked is None or lines is None else order_book.amounts(self.booked, lines)
        return business.bought(orders, self.collected("invoices"), as_of=self.page.as_of)

    @cached_property
    def customers(self) -> pl.DataFrame:
        """One row a business customer, with industry, size, orders and value of the year and the one before."""
        return business.file(self.partners, self.bought, as_of=self.page.as_of)

    @cached_property
    def needs(self) -> pl.DataFrame | None:
        """What they said that they need, by season; none where nobody writes it down."""
        return self.collected("partner_needs")

    @cached_property
    def seasons(self) -> pl.DataFrame:
        """Needs by season: said, ordered, open."""
        return business.by_season(self.page.table("partner_needs").collect())

    @cached_property
    def outlook(self) -> business.Outlook | None:
        """What open needs will bring; none where nobody writes them down."""
        return None if self.needs is None else business.outlook(self.needs, rng=self.page.rng)

    @cached_property
    def rhythm(self) -> pl.DataFrame:
        """Business customers with a rhythm: partner_id, state, p_30, last_on, usual_gap, net_minor by order."""
        blank = {"partner_id": pl.String, "state": pl.String, "p_30": pl.Float64, "net_minor": pl.Int64}
        try:
            every = self.said.buyers
        except ModelError:
            return pl.DataFrame(schema=blank | {"last_on": pl.Date, "usual_gap": pl.Float64})
        mine = every.join(self.customers, left_on="customer_id", right_on="partner_id", how="semi")
        rows = mine.join(self.worth, on="customer_id", how="left", maintain_order="left")
        return rows.select(
            "last_on", "usual_gap", "p_30", partner_id="customer_id", state=pl.col("state").cast(pl.String),
            net_minor=pl.col("net_minor").fill_null(0),
        )  # fmt: skip

    @cached_property
    def late(self) -> pl.DataFrame:
        """Those whose next order is late and who have more likely than not not stopped; as `rhythm`."""
        if self.rhythm.is_empty():
            return self.rhythm
        listed = cycle.to_call(self.said, self.worth.select("customer_id", "margin_minor"))
        return self.rhythm.join(listed, left_on="partner_id", right_on="customer_id", how="semi", maintain_order="left")

    @cached_property
    def open(self) -> OpenItems | None:
        """What is owed today, as the page of receivables has it; none where invoices are not connected."""
        invoices, payments = self.collected("invoices"), self.collected("payments")
        if invoices is None or payments is None:
            return None
        given = months.tables(invoices, payments, self.collected("allocations"), self.collected("write_offs"))
        return months.at(given, self.page.as_of)

    @cached_property
    def owed(self) -> pl.DataFrame:
        """partner_id, owed_minor, late_minor, days_late (the oldest) of business customers that owe."""
        schema = {"partner_id": pl.String, "owed_minor": pl.Int64, "late_minor": pl.Int64, "days_late": pl.Int64}
        if self.open is None:
            return pl.DataFrame(schema=schema)
        late = pl.col("bucket").is_in(LATE)
        rows = self.open.items.group_by(partner_id="owner").agg(
            owed_minor=pl.col("open_minor").sum(), late_minor=pl.col("open_minor").filter(late).sum(),
            days_late=pl.col("days_late").filter(late).max().cast(pl.Int64),
        )  # fmt: skip
        return rows.join(self.customers, on="partner_id", how="semi").sort("partner_id")

    @cached_property
    def talks(self) -> pl.DataFrame | None:
        """Talks up to the page's day; none where nobody writes them down."""
        found = self.collected("partner_talks")
        return None if found is None else found.filter(pl.col("at").dt.date() <= self.page.as_of)

    @cached_property
    def todo(self) -> pl.DataFrame:
        """Whom to see, with each reason and what is at stake."""
        needs = pl.DataFrame(schema={"partner_id": pl.String, "season": pl.String, "season_year": pl.Int32})
        if self.needs is None:
            needs = needs.with_columns(budget_minor=pl.lit(0, dtype=pl.Int64), decided_by=pl.lit(None, dtype=pl.Date))
        else:
            still = pl.col("state").cast(pl.String) == "open"
            needs = self.needs.filter(still, pl.col("budget_minor") > 0).with_columns(pl.col("season").cast(pl.String))
        spoken = None
        if self.talks is not None:
            spoken = self.talks.group_by("partner_id").agg(talked_on=pl.col("at").dt.date().max())
        rate = None if self.outlook is None else self.outlook.rate
        return business.to_see(
            self.customers, late=self.late, needs=needs, owed=self.owed.drop("owed_minor"), talks=spoken, rate=rate,
            as_of=self.page.as_of,
        ).join(self.named, on="partner_id", how="left", maintain_order="left")  # fmt: skip

    @cached_property
    def named(self) -> pl.DataFrame:
        """partner_id, buyer, region, owner (by name; null: nobody), gone (whether the owner left)."""
        return self.known.rename({"customer_id": "partner_id"})

    @cached_property
    def flagged(self) -> pl.DataFrame:
        """reason, net_minor and buyer (whose file names the card; null: nobody's) of each such card."""
        file = self.collected("partners")
        none = pl.DataFrame(schema={"customer_id": pl.String, "buyer": pl.String})
        if file is not None:
            known = file.filter(pl.col("customer_id").is_not_null())
            none = known.select("customer_id", buyer=pl.coalesce("name", "partner_id")).unique("customer_id")
        return self.apart.flagged.join(none, on="customer_id", how="left", maintain_order="left")

    @cached_property
    def chosen(self) -> str:
        """The customer shown from all sides."""
        ids = self.customers["partner_id"]
        asked = self.params.partner
        if asked:
            if asked not in set(ids):
                raise ModelError("cases.no_such_partner", values={"partner": asked[:40]})
            return asked
        return str(self.todo["partner_id"][0] if self.todo.height else ids[0]) if ids.len() else ""

    @cached_property
    def one(self) -> dict[str, Any]:
        """The chosen customer's row of the file, with what it owes, its rhythm, its owner and its last talk."""
        mine = pl.col("partner_id") == self.chosen
        rows = self.customers.filter(mine)
        for part in (
            self.owed,
            self.rhythm.select("partner_id", "p_30", "usual_gap", "state"),
            self.named.drop("region"),
        ):
            rows = rows.join(part, on="partner_id", how="left")
        return rows.row(0, named=True)

    @cached_property
    def course(self) -> pl.DataFrame:
        """All on file of the chosen customer, the latest first: day, business_event, amount_minor, business_note."""
        mine = pl.col("partner_id") == self.chosen
        word = self.words
        parts = [pl.DataFrame(schema=EVENT)]
        parts.append(self.bought.filter(mine).select(
            "day", "amount_minor", business_event="paper", business_note=pl.col("paper_id")
        ))  # fmt: skip
        paid = self.collected("payments")
        if paid is not None:
            day = pl.col("at").dt.date().alias("day")
            parts.append(
                paid.filter(mine).select(
                    day, "amount_minor", business_event=pl.lit("payment"), business_note="payment_id"
                )
            )
        if self.needs is not None:
            own = self.needs.filter(mine)
            said = [
                word(
                    "business.need", season=word(f"business.season.{s}"), year=y, purpose=word(f"business.purpose.{p}")
                )
                for s, y, p in own.select("season", "season_year", "purpose").iter_rows()
            ]
            parts.append(own.select(
                day="noted_on", amount_minor="budget_minor", business_event=pl.lit("need"),
                business_note=pl.Series(said, dtype=pl.String),
            ))  # fmt: skip
        if self.talks is not None:
            own = self.talks.filter(mine)
            told = [word(f"business.talk.{p}") + ("" if n is None else word("business.told", note=n))
                    for p, n in own.select("purpose", "note").iter_rows()]  # fmt: skip
            parts.append(own.select(
                day=pl.col("at").dt.date(), amount_minor=pl.lit(None, dtype=pl.Int64), business_event=pl.lit("talk"),
                business_note=pl.Series(told, dtype=pl.String),
            ))  # fmt: skip
        rows = pl.concat([part.select(list(EVENT)).cast(EVENT) for part in parts])  # type: ignore[arg-type]
        return rows.filter(pl.col("day") <= self.page.as_of).sort(
            "day", "business_event", "business_note", descending=[True, False, False]
        )
