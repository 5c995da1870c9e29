"""Journey 4, counter: the card is read, only what is missing is asked, both papers are printed, the fee is taken in cash."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, Page, expect
from pypdf import PdfReader

from portal.accounts import demo
from tests.browser.conftest import Inspector, Site


def sign_in(page: Page, site: Site, email: str) -> None:
    page.goto(f"{site.url}/sign-in")
    main = page.get_by_role("main")
    main.locator("input[name=email]").fill(email)
    main.locator("input[name=password]").fill(demo.PASSWORD)
    main.get_by_role("button", name="サインインする", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def pdf_text(page: Page, url: str) -> str:
    answer = page.request.get(url)
    assert answer.ok, url
    assert answer.headers["content-type"] == "application/pdf"
    return "\n".join(one.extract_text() for one in PdfReader(io.BytesIO(answer.body())).pages)


def answer_all(page: Page) -> None:
    page.get_by_label("フリガナ").fill("ﾐﾎﾝ ﾊﾅｺ")
    page.get_by_label("電話番号").fill("０２８０ー９９ー９９９９")
    page.get_by_role("radio", name="自分だけ").check()
    page.get_by_role("radio", name="仕事・学校").check()
    page.get_by_label("何通 (住民票の写し)").fill("２")
    page.get_by_label("何通 (印鑑登録証明書)").fill("1")


def test_a_visitor_writes_nothing_but_the_signature(page: Page, site: Site, axe: Inspector) -> None:
    sign_in(page, site, "counter@example.jp")
    page.goto(f"{site.url}/staff")
    page.get_by_role("link", name="書かない窓口").first.click()
    axe(page, "home")

    page.get_by_role("button", name="来庁をはじめる").click()
    expect(page.get_by_role("alert")).to_be_visible()
    axe(page, "nothing-chosen")
    page.get_by_role("checkbox", name="住民票の写し").check()
    page.get_by_role("checkbox", name="印鑑登録証明書").check()
    page.get_by_role("button", name="来庁をはじめる").click()
    axe(page, "card")

    page.get_by_role("radio", name="渡邊").check()
    page.get_by_role("button", name="カードを読む").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("渡邊\U000e0109 神\ufa19太郎")
    axe(page, "card-read")

    page.get_by_role("link", name=re.compile("直す.*住所")).click()
    axe(page, "correct")
    page.get_by_label("番地").fill("9998番地")
    page.get_by_role("button", name="直す", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("直す理由")
    axe(page, "correct-without-reason")
    page.get_by_label("直す理由").fill("引っ越したばかりで、カードがまだ古い")
    page.get_by_role("button", name="直す", exact=True).last.click()

    page.get_by_role("link", name="質問へ進む").click()
    expect(page.get_by_label("氏名", exact=True)).to_have_count(0)
    expect(page.get_by_label(re.compile("^フリガナ"))).to_have_count(1)
    axe(page, "questions")
    page.get_by_role("button", name="答えを入れる").click()
    axe(page, "questions-missing")
    answer_all(page)
    page.get_by_role("radio", name="世帯のほかの人").check()
    page.get_by_role("button", name="答えを入れる").click()
    expect(page.get_by_label("その人の氏名")).to_be_visible()
    axe(page, "questions-more")
    page.get_by_label("その人の氏名").fill("渡邊\U000e0109 花子")
    page.get_by_role("button", name="答えを入れる").click()
    axe(page, "ready-to-print")

    page.get_by_role("button", name="署名の紙を作る").click()
    axe(page, "printed")
    links = page.get_by_role("link", name="の申請書 (PDF)").all()
    texts = [pdf_text(page, site.url + str(link.get_attribute("href"))) for link in links]
    record, seal = texts
    assert "住民票の写しの交付請求書" in record
    assert "印鑑登録証明書の交付申請書" in seal
    for text in texts:
        assert "渡邊\U000e0109 神\ufa19太郎" in text
        assert "𠮷野荘203" in text
        assert "9998番地" in text
        assert "引っ越したばかりで" in text
        assert "署名" in text
        assert "見本" in text

    page.get_by_role("button", name="署名をもらった").click()
    expect(page.get_by_text("900円").first).to_be_visible()
    axe(page, "cash")
    page.get_by_label("預かった金額").fill("500")
    page.get_by_role("button", name="現金を受け取る").click()
    expect(page.get_by_role("alert")).to_contain_text("足りません")
    axe(page, "too-little")
    page.get_by_label("預かった金額").fill("１，０００")
    page.get_by_role("button", name="現金を受け取る").click()
    expect(page.get_by_role("status")).to_contain_text("おつりは100円です")
    axe(page, "paid")
    receipts = [str(link.get_attribute("href")) for link in page.get_by_role("link", name="領収書").all()]
    assert len(receipts) == 2
    for receipt in receipts:
        answer = page.request.get(site.url + receipt)
        assert answer.ok

    page.get_by_role("button", name="来庁を終える").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("渡邊")
    expect(page.get_by_text("手続きが終わりました。")).to_be_visible()
    axe(page, "summary")
    page.get_by_role("link", name="つぎの人へ").click()
    expect(page.get_by_text("受け付け中の来庁はありません。")).to_be_visible()


def test_the_clerk_needs_no_mouse(page: Page, site: Site, axe: Inspector) -> None:
    sign_in(page, site, "counter@example.jp")
    page.goto(f"{site.url}/staff/counter")
    page.get_by_role("checkbox", name="住民票の写し").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/staff/counter/K-"))
    page.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("見本 花子")
    page.get_by_role("link", name="質問へ進む").focus()
    page.keyboard.press("Enter")
    page.get_by_label("フリガナ").focus()
    page.keyboard.type("ミホン ハナコ")
    page.keyboard.press("Tab")
    page.keyboard.type("0280999999")
    for _question in ("whose", "shown", "purpose"):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        if _question == "shown":
            page.keyboard.press("Tab")
            page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/staff/counter/K-[^/]*$"))
    button = page.get_by_role("button", name="署名の紙を作る")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="署名をもらった")).to_be_visible()
    axe(page, "printed-by-keyboard")


def test_the_counter_works_wide_in_english_and_without_script(
    chromium: Browser, new_context: Callable[..., BrowserContext], site: Site, axe: Inspector
) -> None:
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-US", java_script_enabled=True, timezone_id="Asia/Tokyo"
    )
    page = context.new_page()
    page.goto(f"{site.url}/sign-in?lang=ja")
    sign_in(page, site, "counter@example.jp")
    page.goto(f"{site.url}/staff/counter?lang=en")
    axe(page, "home-en")
    japanese = re.compile("来庁|手続き|質問|署名")
    expect(page.get_by_role("main")).not_to_contain_text(japanese)
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Open the visit").click()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Read the card").click()
    expect(page.get_by_role("main")).not_to_contain_text(japanese)
    axe(page, "card-read-en")
    page.get_by_role("link", name="Go to the questions").click()
    expect(page.get_by_role("main")).not_to_contain_text(japanese)
    axe(page, "questions-en")
    context.close()
