"""The movement page, card by card: parts of the change, flows, members, the tree, cohorts, sets, paths, who left."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.movement.findings import change, members, shelf
from crmlib.pages.movement.study import Study
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """The largest part of the change, and whether anybody went anywhere."""
    if not study.comparable:
        return change.no_answer(study.first_day, words=study.words)
    return change.answer(study.change, study.left, span=study.span, names=study.names, words=study.words)


@section("movement.parts")
def parts(study: Study) -> Finding:
    """The parts of the change, against what idle weeks show."""
    return change.parts(study.change, study.noise, span=study.span, names=study.names, words=study.words)


@section("movement.flows")
def flows(study: Study) -> Finding:
    """Which group won from which, beyond chance."""
    return change.flows(study.change, study.noise, group=study.group, names=study.names, words=study.words)


@section("movement.kinds")
def kinds(study: Study) -> Finding:
    """New, returning, repeat and lapsed members."""
    return members.kinds(study.kinds, words=study.words)


@section("movement.tree")
def tree(study: Study) -> Finding:
    """Members, trips, goods a trip, money a good."""
    return change.tree(study.tree, words=study.words)


@section("movement.cohorts")
def cohorts(study: Study) -> Finding:
    """Newcomers of each month at the same age."""
    return members.cohorts(study.cohorts, words=study.words)


@section("movement.crossed")
def crossed(study: Study) -> Finding:
    """Who buys in which groups."""
    return shelf.crossed(study.crossed, names=study.names, words=study.words)


@section("movement.steps")
def steps(study: Study) -> Finding:
    """Where newcomers go on."""
    return shelf.steps(study.steps, names=study.names, words=study.words)


@section("movement.left")
def left(study: Study) -> ActionList:
    """Members who left, by margin."""
    rows = study.left.head(study.params.most).join(study.shops, on="customer_id", how="left", maintain_order="left")
    shown = rows.with_columns(customer_id=study.page.pseudonyms(rows["customer_id"]))
    return members.left(shown, total=study.left.height, names=study.names, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    by_store = ("by_store",) if study.group != study.params.group else ()
    return Limits(tuple(study.words(f"movement.limits.{key}") for key in ("why", "share", "grouping", *by_store)))
