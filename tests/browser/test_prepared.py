"""Prepared on a phone, finished at the counter's desk: the number is typed, the rest is there."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Inspector, Site
from tests.browser.test_counter import pdf_text, sign_in


def prepare(page: Page, site: Site, axe: Inspector) -> str:
    """The resident's part, on a phone; the number that the page shows."""
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/procedures/family-register-addresses")
    page.get_by_role("link", name="窓口の準備をする").click()
    page.get_by_role("button", name="はじめる").click()
    page.get_by_label("氏名").fill("見本 花子")
    page.get_by_label("フリガナ").fill("ミホン ハナコ")
    page.get_by_label("郵便番号", exact=True).fill("306-0033")
    page.get_by_label("番地").fill("1-2-3")
    page.get_by_label("電話番号").fill("0280-22-5111")
    page.get_by_role("button", name="次へ").last.click()
    page.get_by_label("本籍").fill("古河市下大野2248番地")
    page.get_by_label("筆頭者の氏名").fill("見本 太郎")
    page.get_by_role("radio", name="本人", exact=True).check()
    page.get_by_role("radio", name="全員").check()
    page.get_by_label("何通").fill("2")
    page.get_by_role("button", name="確認に進む").last.click()
    page.get_by_role("button", name="この内容で準備する").click()
    expect(page.get_by_role("main")).to_contain_text("窓口でこの番号を見せてください")
    expect(page.get_by_role("main")).to_contain_text("窓口に来る期限")
    number = page.locator(".reference__number").inner_text()
    expect(page.locator(".code svg")).to_be_visible()
    axe(page, "number-and-code")
    slip = page.get_by_role("link", name="窓口で見せる紙").get_attribute("href")
    assert number in pdf_text(page, f"{site.url}{slip}")
    site.run_jobs()
    assert site.link_in_mail("hanako@example.jp", "/applications/").endswith(number)
    return number


def test_prepared_on_a_phone_and_finished_at_the_desk(
    page: Page, chromium: Browser, site: Site, axe: Inspector
) -> None:
    number = prepare(page, site, axe)
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP", timezone_id="Asia/Tokyo")
    context.set_default_timeout(15_000)
    desk = context.new_page()
    sign_in(desk, site, "counter@example.jp")
    desk.goto(f"{site.url}/staff/counter")
    desk.get_by_label("準備の番号").fill("A-7K3F-92QX-4")
    desk.get_by_role("button", name="準備の内容を開く").click()
    expect(desk.get_by_role("alert")).to_contain_text("この番号の準備はありません")
    axe(desk, "wrong-number")
    desk.get_by_label("準備の番号").fill(number.lower().replace("-", ""))
    desk.keyboard.press("Enter")
    desk.wait_for_url(re.compile("/staff/counter/K-"))
    visit = desk.url.rpartition("/")[2]
    expect(desk.get_by_role("main")).to_contain_text("古河市下大野2248番地")
    axe(desk, "pulled-in")

    desk.goto(f"{site.url}/staff/counter")
    desk.get_by_label("準備の番号").fill(f"{site.url}/applications/{number}")
    desk.get_by_role("button", name="準備の内容を開く").click()
    expect(desk.get_by_role("alert")).to_contain_text(visit)
    desk.get_by_role("link", name=re.compile("カードはまだ")).click()

    desk.get_by_role("link", name="答えを直す").click()
    expect(desk.get_by_label("何通")).to_have_value("2")
    desk.get_by_label("何通").fill("1")
    desk.get_by_role("button", name="答えを入れる").click()
    expect(desk.get_by_role("main")).to_contain_text("家で準備した内容: 2通")
    axe(desk, "changed")
    desk.get_by_role("button", name="署名の紙を作る").click()
    paper = desk.get_by_role("link", name="の申請書 (PDF)").first.get_attribute("href")
    text = pdf_text(desk, f"{site.url}{paper}")
    for expected in (number, "家で準備", "300円", "窓口に来た人の署名"):
        assert expected in text, expected
    desk.get_by_role("button", name="署名をもらった").click()
    expect(desk.get_by_role("alert")).to_be_visible()
    desk.get_by_role("checkbox", name="健康保険の資格確認書").check()
    desk.get_by_role("button", name="署名をもらった").click()
    expect(desk.get_by_role("alert")).to_contain_text("ほかの書類を2つ")
    axe(desk, "not-enough")
    desk.get_by_role("checkbox", name="年金の手帳").check()
    desk.get_by_role("button", name="署名をもらった").click()
    desk.get_by_label("預かった金額").fill("1000")
    desk.get_by_role("button", name="現金を受け取る").click()
    expect(desk.get_by_role("status")).to_contain_text("おつりは700円です")
    desk.get_by_role("button", name="来庁を終える").click()
    expect(desk.get_by_text("手続きが終わりました。")).to_be_visible()
    context.close()

    site.run_jobs()
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("受付番号")
    expect(page.locator(".reference__number")).to_have_text(number)
    expect(page.get_by_role("main")).to_contain_text("支払いずみです")
    axe(page, "filed-at-the-counter")
