"""Tax bills: the file of the section, paying once, money that came twice, the file that goes back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import select, text

from payments import queries, services
from payments.bills import demo, excess, exporting, importing, paying, rules
from payments.bills.errors import (
    BillFileKnown,
    BillFileRefused,
    BillNotPayable,
    ExcessSettled,
    NoSuchBill,
    NotApplicable,
    NothingToExport,
)
from payments.bills.rules import BillState, Facts
from payments.errors import ChargeSettled
from payments.models import AccountCode, Bill, BillElsewhere, ChargeYear, PaymentYear, Refund
from payments.states import ChargeState
from portal import app as composition
from portal.documents import codes, qr
from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments import slips
from tests.payments.things import CLERK, balances, refunds_of, state_of

pytestmark = pytest.mark.usefixtures("koga")
SECTION = Actor(None, "staff")


def cash(charge: str) -> str:
    with unit_of_work() as session:
        return services.take_cash(
            session, charge, received=Yen(100_000), clerk=CLERK, place="koga", now=clock.now()
        ).reference


def refused(*rows: str, **options: str) -> list[str]:
    with pytest.raises(BillFileRefused) as caught:
        slips.take(*rows, **options)
    with unit_of_work() as session:
        assert session.scalar(text("SELECT count(*) FROM bill")) == 0, "all or nothing"
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_file_is_taken_in_whatever_its_encoding(encoding: str):
    taken = slips.take(slips.row("20260001"), slips.row("20260002", 整理番号="整理①"), encoding=encoding)
    assert (taken.rows, taken.total) == (2, Yen(49_000))
    assert taken.encoding == ("cp932" if encoding == "cp932" else "utf-8-sig")
    with unit_of_work() as session:
        assert session.scalars(select(Bill.subject_key).order_by(Bill.number)).all() == ["K-1", "整理①"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"確認番号": "13579"}, "先頭の0が落ちています"),
        ({"税目コード": "1"}, "「01」ではありませんか"),
        ({"相当年度": "8"}, "西暦4桁"),
        ({"期": "13"}, "随時は 0"),
        ({"金額": "0"}, "1円から9,999,999円"),
        ({"金額": "10000000"}, "1円から9,999,999円"),
        ({"金額": "24,5x"}, "列の数"),
        ({"納期限": "2026-02-30"}, "日付として読めません"),
        ({"使用期限": "2026-01-01"}, "使用期限は納期限"),
        ({"取扱": "eL"}, "eL番号がありません"),
        ({"処理": "取り消し"}, "「取消」ではありませんか"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(facts: dict[str, str], words: str):
    problems = refused(slips.row("20260001"), slips.row("20260002", **facts))
    assert any(problem.startswith("bills.csv:3:") and words in problem for problem in problems), problems


def test_all_mistakes_are_told_at_once_and_a_number_twice_with_the_line_of_the_first():
    problems = refused(
        slips.row("1.23E+17"), slips.row("20260002"), slips.row("20260002"), slips.row("20260003", 期="x")
    )
    assert len(problems) == 3
    assert "指数" in problems[0]
    assert "1回目は3行目" in problems[1]


def test_a_file_that_is_no_such_file_is_refused_with_what_is_missing():
    with pytest.raises(BillFileRefused) as caught, unit_of_work() as session:
        importing.take_bills(
            session, io.BytesIO("納付番号,金額\n1,2\n".encode()), file_name="x.csv", actor=audit.SYSTEM, now=clock.now()
        )
    words = " ".join(str(problem) for problem in caught.value.problems)
    assert "「納付書番号」がありません" in words
    assert "「納付番号」は使いません" in words


def test_the_same_file_twice_is_refused_and_so_is_a_number_that_is_there():
    slips.take(slips.row("20260001"))
    with pytest.raises(BillFileKnown):
        slips.take(slips.row("20260001"))
    with pytest.raises(BillFileRefused):
        slips.take(slips.row("20260009"), slips.row("20260001", 金額="1"))
    with unit_of_work() as session:
        assert session.scalars(select(Bill.number)).all() == ["20260001"]


def test_a_dry_run_leaves_nothing_behind():
    from portal.kernel.database import new_session

    with new_session() as session:
        stream = io.BytesIO(slips.content(slips.row("20260001")))
        importing.take_bills(session, stream, file_name="x", actor=audit.SYSTEM, now=clock.now())
        session.rollback()
    assert slips.take(slips.row("20260001")).rows == 1


TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, BillState.OPEN),
        ({"due_on": date(2026, 11, 24)}, BillState.OVERDUE),
        ({"due_on": date(2026, 11, 25)}, BillState.OPEN),
        ({"due_on": date(2026, 10, 1), "usable_until": date(2026, 11, 24)}, BillState.TERM_OVER),
        ({"taken_here": False}, BillState.ELTAX),
        ({"withdrawn": True}, BillState.WITHDRAWN),
        ({"charge": "paid", "elsewhere": True}, BillState.PAID),
        ({"charge": "void", "elsewhere": True}, BillState.PAID_ELSEWHERE),
        ({"charge": "open"}, BillState.OPEN),
        ({"charge": "refunded"}, BillState.CLOSED),
        ({"charge": "written_off"}, BillState.CLOSED),
    ],
)
def test_what_a_bill_is_to_the_person_who_holds_its_slip(facts: dict[str, object], expected: BillState):
    values = {
        "due_on": date(2026, 11, 30),
        "usable_until": date(2026, 12, 31),
        "taken_here": True,
        "withdrawn": False,
        "charge": None,
        "elsewhere": False,
    }
    assert rules.state(Facts(**{**values, **facts}), TODAY) is expected  # type: ignore[arg-type]


def test_number_and_check_digits_find_a_bill_and_one_of_them_alone_does_not():
    slips.take(slips.row("20260001"))
    with unit_of_work() as session:
        found = paying.find(session, number="2026-0001", check_digits="１３５７９０")
        assert paying.view(session, found, today=clock.today()).number == "20260001"
        for number, check in (("20260001", "000000"), ("20260002", slips.CHECK)):
            with pytest.raises(NoSuchBill):
                paying.find(session, number=number, check_digits=check)


def test_a_bill_is_paid_once_whoever_comes_and_its_year_is_that_of_its_term(clock_at: Callable[[str], datetime]):
    clock_at("2027-03-20 10:00")
    slips.take(slips.row("20260001", 納期限="2027-03-31", 使用期限="2027-05-31"))
    first, second = slips.ask("20260001"), slips.ask("20260001")
    assert first == second
    clock_at("2027-05-20 10:00")
    cash(first)
    assert slips.state("20260001") == "paid"
    with pytest.raises(BillNotPayable):
        slips.ask("20260001")
    with pytest.raises(ChargeSettled):
        cash(first)
    with unit_of_work() as session:
        assert session.scalars(select(PaymentYear.fiscal_year)).all() == [2026]
        noted = session.scalars(select(ChargeYear)).one()
        view = queries.charge(session, first)
    assert (noted.timing, noted.term_end, noted.assessed_year) == ("term", date(2027, 3, 31), 2026)
    assert view.lines[0].tax.value == "outside"
    assert "地方税法" in view.ground


def test_a_slip_past_its_term_cannot_be_asked_for():
    slips.take(slips.row("20260001", 納期限="2026-10-01", 使用期限="2026-10-31"))
    with pytest.raises(BillNotPayable) as caught:
        slips.ask("20260001")
    assert caught.value.state is BillState.TERM_OVER


def test_a_withdrawn_bill_is_not_asked_for_and_money_on_its_way_goes_back():
    slips.take(slips.row("20260001"), slips.row("20260002"))
    charge, paid = slips.ask("20260001"), slips.ask("20260002")
    cash(paid)
    with pytest.raises(BillFileRefused):
        slips.take("20260001" + "," * 13 + "取消", "20260002" + "," * 13 + "取消")
    slips.take("20260001" + "," * 13 + "取消")
    assert slips.state("20260001") == "withdrawn"
    assert state_of(charge) is ChargeState.VOID
    with unit_of_work() as session:
        assert (
            paying.BillPayable()
            .on_paid(
                session,
                session.scalars(select(Bill.reference).where(Bill.number == "20260001")).one(),
                charge_ref=charge,
                paid_at=clock.now(),
                now=clock.now(),
            )
            .value
            == "refused"
        )


def test_m3_a_bill_paid_elsewhere_is_closed_here():
    slips.take(slips.row("20260001"))
    charge = slips.ask("20260001")
    assert slips.elsewhere(f"20260001,{slips.paid_on(1)},24500,見本銀行").excess == 0
    assert slips.state("20260001") == "paid_elsewhere"
    assert state_of(charge) is ChargeState.VOID
    assert balances() == {}


def test_m3_a_bill_paid_here_and_elsewhere_is_recorded_and_returned():
    slips.take(slips.row("20260001"))
    charge = slips.ask("20260001")
    cash(charge)
    assert slips.elsewhere(f"20260001,{slips.paid_on(1)},24500,見本銀行").excess == 1
    with unit_of_work() as session:
        (waiting,) = excess.waiting(session)
        excess.give_back(session, waiting.reference, actor=SECTION, now=clock.now())
    with pytest.raises(ExcessSettled), unit_of_work() as session:
        excess.give_back(session, waiting.reference, actor=SECTION, now=clock.now())
    (refund,) = refunds_of(charge)
    assert (refund.kind, refund.amount) == ("not_owed", Yen(24_500))
    with unit_of_work() as session:
        assert str(queries.charge(session, charge).refunds[0].ground) == "地方税法 第17条"
        assert excess.waiting(session) == []


def test_m3_an_overpayment_is_applied_to_another_bill_of_the_person_and_the_rest_goes_back():
    slips.take(
        slips.row("20260001"),
        slips.row("20260002", 金額="20000", 期="4"),
        slips.row("20260003", 整理番号="K-2"),
        slips.row("20260004", 金額="30000"),
    )
    charge = slips.ask("20260001")
    cash(charge)
    slips.elsewhere(f"20260001,{slips.paid_on(1)},24500,見本銀行")
    with unit_of_work() as session:
        reference = excess.waiting(session)[0].reference
    for number, reason in (("20260003", "other_person"), ("20260004", "too_large")):
        with pytest.raises(NotApplicable) as caught, unit_of_work() as session:
            excess.apply_to(session, reference, number=number, actor=SECTION, now=clock.now())
        assert caught.value.reason == reason
    with unit_of_work() as session:
        paid = excess.apply_to(session, reference, number="20260002", actor=SECTION, now=clock.now()).reference
    assert slips.state("20260002") == "paid"
    assert state_of(paid) is ChargeState.PAID
    assert state_of(charge) is ChargeState.REFUNDED
    assert [refund.amount for refund in refunds_of(charge)] == [Yen(20_000), Yen(4_500)]
    # The clearing account is even again; 4,500 yen wait to be handed back.
    assert balances() == {AccountCode.CASH: 24_500, AccountCode.REVENUE: -20_000, AccountCode.REFUND_DUE: -4_500}


def test_a_payment_elsewhere_of_another_amount_or_of_no_bill_is_refused():
    slips.take(slips.row("20260001"))
    with pytest.raises(BillFileRefused) as caught:
        slips.elsewhere(f"20260001,{slips.paid_on(1)},24501,銀行", f"20260002,{slips.paid_on(1)},1,銀行")
    assert [problem.line for problem in caught.value.problems] == [2, 3]
    with unit_of_work() as session:
        assert session.scalars(select(BillElsewhere)).all() == []


def exported(write: bool = True) -> list[list[str]]:
    with unit_of_work() as session:
        made = exporting.make(session, actor=SECTION, now=clock.now())
        again = exporting.as_csv(session, made.reference)
    return list(csv.reader(io.StringIO(again)))[1:]


def test_the_payment_file_tells_each_payment_and_each_refund_once():
    slips.take(slips.row("20260001"), slips.row("20260002"))
    charge = slips.ask("20260001")
    cash(charge)
    first = exported()
    assert [row[:7] for row in first] == [["収納", "20260001", "01", "2026", "3", "24500", "2026-11-25"]]
    assert first[0][9:] == ["2026", charge, "K-1"]
    with pytest.raises(NothingToExport):
        exported()
    slips.elsewhere(f"20260001,{slips.paid_on(1)},24500,見本銀行")
    with unit_of_work() as session:
        back = excess.give_back(session, excess.waiting(session)[0].reference, actor=SECTION, now=clock.now())
        reference = back.reference
    with pytest.raises(NothingToExport):
        exported()
    with unit_of_work() as session:
        services.pay_out_cash(session, reference, clerk=CLERK, now=clock.now())
    assert [row[:6] for row in exported()] == [["還付", "20260001", "01", "2026", "3", "24500"]]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("http://localhost/bills?n=20260001&c=135790", rules.Code("20260001", "135790")),
        ("http://localhost/bills?n=20260001&c=1", rules.Code("20260001", "")),
        ("https://www.payment.eltax.lta.go.jp/pbuser", rules.Code(eltax=True)),
        ("91" + "1" * 42, rules.Code(raw="91" + "1" * 42)),
        ("]C191" + "1" * 42, None),
        ("0" * 38, rules.Code(raw="0" * 38, eltax=True)),
        ("20260001", rules.Code("20260001", raw="20260001")),
        ("https://example.jp/", None),
        ("hello", None),
    ],
)
def test_m12_what_a_scanned_code_says(code: str, expected: rules.Code | None):
    found = rules.read_code(code)
    if code.startswith("]C1"):
        assert found is not None, "a reader's own prefix changes nothing but the length"
        assert not found.number
        return
    assert found == expected


def test_m12_a_slip_of_the_eltax_site_leads_there_and_is_not_taken_here():
    slips.take(slips.row("20260001", 取扱="eL", eL番号="1" * 38), slips.row("20260002", バーコード="91" + "2" * 42))
    assert slips.state("20260001") == "eltax"
    with pytest.raises(BillNotPayable):
        slips.ask("20260001")
    with unit_of_work() as session:
        read = [rules.read_code(code) for code in ("1" * 38, "91" + "2" * 42)]
        found = [paying.number_of_code(session, code) for code in read if code]
    assert found == [("", True), ("20260002", False)]


def test_a_picture_of_a_code_is_read():
    import segno

    stream = io.BytesIO()
    segno.make_qr("http://localhost/bills?n=20260001&c=135790").save(stream, kind="png", scale=6, border=4)
    assert codes.codes(stream.getvalue()) == ["http://localhost/bills?n=20260001&c=135790"]
    for broken in (b"", b"no picture"):
        with pytest.raises(codes.UnreadablePictureError):
            codes.codes(broken)
    assert "svg" in qr.svg("x")


def test_city_tax_counts_here_when_bills_are_published():
    with unit_of_work() as session:
        assert paying.offer(session).count == 0
    slips.take(slips.row("20260001"), slips.row("20260002", 取扱="eL", eL番号="1" * 38))
    with unit_of_work() as session:
        offer = paying.offer(session)
    assert (offer.count, offer.evidence[0]["address"]) == (1, "/bills")
    plan = composition.kpi()["headlines"]["cashless_kinds"]
    assert plan["value"] == plan["parts"]["here"] == 3
    assert plan["parts"]["elsewhere"] == 0


def test_sample_bills_show_everything_that_can_be_the_matter_with_a_slip_and_are_made_once():
    with unit_of_work() as session:
        lines = demo.seed(session, now=clock.now())
    with unit_of_work() as session:
        assert demo.seed(session, now=clock.now()) == lines
    assert [slips.state(f"2026000{number}") for number in range(1, 8)] == [
        "open",
        "overdue",
        "term_over",
        "paid_elsewhere",
        "withdrawn",
        "eltax",
        "open",
    ]


def test_no_refund_is_without_its_charge_after_all_this():
    slips.take(slips.row("20260001"))
    cash(slips.ask("20260001"))
    with unit_of_work() as session:
        assert session.scalars(select(Refund)).all() == []
