"""Journey 1, apply: register, find 犬の登録, fill in, review, file, pay, get number, mail and receipt, follow the case. At 390 px."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from portal.kernel import references
from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import MAIL, file_it, fill_in_the_dog, next_page, pay, register, sign_in


def test_a_resident_registers_applies_pays_and_follows_the_case(page: Page, site: Site, axe: Inspector) -> None:
    register(page, site, axe)
    fill_in_the_dog(page, site, axe)
    number = file_it(page, axe)
    assert references.parse(number) == number
    axe(page, "filed")
    site.run_jobs()
    assert any(number in message["Subject"] for message in site.mailbox.to(MAIL))

    pay(page, site, axe)
    expect(page.get_by_role("main")).to_contain_text("支払いずみ")
    axe(page, "case-paid")
    page.get_by_role("link", name="領収書(PDF)").click()
    axe(page, "receipt")
    with page.expect_download() as download:
        page.get_by_role("button", name="領収書(PDF)を受け取る").click()
    words = "".join(p.extract_text() for p in PdfReader(BytesIO(download.value.path().read_bytes())).pages)
    assert "3,000" in words

    page.goto(f"{site.url}/my")
    mine = page.locator(".card", has_text=number)
    expect(mine).to_contain_text("受け付けました")
    expect(mine).to_contain_text("結果を待ってください")
    axe(page, "my")
    mine.get_by_role("link").click()
    page.get_by_text("出した内容を見る").click()
    axe(page, "case-open")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("犬の登録の申請")).click()
    words = "".join(p.extract_text() for p in PdfReader(BytesIO(download.value.path().read_bytes())).pages)
    assert "古河 花子" in words

    page.goto(f"{site.url}/applications")
    axe(page, "applications")


def test_back_after_filing_finds_the_case_and_files_nothing_more(page: Page, site: Site, axe: Inspector) -> None:
    sign_in(page, site, "hanako@example.jp")
    fill_in_the_dog_quickly(page, site)
    number = file_it(page, axe)
    page.go_back()
    expect(
        page.locator(".reference__number").or_(page.get_by_role("button", name="この内容で申請する"))
    ).to_be_visible()
    if page.get_by_role("button", name="この内容で申請する").is_visible():
        page.get_by_role("button", name="この内容で申請する").click()
    expect(page.locator(".reference__number")).to_have_text(number)


def fill_in_the_dog_quickly(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/apply/dog-registration")
    page.get_by_role("button", name="はじめる").click()
    expect(page.get_by_label("氏名")).not_to_be_empty()
    page.get_by_label("氏名").fill("古河 花子")
    page.get_by_label("フリガナ").fill("コガ ハナコ")
    page.get_by_label("郵便番号", exact=True).fill("306-0033")
    page.get_by_label("番地").fill("1-2-3")
    page.get_by_label("電話番号").fill("0280-22-5111")
    next_page(page)
    page.get_by_label("犬の名前").fill("ポチ")
    page.get_by_label("犬の種類").fill("柴犬")
    page.get_by_label("犬の生年月日").fill("2024/5/1")
    page.get_by_label("オス").check()
    page.get_by_label("毛の色").fill("茶")
    page.get_by_label("いいえ", exact=True).check()
    next_page(page)
    page.get_by_label("郵便で受け取る").check()
    next_page(page, "確認に進む")


def test_a_guest_reports_a_damaged_road_in_english_without_signing_in(
    new_context: Callable[..., BrowserContext], site: Site, axe: Inspector
) -> None:
    page = new_context(locale="en-US").new_page()
    page.goto(f"{site.url}/procedures")
    axe(page, "catalogue-en")
    page.get_by_role("link", name="Report a damaged road").click()
    axe(page, "procedure-en")
    page.get_by_role("link", name="Apply", exact=True).click()
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Hole or crack in the road").check()
    page.get_by_label("Place", exact=False).first.fill("In front of Sowa Office")
    page.get_by_label("Day you saw it").fill("2026-11-20")
    next_page(page, "Next")
    page.get_by_label("No", exact=True).check()
    axe(page, "contact-en")
    next_page(page, "Go to the check")
    axe(page, "review-en")
    page.get_by_role("button", name="File the application").click()
    expect(page.locator(".reference__number")).to_be_visible()
    axe(page, "filed-en")


def test_a_certificate_is_prepared_for_the_counter_and_guides_lead_elsewhere(
    page: Page, site: Site, axe: Inspector
) -> None:
    page.goto(f"{site.url}/procedures/moving-out")
    expect(page.get_by_role("link", name=re.compile("マイナポータル"))).to_have_attribute("href", "https://myna.go.jp/")
    axe(page, "elsewhere")
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/procedures/resident-record")
    axe(page, "prepared")
    page.get_by_role("link", name="窓口の準備をする").click()
    page.get_by_role("button", name="はじめる").click()
    page.get_by_label("氏名").fill("古河 花子")
    page.get_by_label("フリガナ").fill("コガ ハナコ")
    page.get_by_label("生年月日").fill("昭和55年4月1日")
    page.get_by_label("郵便番号", exact=True).fill("306-0033")
    page.get_by_label("番地").fill("1-2-3")
    page.get_by_label("電話番号").fill("0280-22-5111")
    next_page(page)
    page.get_by_label("世帯の全員").check()
    page.get_by_label("仕事・学校").check()
    page.get_by_label("何通").fill("２")
    axe(page, "what")
    next_page(page, "確認に進む")
    expect(page.get_by_role("main")).to_contain_text("600円")
    page.get_by_role("button", name="この内容で準備する").click()
    expect(page.get_by_role("main")).to_contain_text("窓口でこの番号を見せてください")
    axe(page, "prepared-number")
