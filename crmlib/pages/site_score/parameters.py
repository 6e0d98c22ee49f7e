"""Parameters of the site score: what each feature of the map weighs."""

from __future__ import annotations

from pydantic import Field

from crmlib.report.form.base import ReportParameters
from crmlib.sites.score import WEIGHTS


def _usual(feature: str) -> int:
    """The house's weight of a feature [percent], without its sign."""
    return round(100 * abs(WEIGHTS[feature]))


class SiteScore(ReportParameters):
    """What the site score can be asked.

    Parameters
    ----------
    people_1km, people_3km, income_3km : what people nearby and their income weigh for a site.
    rivals_3km, own_3km : what rivals and own stores nearby weigh against it; all five are shares of their sum.
    """

    people_1km: int = Field(default=_usual("people_1km"), ge=0, le=100)
    people_3km: int = Field(default=_usual("people_3km"), ge=0, le=100)
    income_3km: int = Field(default=_usual("income_3km"), ge=0, le=100)
    rivals_3km: int = Field(default=_usual("rivals_3km"), ge=0, le=100)
    own_3km: int = Field(default=_usual("own_3km"), ge=0, le=100)

    @property
    def weights(self) -> dict[str, float]:
        """Signed weights by feature, the absolute values summing to 1; all 0 where nothing weighs anything."""
        given = {name: getattr(self, name) for name in WEIGHTS}
        whole = sum(given.values()) or 1
        return {name: (value if WEIGHTS[name] > 0 else -value) / whole for name, value in given.items()}
