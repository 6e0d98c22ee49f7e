"""The steps of the promotion watch."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from crmlib.pages.promotion_watch.parameters import PromotionWatch
from crmlib.pages.shared.promotion_ground import PromotionStudy
from crmlib.promotion.watch import running


class Study(PromotionStudy):
    """From the review of the past to one running promotion against its plan; in this order."""

    @property
    def params(self) -> PromotionWatch:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """The promotion watched: the one asked for, else the latest that runs or ran."""
        return running.pick(self.plans, as_of=self.page.as_of, promotion_id=self.params.promotion)

    @cached_property
    def run(self) -> running.Running:
        """The promotion by day and store against its plan [thousandths], money [minor units], alarms."""
        return self.watched(self.chosen)
