"""The steps of the site selection report."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from crmlib import report
from crmlib.core.coordinates import frame_to_wgs84
from crmlib.pages.site_selection.parameters import SiteSelection
from crmlib.sites import plan, study
from crmlib.sites.choose import Choice


def told(rows: pl.LazyFrame | pl.DataFrame, *columns: str) -> pl.LazyFrame:
    """`rows` with each of `columns`, null where an older export does not have it."""
    frame = rows.lazy()
    here = frame.collect_schema().names()
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(c) for c in columns if c not in here)


class Study(report.Study):
    """From the tables of a town to a calibrated model and a plan."""

    @property
    def params(self) -> SiteSelection:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def town(self) -> study.Town:
        """The checked tables in one coordinate system."""
        table = self.page.table
        return study.town(
            cells=table("cells"),
            sites=table("sites"),
            competitors="none-known" if self.params.rivals == "none_known" else table("competitors"),
            openings=table("openings"),
            card_flows=table("card_flows"),
            per_head_minor=self.params.per_head_minor,
            as_of=self.page.as_of,
            currency=self.page.currency,
        )

    @cached_property
    def addresses(self) -> pl.DataFrame:
        """site_id, district, address of every site."""
        return told(self.page.table("sites"), "district", "address").select("site_id", "district", "address").collect()

    @cached_property
    def districts(self) -> pl.DataFrame:
        """name, lat, lon (WGS-84) of the middle of each district, its cells weighed by people; none without names."""
        known = told(self.page.table("cells"), "district").filter(pl.col("district").is_not_null())
        cells, people = frame_to_wgs84(known.collect(), name="cells"), pl.col("population") + 1
        middle = [((pl.col(c) * people).sum() / people.sum()).round(5).alias(c) for c in ("lat", "lon")]
        return cells.group_by(name="district").agg(middle).sort("name")

    @cached_property
    def choice(self) -> Choice:
        """The form of distance decay that was chosen, fitted."""
        return self.page.remember(study.calibrate, self.town, rng=self.page.rng)

    @cached_property
    def planned(self) -> plan.Plan:
        """The sites chosen together, what they bring and cost [minor units a year], with what a blind choice costs."""
        page, town, choice = self.page, self.town, self.choice
        unseen = page.remember(plan.blinds, town, choice, rng=page.rng)
        return page.remember(
            plan.make, town, choice, self.params.goal, rng=page.rng, currency=page.currency, unseen=unseen
        )
