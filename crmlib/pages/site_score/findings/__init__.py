"""The site score page, card by card."""

from crmlib.kit.finding import Answer, Finding, Limits
from crmlib.pages.shared.sites_wording import apart, strangers
from crmlib.pages.site_score.findings import score
from crmlib.pages.site_score.study import Study
from crmlib.report import answered, section


@answered("cells", "sites", "competitors")
def answer(study: Study) -> Answer:
    """Which sites to look at first."""
    return score.answer(study.scored, words=study.words)


@section("site_score.score", key="sites.score")
def ranking(study: Study) -> Finding:
    """The candidates by points, with the weights."""
    return score.ranking(study.scored, words=study.words, weights=study.params.weights, run_by=study.run_by)


def limits(study: Study) -> Limits:
    """What a score cannot tell."""
    return apart(score.limits(words=study.words), strangers(study.page), study.run_by, words=study.words)
