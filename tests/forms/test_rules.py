"""The evaluator: shown, required, hidden ≠ absent ≠ empty; and the checks that keep bad documents out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms import fees, rules
from forms.definition import Procedure, from_document, sha256_of, to_document
from forms.definition.complaints import DocumentError
from forms.rules import AnswerState, evaluate, to_file
from portal.kernel.money import Yen


def document(**keys: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "slug": "test-form",
        "plain_name": "ためし",
        "official_name": "ためしの申請",
        "section": "citizen-counter",
        "authority": "古河市長",
        "who": "だれでも",
        "channel": {"kind": "here"},
        "identity": "none",
        "retention_years": 1,
        "texts": {"guide": "説明"},
        **keys,
    }


def a(field_id: str = "a", **keys: Any) -> dict[str, Any]:
    return {"id": field_id, "type": "text", **keys}


def fee(rule: dict[str, Any]) -> dict[str, Any]:
    return {"label": "手数料", "ordinance": "手数料条例(見本)", "sample": True, **rule}


def steps(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": "one", "title": "ひとつめ", "fields": [{"label": f["id"], **f} for f in fields]}]


def procedure(*fields: dict[str, Any], **keys: Any) -> Procedure:
    return from_document(document(steps=steps(*fields), **keys))


CHOICE = {
    "id": "way",
    "type": "one_of",
    "choices": [{"code": "post", "label": "郵便"}, {"code": "desk", "label": "窓口"}],
}
OFFICE = {"id": "office", "type": "text", "show_if": {"field": "way", "is": "desk"}}


def test_hidden_absent_and_empty_are_three_things() -> None:
    form = procedure(CHOICE, OFFICE, {"id": "memo", "type": "text", "required": False}, {"id": "later", "type": "text"})
    states = evaluate(form, {"way": "post", "office": "総和", "memo": None}).states
    assert states == {
        "way": AnswerState.ANSWERED,
        "office": AnswerState.HIDDEN,
        "memo": AnswerState.EMPTY,
        "later": AnswerState.ABSENT,
    }


def test_a_hidden_answer_is_never_filed_and_an_empty_one_is_filed_as_empty() -> None:
    form = procedure(CHOICE, OFFICE, {"id": "memo", "type": "text", "required": False})
    assert to_file(form, {"way": "post", "office": "総和", "memo": None}) == {"way": "post", "memo": None}


def test_a_condition_on_a_hidden_answer_is_false_however_it_was_answered_before() -> None:
    form = procedure(CHOICE, OFFICE, {"id": "floor", "type": "text", "show_if": {"field": "office", "answered": True}})
    assert "floor" not in evaluate(form, {"way": "post", "office": "総和"}).shown
    assert "floor" in evaluate(form, {"way": "desk", "office": "総和"}).shown


def test_a_field_can_be_required_by_another_answer() -> None:
    form = procedure(
        CHOICE, {"id": "why", "type": "text", "required": False, "require_if": {"field": "way", "is": "post"}}
    )
    assert evaluate(form, {"way": "post"}).missing() == ("why",)
    assert evaluate(form, {"way": "desk"}).missing() == ()


@pytest.mark.parametrize(
    ("condition", "answers", "shown"),
    [
        ({"field": "n", "at_least": 3}, {"n": 3}, True),
        ({"field": "n", "at_least": 3}, {"n": 2}, False),
        ({"field": "n", "at_most": 3}, {}, False),
        ({"field": "d", "at_least": "2026-04-01"}, {"d": "2026-03-31"}, False),
        ({"field": "m", "contains": "a"}, {"m": ["a", "b"]}, True),
        ({"field": "m", "contains": "a"}, {"m": ["b"]}, False),
        ({"field": "way", "in": ["post", "desk"]}, {"way": "desk"}, True),
        ({"not": {"field": "way", "is": "post"}}, {}, True),
        ({"field": "way", "answered": False}, {"way": None}, True),
        ({"all": [{"field": "n", "at_least": 1}, {"field": "y", "is": True}]}, {"n": 1, "y": True}, True),
        ({"any": [{"field": "n", "at_least": 9}, {"field": "y", "is": False}]}, {"n": 1, "y": True}, False),
        ({"field": "n", "is": 1}, {"n": True}, False),
    ],
)
def test_conditions_hold_as_written(condition: dict[str, Any], answers: dict[str, Any], *, shown: bool) -> None:
    form = procedure(
        CHOICE,
        {"id": "n", "type": "number"},
        {"id": "d", "type": "date"},
        {"id": "y", "type": "yes_no"},
        {"id": "m", "type": "many_of", "choices": [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]},
        {"id": "target", "type": "text", "show_if": condition},
    )
    assert ("target" in evaluate(form, answers).shown) is shown


def test_a_step_whose_fields_are_all_hidden_is_passed_over() -> None:
    form = from_document(
        document(steps=[*steps(CHOICE), {"id": "two", "title": "ふたつめ", "fields": [{**OFFICE, "label": "庁舎"}]}])
    )
    assert evaluate(form, {"way": "post"}).steps == ("one",)
    assert evaluate(form, {"way": "desk"}).steps == ("one", "two")


ELSEWHERE = {"kind": "elsewhere", "name": "他", "url": "https://example.jp/"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {
                "steps": steps(
                    a(show_if={"field": "b", "answered": True}), a("b", show_if={"field": "a", "answered": True})
                )
            },
            "輪",
        ),
        ({"steps": steps(a(show_if={"field": "nowhere", "answered": True}))}, "nowhere"),
        ({"steps": steps(CHOICE, a(show_if={"field": "way", "is": "boat"}))}, "boat"),
        ({"steps": steps(a(), a())}, "2回"),
        ({"steps": steps(a("my_number"))}, "個人番号"),
        ({"steps": steps(a(label="マイナンバー"))}, "個人番号"),
        ({"steps": steps(a(item="person.shoe_size"))}, "shoe_size"),
        ({"steps": steps(a(item="person.birth_date"))}, "date"),
        (
            {
                "steps": steps({"id": "n", "type": "number", "minimum": -1}),
                "fee": fee({"kind": "by_copies", "field": "n", "amount": 1}),
            },
            "マイナス",
        ),
        ({"steps": steps(CHOICE), "fee": fee({"kind": "by_choice", "field": "way", "amounts": {"post": 1}})}, "選択肢"),
        ({"steps": steps(a()), "identity": "signature"}, "電子署名"),
        ({"steps": steps(a()), "guests": True, "identity": "confirmed_mail"}, "サインイン"),
        ({"steps": steps(a()), "disposition": True}, "教示"),
        ({"steps": steps(a()), "channel": ELSEWHERE}, "ほかの場所"),
    ],
)
def test_a_document_that_cannot_work_is_refused_with_words(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        from_document(document(**keys))


def test_a_card_may_be_asked_about_but_never_its_number() -> None:
    form = procedure({"id": "has_card", "type": "yes_no", "label": "マイナンバーカードを持っていますか"})
    assert [field.id for field in form.fields()] == ["has_card"]


def test_a_document_survives_storage_and_its_hash_says_so() -> None:
    form = procedure(CHOICE, OFFICE)
    stored = to_document(form)
    assert sha256_of(to_document(from_document(stored))) == sha256_of(stored)


def test_fees_come_from_the_version_and_the_answers_only() -> None:
    by_copies = procedure(
        {"id": "copies", "type": "number"}, fee=fee({"kind": "by_copies", "field": "copies", "amount": 300})
    )
    assert fees.total(fees.lines(by_copies, {"copies": 3})) == Yen(900)
    assert fees.lines(by_copies, {"copies": None}) == ()
    by_choice = procedure(CHOICE, fee=fee({"kind": "by_choice", "field": "way", "amounts": {"post": 450, "desk": 0}}))
    assert fees.total(fees.lines(by_choice, {"way": "post"})) == Yen(450)
    assert fees.lines(by_choice, {"way": "desk"}) == ()


ANSWERS = st.dictionaries(
    st.sampled_from(["way", "office", "floor", "memo", "unknown"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=4),
        st.sampled_from(["post", "desk"]),
        st.lists(st.text()),
    ),
)


@given(ANSWERS)
def test_whatever_is_answered_only_shown_answers_are_filed(answers: dict[str, Any]) -> None:
    form = procedure(
        CHOICE,
        OFFICE,
        a(
            "floor",
            show_if={"all": [{"field": "office", "answered": True}, {"not": {"field": "memo", "answered": True}}]},
        ),
        {"id": "memo", "type": "text", "required": False},
    )
    filed, evaluation = to_file(form, answers), evaluate(form, answers)
    assert set(filed) <= evaluation.shown
    assert evaluate(form, filed).states == {
        f: (AnswerState.HIDDEN if f not in evaluation.shown else s) for f, s in evaluation.states.items()
    }, "filing what is shown changes nothing of what is shown"
    assert rules.to_file(form, filed) == filed
