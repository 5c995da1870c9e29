"""Steps that several browser journeys of forms share: register, sign in, fill in the dog, pay."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from portal.accounts import demo
from tests.browser.conftest import Inspector, Site

PASSWORD = "あさがおと三輪車 42"
MAIL = "hanako-new@example.jp"


def look_at_nothing(page: Page, name: str = "") -> None:
    """In place of `axe` where a journey passes over pages that another one inspects."""


def register(page: Page, site: Site, axe: Inspector, email: str = MAIL) -> None:
    """A new resident: mail address, password, the link in a real mail."""
    page.goto(f"{site.url}/register")
    axe(page, "register")
    main = page.get_by_role("main")
    main.locator("input[name=email]").fill(email)
    main.locator("input[name=password]").fill(PASSWORD)
    main.locator("input[name=password_confirm]").fill(PASSWORD)
    main.get_by_label("利用規約と個人情報の取り扱いに同意します").check()
    main.get_by_role("button", name="登録して、確認のメールを送る").click()
    axe(page, "registered")
    page.goto(site.link_in_mail(email))
    axe(page, "confirmed")
    sign_in(page, site, email, PASSWORD)


def sign_in(page: Page, site: Site, email: str, password: str = demo.PASSWORD) -> None:
    page.goto(f"{site.url}/sign-in")
    main = page.get_by_role("main")
    main.locator("input[name=email]").fill(email)
    main.locator("input[name=password]").fill(password)
    main.get_by_role("button", name="サインインする", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def next_page(page: Page, name: str = "次へ") -> None:
    """Press a button that sends the page; on until the next one has its scripts."""
    with page.expect_event("load"):
        page.get_by_role("main").get_by_role("button", name=name, exact=True).last.click()


def fill_in_the_dog(page: Page, site: Site, axe: Inspector) -> None:
    """From the catalogue to the review page, with mistakes on the way."""
    page.goto(f"{site.url}/procedures")
    axe(page, "catalogue")
    page.get_by_label("ことばでさがす").fill("犬")
    page.get_by_role("button", name="さがす", exact=True).click()
    page.get_by_role("link", name="犬の登録").click()
    expect(page.get_by_role("main")).to_contain_text("3,000円")
    axe(page, "procedure")
    page.get_by_role("link", name="申請する", exact=True).click()
    axe(page, "begin")
    page.get_by_role("button", name="はじめる").click()

    page.get_by_label("氏名").fill("古河 花子")
    page.get_by_label("フリガナ").fill("漢字")
    page.get_by_label("郵便番号", exact=True).fill("306-0033")
    page.get_by_role("button", name="郵便番号から住所を入れる").click()
    expect(page.get_by_label("市区町村")).to_have_value("古河市")
    page.get_by_label("番地").fill("1-2-3")
    page.get_by_label("電話番号").fill("０２８０－２２－５１１１")
    next_page(page)
    expect(page.get_by_role("alert")).to_contain_text("カタカナで")
    expect(page.get_by_label("氏名")).to_have_value("古河 花子")
    axe(page, "owner-with-mistake")
    page.get_by_label("フリガナ").fill("ｺｶﾞ ﾊﾅｺ")
    next_page(page)

    axe(page, "dog")
    page.get_by_label("犬の名前").fill("ポチ")
    page.get_by_label("犬の種類").fill("柴犬")
    page.get_by_label("犬の生年月日").fill("令和6年5月1日")
    page.get_by_label("オス").check()
    page.get_by_label("毛の色").fill("茶")
    page.get_by_label("はい", exact=True).check()
    page.get_by_label("マイクロチップの番号").fill("392149012345678")
    axe(page, "dog-filled")
    next_page(page)

    page.get_by_label("窓口で受け取る").check()
    page.get_by_label("総和庁舎").check()
    axe(page, "tag")
    next_page(page, "確認に進む")
    expect(page.get_by_role("heading", level=1)).to_have_text("内容を確認してください")


def file_it(page: Page, axe: Inspector) -> str:
    """From the review page to the case; its number."""
    for words in ("コガ　ハナコ", "2024年5月1日(令和6年)", "3,000円", "見本", "〒306-0033"):
        expect(page.get_by_role("main")).to_contain_text(words)
    page.get_by_label("電子データ(PDF)で受け取ることに同意します").check()
    axe(page, "review")
    page.get_by_role("button", name="この内容で申請する").click()
    number = page.locator(".reference__number")
    expect(number).to_be_visible()
    return number.inner_text()


def pay(page: Page, site: Site, axe: Inspector) -> None:
    """From the case through the provider's page and back to the case."""
    page.get_by_role("link", name="手数料を支払う").click()
    axe(page, "checkout")
    page.get_by_role("button", name="3,000円 を払う").click()
    page.get_by_role("button", name="カードで払う(成功する)").click()
    page.wait_for_url("**/return**")
    site.run_jobs()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("お支払いありがとうございました")
    axe(page, "paid")
    page.get_by_role("link", name="つぎへ進む").click()
