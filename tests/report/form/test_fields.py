"""The form: one field per parameter, what was written, what is wrong with it."""

from __future__ import annotations

from crmlib.kit.words import Words
from crmlib.pages.service.parameters import Service
from crmlib.report.form import parameters
from crmlib.report.form.fields import Form, form, shown_value
from crmlib.report.form.parameters import Issue
from crmlib.report.form.picks import Follows

KIND = parameters.model("customer_value")


def made(*issues: Issue, language: str = "zh", **given: object) -> Form:
    return form(
        "customer_value",
        KIND,
        given=given,
        issues=issues,
        regions=("华东", "华南"),
        words=Words(language),  # type: ignore[arg-type]
    )


def test_every_parameter_has_one_field_and_the_language_is_only_carried_along() -> None:
    fields = {field.name: field for field in made().fields}
    assert set(fields) == set(KIND.model_fields)
    assert fields["language"].kind == "hidden"
    assert all(field.label != field.name for field in fields.values())


def test_kinds_and_limits_come_from_the_model() -> None:
    fields = {field.name: field for field in made(months=6).fields}
    assert (fields["as_of"].kind, fields["compare"].kind, fields["shares"].kind) == ("date", "choice", "text")
    assert (fields["months"].low, fields["months"].high, fields["months"].value) == ("1", "36", "6")
    assert "1 至 36" in fields["months"].help
    assert [value for value, _ in fields["region"].choices] == ["", "华东", "华南"]


def test_a_message_stands_beside_its_field_and_others_above_the_form() -> None:
    wrong = made(Issue("months", "99", "most", {"limit": "36"}), Issue("mnths", "1", "unknown"), months="99")
    field = next(field for field in wrong.fields if field.name == "months")
    assert (field.message, field.value) == ("不能大于 36", "99")
    assert wrong.messages == ("mnths: 没有这个查询条件",)
    assert wrong.wrong == 2


def test_values_are_shown_in_words() -> None:
    assert shown_value("customer_value", "compare", "last_year", Words("zh")) == "上年同期"
    assert shown_value("customer_value", "region", None, Words("en")) == "all"
    known = Service.model_fields
    assert shown_value("service", "target", 0.9, Words("zh"), info=known["target"]) == "90%"
    assert shown_value("service", "target", 0.975, Words("en"), info=known["target"]) == "97.5%"
    assert shown_value("service", "pick_up", 20, Words("en"), info=known["pick_up"]) == "20"


def test_a_field_that_follows_another_offers_names_under_each_of_its_values() -> None:
    follows = {"group": Follows("group_by", {"tier": (("A+B", "A、B"), ("A", "A")), "gender": (("female", "女"),)})}
    given = {"group_by": "gender", "group": "男"}
    made = form("customer_profile", parameters.model("customer_profile"), given=given, issues=(), regions=(),
                words=Words("zh"), follows=follows)  # fmt: skip
    field = next(field for field in made.fields if field.name == "group")
    assert (field.kind, field.by, field.under, field.value) == ("choice", "group_by", "gender", "男")
    assert [(g.key, g.label) for g in field.groups] == [("tier", "等级"), ("gender", "性别")]
    assert field.groups[1].choices == (("男", "男"), ("female", "女")), "what was typed all the same is kept"
    assert field.groups[0].choices[0] == ("A+B", "A、B")


def test_a_person_who_is_not_picked_is_everybody_and_nobody_is_chosen_in_silence() -> None:
    people = {"person": (("G1", "Li"),)}
    made = form("pool", parameters.model("pool"), given={}, issues=(), regions=(), words=Words("en"), choices=people)
    person = next(field for field in made.fields if field.name == "person")
    assert person.choices[0] == ("", "all")
