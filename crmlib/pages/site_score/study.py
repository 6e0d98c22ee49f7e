"""The steps of the site score."""

from __future__ import annotations

from functools import cached_property

from crmlib import report
from crmlib.pages.shared.sites_wording import operators
from crmlib.pages.site_score.parameters import SiteScore
from crmlib.sites import study


class Study(report.Study):
    """From the map to points."""

    @property
    def params(self) -> SiteScore:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def run_by(self) -> dict[str, str]:
        """Who runs each own store, by its number."""
        return operators(self.page.optional("sites"))

    @cached_property
    def scored(self) -> study.Scored:
        """Candidates by points [0 to 100], with how many own stores and card visits there are."""
        table = self.page.table
        return study.scored(
            cells=table("cells"),
            sites=table("sites"),
            competitors=table("competitors"),
            card_flows=self.page.optional("card_flows"),
            weights=self.params.weights,
        )
