"""Receipts, the pack's payees, measure 1_12, and the local Stripe's own shapes."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdf
import pytest
import stripe as sdk
from flask.testing import FlaskClient

from payments import contract, gateways, loader, measures, receipts, services
from payments.contract import Ground, MoneyKind, Offer, TaxClass
from payments.errors import NoSuchCharge
from payments.queries import LineView, tax_groups
from portal.directory.pack import Pack, PackError
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.conftest import KOGA
from tests.payments.things import CLERK, Things, charge, line
from tests.people import location, post
from tests.stripe_server import StripeServer


def _line(amount: int, tax: TaxClass) -> LineView:
    return LineView("x", Yen(amount), tax, "", sample=False, rule="")


def test_the_tax_in_a_sum_is_rounded_once_per_rate():
    """CASES M9: three lines of 105 yen hold 28 yen together; rounded line by line it would be 27."""
    lines = [_line(105, TaxClass.STANDARD)] * 3 + [_line(300, TaxClass.EXEMPT), _line(108, TaxClass.REDUCED)]
    groups = {group.tax: (group.amount.amount, group.contained.amount) for group in tax_groups(lines)}
    assert groups == {TaxClass.STANDARD: (315, 28), TaxClass.REDUCED: (108, 8), TaxClass.EXEMPT: (300, 0)}


def test_a_reduction_takes_its_tax_with_it():
    (group,) = tax_groups([_line(1100, TaxClass.STANDARD), _line(-550, TaxClass.STANDARD)])
    assert (group.amount, group.contained) == (Yen(550), Yen(50))


def _receipt(things: Things, **facts: Any) -> str:
    reference = charge("T1", line(1100, label="体育館", tax=TaxClass.STANDARD), line(300, label="証明"), **facts)
    with unit_of_work() as session:
        taken = services.take_cash(session, reference, received=Yen(2000), clerk=CLERK, place="koga", now=clock.now())
        return taken.reference


def _text(content: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def test_the_first_receipt_is_the_original_and_every_later_one_a_copy(things: Things):
    reference = _receipt(things)

    def paper(locale: str = "ja") -> str:
        content, name = receipts.issue(reference, actor=CLERK, locale=locale, city_name="古河市", now=clock.now())
        assert name == f"receipt-{reference}.pdf"
        return _text(content)

    first, second, third = paper(), paper(), paper("en")
    for words in (
        "領収書",
        "原本",
        "古河 はなこ 様",
        "1,400",
        "R8-000001",
        "うち消費税 100円",
        "非課税",
        "見本",
        "現金",
    ):
        assert words in first, words
    assert "控え(写し)" not in first
    assert "控え(写し) 2" in second
    assert "Copy 3" in third


def test_koga_names_the_city_as_payee_and_loading_twice_changes_nothing(session: Any):
    first, second = loader.load(session, Pack(KOGA)), loader.load(session, Pack(KOGA))
    assert first.created > 2
    assert second.touched == 0


def test_a_mistake_among_the_payees_is_told_with_its_line(session: Any, tmp_path: Path):
    shutil.copytree(KOGA, tmp_path / "city")
    file = tmp_path / "city" / "payments" / "payees.yaml"
    file.write_text("- code: manager\n  kind: somebody\n  name: x\n  registration_number: T123\n", encoding="utf-8")
    with pytest.raises(PackError) as refused:
        loader.load(session, Pack(tmp_path / "city"))
    assert {(problem.file, problem.line) for problem in refused.value.problems} >= {
        ("payments/payees.yaml", 2),
        ("payments/payees.yaml", 4),
    }


@pytest.fixture
def offers(koga: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[MoneyKind, int], None]:
    monkeypatch.setattr(contract, "_offers", {})

    def publish(kind: MoneyKind, count: int) -> None:
        contract.offers(kind, lambda _session: Offer(count, [{"address": "/procedures/x"}] if count else []))

    return publish


def _kinds() -> tuple[Decimal, dict[str, Decimal]]:
    with unit_of_work() as session:
        value = measures.cashless_kinds(session, date(2026, 11, 25))
    return value.value, dict(value.parts)


def test_the_kinds_of_money_are_counted_from_what_is_live(offers: Callable[[MoneyKind, int], None]):
    assert _kinds() == (Decimal(1), {"here": Decimal(0), "elsewhere": Decimal(1)})
    offers(MoneyKind.OFFICE_FEE, 1)
    offers(MoneyKind.FACILITY_FEE, 0)
    assert _kinds() == (Decimal(2), {"here": Decimal(1), "elsewhere": Decimal(1)})
    offers(MoneyKind.FACILITY_FEE, 40)
    assert _kinds() == (Decimal(3), {"here": Decimal(2), "elsewhere": Decimal(1)})


def test_without_a_provider_nothing_is_cashless_here(offers: Callable[[MoneyKind, int], None]):
    offers(MoneyKind.OFFICE_FEE, 1)
    gateways.use({}, online=None)
    assert _kinds() == (Decimal(1), {"here": Decimal(0), "elsewhere": Decimal(1)})


def test_a_kind_that_is_paid_here_and_elsewhere_counts_once(offers: Callable[[MoneyKind, int], None]):
    offers(MoneyKind.CITY_TAX, 1)
    assert _kinds() == (Decimal(1), {"here": Decimal(1), "elsewhere": Decimal(0)})


def test_the_local_stripe_answers_in_the_shapes_of_the_sdk(
    things: Things, stripe: StripeServer, open_page: Callable[[str], str]
):
    stripe.books.pay(open_page(charge("T1")))
    (session,) = stripe.books.sessions.values()
    (intent,) = stripe.books.intents.values()
    refund = stripe.books.create_refund({"payment_intent": intent["id"], "amount": "1"})
    shapes = (
        (sdk.checkout.Session, session),
        (sdk.PaymentIntent, intent),
        (sdk.Refund, refund),
        (sdk.Event, stripe.books.events[0]),
    )
    for shape, found in shapes:
        known = set(shape.__annotations__)
        assert set(found) <= known, set(found) - known


def test_a_ground_is_never_empty():
    with pytest.raises(ValueError, match="ground"):
        Ground("  ")


def test_a_receipt_is_made_out_to_the_name_as_wished_and_copies_keep_it(things: Things):
    reference = charge("T1")
    with unit_of_work() as session:
        taken = services.take_cash(session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())

    def hand_out(name: str | None) -> str:
        content, _file = receipts.issue(
            taken.reference, actor=CLERK, locale="ja", city_name="古河市", now=clock.now(), name=name
        )
        return words_of(content)

    assert "株式会社こが 様" in hand_out("株式会社こが")
    copy = hand_out("別の名前")
    assert "株式会社こが 様" in copy
    assert "別の名前" not in copy
    with unit_of_work() as session:
        assert receipts.view(session, taken.reference).payer_name == "株式会社こが"


def test_a_receipt_is_real_with_its_check_word_and_with_no_other(things: Things):
    reference = charge("T1")
    with unit_of_work() as session:
        taken = services.take_cash(session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    word = receipts.check_word(taken.reference)
    assert len(word) == 8
    with unit_of_work() as session:
        assert receipts.is_real(session, taken.reference, word.lower()).amount == Yen(3000)
        for number, said in ((taken.reference, "AAAAAAAA"), ("R-0000-0000-0", word), (taken.reference, "")):
            with pytest.raises(NoSuchCharge):
                receipts.is_real(session, number, said)
    content, _file = receipts.issue(taken.reference, actor=CLERK, locale="ja", city_name="古河市", now=clock.now())
    assert word in words_of(content)


def test_anybody_can_check_a_receipt_and_sees_amount_and_date_and_no_name(things: Things, client: FlaskClient):
    reference = charge("T1")
    with unit_of_work() as session:
        taken = services.take_cash(session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    word = receipts.check_word(taken.reference)
    page = location(post(client, "/receipts", {"number": taken.reference.lower(), "word": word}))
    shown = client.get(page).get_data(as_text=True)
    assert "本物です" in shown
    assert "3,000円" in shown
    assert "はなこ" not in shown
    assert client.get(f"/receipts/{taken.reference}/AAAAAAAA").status_code == 404
    for _ in range(30):
        last = client.get(f"/receipts/{taken.reference}/AAAAAAAA").status_code
    assert last == 429


def words_of(content: bytes) -> str:
    return " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
