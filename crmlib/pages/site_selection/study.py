"""The steps of the site selection report."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from crmlib import report
from crmlib.core.coordinates import frame_to_wgs84
from crmlib.pages.shared.sites_wording import operators, told
from crmlib.pages.site_selection.parameters import SiteSelection
from crmlib.report import addresses
from crmlib.sites import plan, study
from crmlib.sites.choose import Choice


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
    def run_by(self) -> dict[str, str]:
        """Who runs each own store, by its number."""
        return operators(self.page.table("sites"))

    @cached_property
    def leads(self) -> dict[str, str]:
        """Where the sales of each store of the company stand, by its number: its region's month; on a server only."""
        page, stores = self.page, self.page.optional("stores")
        if stores is None:
            return {}
        asked = {"language": page.words.language, "period": "month", "as_of": page.as_of.isoformat()}
        return {
            store: addresses.app(page.context.face, "sales_pulse", **asked, **({"region": region} if region else {}))
            for store, region in stores.select("store_id", "region").collect().rows()
        }

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
