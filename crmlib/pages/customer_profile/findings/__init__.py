"""The customer profile page, card by card."""

from dataclasses import replace

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.customer_profile.findings import group, members, needs, scores, spend
from crmlib.pages.customer_profile.study import Study
from crmlib.report import addresses, answered, section


@answered()
def answer(study: Study) -> Answer:
    """The group in one sentence."""
    people = study.traits
    return group.answer(
        study.profile,
        study.split,
        group=study.group_name,
        size=int(people["chosen"].sum()),
        members=people.height,
        words=study.words,
    )


@section("customer_profile.profile", key="scoring.profile")
def profile(study: Study) -> Finding:
    """What sets the group apart from the rest."""
    return group.profile(study.profile, group=study.group_name, words=study.words, prices=study.price_levels)


@section("customer_profile.decompose", key="scoring.decompose")
def decomposition(study: Study) -> Finding:
    """Whether the group spends more by coming, by quantity or by price."""
    return spend.decomposition(study.split, group=study.group_name, words=study.words)


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


@section("customer_profile.members")
def listed(study: Study) -> ActionList:
    """The members of the group: a list to download, its names by right."""
    page, words = study.page, study.words
    ids = page.pseudonyms(study.listed["customer_id"])
    found = members.listed(study.listed, study.everybody, group=study.group_name, words=words, pseudonyms=ids)
    rows = members.left(found, study.listed, words=words)
    left = page.context.leave("people", rows) if found.table.height else ""
    leads = (
        (words("customer_profile.members.names"), addresses.reveal(page.context.face, left, language=words.language)),
    )
    return replace(found, leads=leads)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"customer_profile.limits.{key}") for key in ("described", "known", "small")))
