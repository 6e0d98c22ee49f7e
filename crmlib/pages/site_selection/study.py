"""The steps of the site selection report."""

from __future__ import annotations

from functools import cached_property

from crmlib import report
from crmlib.pages.site_selection.parameters import SiteSelection
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
