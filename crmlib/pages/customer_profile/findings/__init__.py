"""The customer profile page, card by card."""

from crmlib.kit.finding import Answer, Finding, Limits
from crmlib.pages.customer_profile.findings import group, needs, scores, spend
from crmlib.pages.customer_profile.study import Study
from crmlib.report import answered, section


def _name(study: Study) -> str:
    return group.group_name(study.words, study.params.group_by, study.params.group)


@answered()
def answer(study: Study) -> Answer:
    """The group in one sentence."""
    members = study.traits
    return group.answer(
        study.profile,
        study.split,
        group=_name(study),
        size=int(members["chosen"].sum()),
        members=members.height,
        words=study.words,
    )


@section("customer_profile.profile", key="scoring.profile")
def profile(study: Study) -> Finding:
    """What sets the group apart from the rest."""
    return group.profile(study.profile, group=_name(study), words=study.words)


@section("customer_profile.decompose", key="scoring.decompose")
def decomposition(study: Study) -> Finding:
    """Whether the group spends more by coming, by quantity or by price."""
    return spend.decomposition(study.split, group=_name(study), words=study.words)


@section("customer_profile.needs", key="scoring.needs", needs=("products",))
def need_segments(study: Study) -> Finding:
    """Which groups of needs the data tell apart."""
    return needs.need_segments(study.need_groups, words=study.words)


@section("customer_profile.drivers", key="scoring.drivers")
def drivers(study: Study) -> Finding:
    """Which traits go with spend."""
    return spend.drivers(study.drivers, words=study.words)


@section("customer_profile.grades", key="scoring.grades")
def grades(study: Study) -> Finding:
    """What each grade is worth, and whether last period's grades kept their promise."""
    return scores.grades(study.graded, words=study.words, proof=study.kept_grades, prospects=study.prospects)


@section("customer_profile.rfm", key="scoring.rfm")
def rfm_classes(study: Study) -> Finding:
    """How members spread over the classes of recency, frequency and money."""
    return scores.rfm_classes(study.classes, words=study.words, frozen=study.frozen_cuts is not None)


@section("customer_profile.referrals", key="scoring.referrals", needs=("customers",))
def referral_worth(study: Study) -> Finding:
    """What members bring who were brought by others."""
    ids = study.page.pseudonyms(study.referred.referrers["customer_id"])
    return scores.referral_worth(study.referred, words=study.words, pseudonyms=ids)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"customer_profile.limits.{key}") for key in ("described", "known", "small")))
