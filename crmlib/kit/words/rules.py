"""Names of the rules that set rows apart, as people say them."""

from __future__ import annotations

from crmlib.kit.words.sentences import Words


def rule_in_words(rule: str, words: Words) -> str:
    """A rule's machine name (`time:sold_at`, `birth_month|max`, an exclusion's own name) as people say it.

    Examples
    --------
    >>> rule_in_words("totals", Words("en"))
    'totals'
    """
    kind, _, column = rule.partition(":")
    if words.has(f"ingest.rule.{kind}"):
        return words(f"ingest.rule.{kind}", column=words.column(column))
    column, bar, broken = rule.partition("|")
    column = "receipt_id" if column == "line_id" else column  # a line's number is made of its receipt's
    if bar and words.has(f"ingest.rule.{broken}"):
        return words(f"ingest.rule.{broken}", column=words.column(column))
    return words("ingest.rule.contract", rule=f"{words.column(column)} {broken}") if bar else rule
