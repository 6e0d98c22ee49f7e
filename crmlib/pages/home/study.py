"""The steps of the home page: what the other pages found, in one order; what is ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import report
from crmlib.core.calendar import festivals
from crmlib.pages.home.parameters import Home
from crmlib.promotion.lift.calendar import frozen_versions
from crmlib.report.record.newest import Published, at_stake

SALES, HEALTH, TARGETS = "sales_pulse", "data_health", "targets"
"""The pages whose figures and checks are repeated here as they stand there."""
UNJUDGED = pl.col("status") == "none"
RHYTHMS = ("daily", "weekly", "monthly", "quarterly")
FESTIVAL_DAYS = 60
"""A festival is announced from here on: goods must be ordered before it."""


class Study(report.Study):
    """From the records of the newest pages to what to do first, what comes, and what the pages say."""

    @property
    def params(self) -> Home:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def costly(self) -> pl.DataFrame:
        """What to do, one row per finding with money at stake: what a page judges bad first, then by money.

        report_title, status, headline, advice, stake_minor [minor units], output, key, as_of. Of two pages with one
        finding the newer speaks. What a page gives no verdict on (an amount expected, a balance) comes after.
        """
        rows = [
            (
                self._title(page),
                f.status,
                f.headline,
                f.do,
                abs(f.value_minor or 0),
                page.output,
                f.key,
                page.record.as_of,
                str(page.record.parameters.get("region") or ""),
            )
            for page in self.page.pages
            for f in at_stake(page.record)
        ]
        names = ("report_title", "status", "headline", "advice", "stake_minor", "output", "key", "as_of", "region")
        schema = {name: pl.Int64 if name == "stake_minor" else pl.String for name in names}
        found = pl.DataFrame(rows, schema=schema, orient="row")
        whose = pl.concat_str(pl.col("output").str.split("/").list.first(), "key", "region", separator="/")
        newest = found.sort("as_of", "stake_minor", descending=True).filter(whose.is_first_distinct()).drop("region")
        return newest.sort(UNJUDGED, "stake_minor", "output", "key", descending=[False, True, False, False])

    @cached_property
    def first(self) -> pl.DataFrame:
        """The rows of `costly` to begin with, at most ``most``: the dearest of each page before a page's second one."""
        name = pl.col("output").str.split("/").list.first()
        place = pl.int_range(pl.len()).over(name)
        return self.costly.sort(UNJUDGED, place > 0, maintain_order=True).head(self.params.most)

    @cached_property
    def ahead(self) -> pl.DataFrame:
        """What starts or ends in the days asked for, and festivals to order for.

        day, in_days, event (``starts``, ``ends``, ``festival``), name, offer_state; by day.
        """
        rows = sorted([*self._promotions(), *self._festivals()])
        schema = {"day": pl.Date, "in_days": pl.Int64, "event": pl.String, "name": pl.String, "offer_state": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def lights(self) -> pl.DataFrame:
        """The newest pages, by money at stake, then by light.

        report_title, status, answer, as_of, stake_minor (of its dearest finding as `costly` ranks them), output.
        """
        most = self.costly.group_by("output", maintain_order=True).agg(pl.col("stake_minor").first())
        rows = [(self._title(p), p.record.status, p.record.answer, p.record.as_of, p.output) for p in self.page.pages]
        names = ("report_title", "status", "answer", "as_of", "output")
        found = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        found = found.with_columns(pl.col("as_of").str.to_date()).join(most, on="output", how="left")
        light = pl.col("status").replace_strict({"fail": 0, "warn": 1, "none": 2, "ok": 3}, return_dtype=pl.Int8)
        return found.sort(pl.col("stake_minor").fill_null(0), light, "output", descending=[True, False, False])

    @cached_property
    def sales(self) -> Published | None:
        """The newest page of sales, the one of the shortest rhythm; none where it was not made."""
        return self._of(SALES)

    @cached_property
    def health(self) -> Published | None:
        """The newest page of data health; none where it was not made."""
        return self._of(HEALTH)

    @cached_property
    def targets(self) -> Published | None:
        """The newest page of targets; none where it was not made."""
        return self._of(TARGETS)

    def _of(self, report_name: str) -> Published | None:
        found = [p for p in self.page.pages if p.record.report == report_name]
        order = {rhythm: number for number, rhythm in enumerate(RHYTHMS)}
        found.sort(key=lambda p: order.get(_rhythm(p), len(order)))
        return found[0] if found else None

    def _title(self, page: Published) -> str:
        """The title of a page, with its rhythm and its region where several stand side by side."""
        title, region = page.record.title, page.record.parameters.get("region")
        rhythm = _rhythm(page)
        if rhythm in RHYTHMS and len(self._rhythms[page.record.report]) > 1:
            title = self.words("home.of_rhythm", title=title, rhythm=self.words(f"portal.variant.{rhythm}"))
        if region and not self.params.region:
            title = self.words("home.of_region", title=title, region=region)
        return title

    @cached_property
    def _rhythms(self) -> dict[str, set[str]]:
        """The rhythms that each report has a page of."""
        found: dict[str, set[str]] = {}
        for page in self.page.pages:
            found.setdefault(page.record.report, set()).add(_rhythm(page))
        return found

    def _promotions(self) -> Iterator[tuple[date, int, str, str, str | None]]:
        table = self.page.optional("promotions")
        if table is None:
            return
        plans = frozen_versions(table.collect())
        today, last = self.page.as_of, self.page.as_of + timedelta(days=self.params.days)
        for row in plans.iter_rows(named=True):
            name = str(row.get("name") or row["promotion_id"])
            for event, day in (("starts", row["first_day"]), ("ends", row["last_day"])):
                if today < day <= last:
                    yield day, (day - today).days, event, name, row.get("state")

    def _festivals(self) -> Iterator[tuple[date, int, str, str, str | None]]:
        today = self.page.as_of
        found = festivals(today + timedelta(days=1), today + timedelta(days=FESTIVAL_DAYS))
        for festival, day in found.select("festival", "day").iter_rows():
            yield day, (day - today).days, "festival", self.words(f"calendar.festival.{festival}"), None


def _rhythm(page: Published) -> str:
    """The first word of a variant: ``monthly-east`` is monthly."""
    return page.output.split("/")[1].split("-")[0]
