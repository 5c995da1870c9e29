"""A month's fees from an account: the payer on a phone, finance at a desk and on a phone, the practice bank between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from payments.contract import ChargeLine, ChargeRequest, Ground, MoneyKind, Payer, TaxClass
from payments.services import raise_charge
from payments.transfers.rules import Calendar
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import sign_in
from tests.payments.things import new_things

CALENDAR = Calendar(day=27, lead=7, retry=14)
"""As Koga's sample collector has it."""


def owe(email: str, ref: str, *, due: datetime, yen: int) -> None:
    """A use that is paid by the month, as a booking asks for it."""
    ground = Ground("見本の条例", "第3条")
    with unit_of_work() as session:
        who = session.scalars(select(Account).where(Account.email == email)).one()
        line = ChargeLine("見本の使用料", Yen(yen), TaxClass.STANDARD, ground, sample=True)
        raise_charge(
            session,
            ChargeRequest(
                payable_kind="thing",
                payable_ref=ref,
                payer=Payer(who.person_id, who.id, who.display_name or "見本", email),
                payee="city",
                money_kind=MoneyKind.FACILITY_FEE,
                lines=[line],
                description=f"施設使用料 {ref}",
                ground=ground,
                term_end=due.date(),
                from_account=True,
            ),
            now=clock.now(),
        )


def register(page: Page, axe: Inspector) -> None:
    """From これから払うもの to the bank's own page and back."""
    page.get_by_role("main").get_by_role("link", name="口座振替を登録する").click()
    page.get_by_role("link", name="施設使用料").click()
    page.get_by_label("銀行の名前か番号").fill("0130")
    page.get_by_role("main").get_by_role("button", name="さがす").click()
    page.get_by_role("main").get_by_role("link", name="0130").click()
    page.get_by_label("支店の名前か番号").fill("012")
    page.get_by_role("main").get_by_role("button", name="さがす").click()
    axe(page, "branch")
    page.get_by_role("button", name="この支店で、銀行のページに進む").first.click()
    page.get_by_role("button", name="本人の確認ができた").click()
    expect(page.get_by_text("口座振替を登録しました")).to_be_visible()
    axe(page, "registered")


def test_two_people_owe_a_month_one_is_taken_one_is_not(
    page: Page, site: Site, axe: Inspector, new_context: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    new_things()
    month = CALENDAR.next_month(clock.today() + timedelta(days=20))
    due = datetime(month.year, month.month, 27, tzinfo=clock.TOKYO)
    with clock.freeze(datetime(month.year, month.month, 2, 10, tzinfo=clock.TOKYO)):
        journey(page, site, axe, new_context, tmp_path, due)


def journey(
    page: Page, site: Site, axe: Inspector, new_context: Callable[..., BrowserContext], tmp_path: Path, due: datetime
) -> None:
    """On the second of a month: two register, two of finance write, the practice bank answers."""
    for ref, yen in (("11/03", 1500), ("11/10", 700)):
        owe("hanako@example.jp", ref, due=due, yen=yen)
    owe("taro@example.jp", "11/05", due=due, yen=900)
    other = new_context().new_page()
    for person, email in ((page, "hanako@example.jp"), (other, "taro@example.jp")):
        sign_in(person, site, email)
        person.goto(f"{site.url}/pay")
        axe(person, "before")
        register(person, axe)
        person.goto(f"{site.url}/pay")
        expect(person.get_by_text("(末尾 4321)から引き落とす予定です").first).to_be_visible()

    first, second = new_context().new_page(), new_context().new_page()
    for desk, email in ((first, "finance@example.jp"), (second, "finance2@example.jp")):
        sign_in(desk, site, email)
        desk.goto(f"{site.url}/staff/transfers/orders")
    axe(first, "months")
    first.get_by_role("button", name="一覧を作る").click()
    expect(first.get_by_text("一覧を作っています")).to_be_visible()
    site.run_jobs()
    first.reload()
    expect(first.get_by_text("2件 3,100円").first).to_be_visible()
    axe(first, "list")
    first.get_by_role("button", name="確認した。別の人に頼む").click()
    expect(first.get_by_text("1人目の確認をした人は、ファイルを作れません")).to_be_visible()
    where = first.url
    second.goto(where)
    axe(second, "second-look")
    second.get_by_role("button", name="2件 3,100円 のファイルを作る").click()
    with second.expect_download() as got:
        second.get_by_role("button", name="ファイルを受け取る", exact=True).click()
    assert got.value.suggested_filename.startswith("furikae-")
    second.reload()
    axe(second, "written")

    page.goto(f"{site.url}/pay")
    expect(page.get_by_text("から引き落とします")).to_be_visible()
    axe(page, "ordered")
    page.get_by_role("main").get_by_role("link", name="まとめて支払い").click()
    expect(page.get_by_text("ほかの方法では払えません")).to_be_visible()
    expect(page.get_by_role("button", name="を払う")).to_have_count(0)
    axe(page, "ordered-one")

    second.get_by_text("練習用の銀行に、結果のファイルを作らせる").click()
    second.locator("select").last.select_option("1")
    with second.expect_download() as answered:
        second.get_by_role("button", name="結果のファイルを受け取る").click()
    result = tmp_path / "kekka.txt"
    answered.value.save_as(result)
    bad = tmp_path / "bad.txt"
    bad.write_bytes(result.read_bytes().replace(b"0000000900", b"0000000901"))
    second.get_by_label("結果のファイル").set_input_files(bad)
    second.get_by_role("button", name="取り込む").click()
    expect(second.get_by_text("「引落金額」が依頼とちがいます")).to_be_visible()
    axe(second, "refused")
    second.get_by_label("結果のファイル").set_input_files(result)
    second.get_by_role("button", name="取り込む").click()
    site.run_jobs()
    second.goto(where)
    expect(second.get_by_text("口座のお金が足りませんでした")).to_be_visible()
    axe(second, "settled")

    page.goto(f"{site.url}/pay")
    expect(page.get_by_text("いま払うものはありません")).to_be_visible()
    other.goto(f"{site.url}/pay")
    expect(other.get_by_text("口座から引き落とせませんでした")).to_be_visible()
    axe(other, "failed")
    other.get_by_role("main").get_by_role("link", name="施設使用料 11/05").click()
    axe(other, "failed-one")
    expect(other.get_by_role("button", name="900円 を払う")).to_be_visible()
    assert "口座のお金が足りませんでした" in str([mail.get_content() for mail in site.mailbox.to("taro@example.jp")])
