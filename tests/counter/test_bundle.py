"""What is known is not asked; what two procedures need is asked once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from forms.counter.bundle import Case, questions, spread
from forms.definition import Procedure, from_document


def procedure(slug: str, *fields: dict[str, Any]) -> Procedure:
    return from_document(
        {
            "schema": 1,
            "slug": slug,
            "plain_name": "見本の手続",
            "official_name": "見本の手続",
            "section": "citizen-counter",
            "authority": "古河市長",
            "who": "だれでも",
            "channel": {"kind": "prepared"},
            "identity": "none",
            "texts": {"guide": "見本です。"},
            "retention_years": 3,
            "steps": [{"id": "one", "title": "一", "fields": list(fields)}],
        }
    )


NAME = {"id": "name", "type": "name", "label": "氏名", "item": "person.name"}
KANA = {"id": "kana", "type": "kana", "label": "フリガナ", "item": "person.kana"}
PHONE = {"id": "tel", "type": "phone", "label": "電話番号", "item": "person.phone", "required": False}
COPIES = {"id": "copies", "type": "number", "label": "何通", "minimum": 1, "maximum": 10}
WHOSE = {
    "id": "whose",
    "type": "one_of",
    "label": "だれの",
    "choices": [{"code": "self", "label": "自分"}, {"code": "member", "label": "ほかの人"}],
}
MEMBER = {"id": "member", "type": "name", "label": "その人", "show_if": {"field": "whose", "is": "member"}}


def case(slug: str, *fields: dict[str, Any], answers: dict[str, Any] | None = None, locked: str = "") -> Case:
    return Case(slug, procedure(slug, *fields), answers or {}, {}, frozenset(locked.split()))


def asked(*cases: Case, again: bool = False) -> list[str]:
    return [question.name for question in questions(cases, again=again)]


def test_what_two_procedures_need_is_asked_once() -> None:
    record, seal = case("record", NAME, KANA, COPIES), case("seal", KANA, NAME, COPIES)
    assert asked(record, seal) == ["item-person-name", "item-person-kana", "record--copies", "seal--copies"]
    name = questions([record, seal])[0]
    assert name.shared
    assert name.targets == (("record", "name"), ("seal", "name"))


def test_what_the_card_said_is_never_asked() -> None:
    known = case("record", NAME, KANA, answers={"name": "見本 花子"}, locked="name")
    assert asked(known) == ["item-person-kana"]
    assert asked(known, again=True) == ["item-person-kana"]


def test_an_optional_question_left_empty_is_not_asked_again() -> None:
    assert asked(case("record", PHONE)) == ["item-person-phone"]
    assert asked(case("record", PHONE, answers={"tel": None})) == []
    assert asked(case("record", KANA, answers={"kana": None})) == ["item-person-kana"], "a needed one is"


def test_it_is_needed_when_one_procedure_needs_it() -> None:
    (question,) = questions([case("record", PHONE), case("seal", {**PHONE, "required": True})])
    assert question.required


def test_an_answer_opens_the_question_behind_it() -> None:
    assert asked(case("record", WHOSE, MEMBER)) == ["record--whose"]
    assert asked(case("record", WHOSE, MEMBER, answers={"whose": "member"})) == ["record--member"]
    assert asked(case("record", WHOSE, MEMBER, answers={"whose": "self"})) == []


def test_one_item_with_other_choices_is_two_questions() -> None:
    two = {
        "id": "sex",
        "type": "one_of",
        "label": "性別",
        "item": "person.sex",
        "choices": [{"code": "male", "label": "男"}, {"code": "female", "label": "女"}],
    }
    three = {**two, "choices": [*two["choices"], {"code": "other", "label": "その他"}]}
    names = asked(case("record", two), case("seal", three))
    assert len(set(names)) == 2


def test_one_answer_reaches_every_procedure() -> None:
    cases = [case("record", KANA, COPIES), case("seal", KANA)]
    typed = {"item-person-kana": {"": ["ミホン ハナコ"]}, "record--copies": {"": ["2"]}, "other": {"": ["x"]}}
    assert spread(questions(cases), typed) == {
        "record": {"kana": {"": ["ミホン ハナコ"]}, "copies": {"": ["2"]}},
        "seal": {"kana": {"": ["ミホン ハナコ"]}},
    }


_FIELDS = [NAME, KANA, PHONE, COPIES, WHOSE, MEMBER]


@given(
    st.lists(
        st.lists(st.sampled_from(_FIELDS), min_size=1, max_size=6, unique_by=lambda field: str(field["id"])),
        min_size=1,
        max_size=4,
    )
)
def test_every_needed_field_has_exactly_one_question(documents: list[list[dict[str, Any]]]) -> None:
    cases = []
    for number, fields in enumerate(documents):
        ids = {field["id"] for field in fields}
        usable = [field for field in fields if field["id"] != "member" or "whose" in ids]
        if usable:
            cases.append(case(f"p{number}", *usable))
    found = questions(cases)
    targets = [target for question in found for target in question.targets]
    assert len(targets) == len(set(targets))
    assert len({question.name for question in found}) == len(found)
    wanted = {(one.slug, spec.id) for one in cases for spec in one.procedure.fields() if spec.show_if is None}
    assert wanted == set(targets)
