"""A resident's account in Chromium at 390 px: register by mail, save name and address, a passkey, a session's end; and without script."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.people import PASSWORD

#: What a finger has to hit and is lower than 44 px.
SMALL_TARGETS = """
[...document.querySelectorAll(
    "button, .button, .site-nav a, .site-footer a, .languages a, .link-list a, " +
    "input:not([type=hidden]):not([type=radio]):not([type=checkbox])"
)].filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 80))
"""


def _send(page: Page) -> None:
    page.locator("main form button[type=submit].button--wide").first.click()


def _register(page: Page, site: Site, axe: Callable[[Page], None], email: str) -> None:
    page.goto(f"{site.url}/")
    axe(page)
    page.get_by_role("link", name="利用登録をする").first.click()
    _send(page)
    expect(page.locator("#error-summary")).to_be_focused()
    axe(page)
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.fill("#password_confirm", PASSWORD)
    page.check("#consent")
    _send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("メールを確認してください")
    axe(page)
    page.goto(site.link_in_mail(email, "/register/confirm/"))
    axe(page)
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    _send(page)


def test_a_resident_registers_saves_an_address_and_signs_in_with_a_passkey(
    site: Site, page: Page, axe: Callable[[Page], None]
) -> None:
    email = "new-resident@example.jp"
    _register(page, site, axe, email)
    expect(page).to_have_url(f"{site.url}/my")
    axe(page)
    page.get_by_role("link", name="名前と住所を登録する").click()
    axe(page)
    page.fill("#name", "𠮷田 \ufa19子")
    page.fill("#kana", "ﾖｼﾀﾞ ｼﾞﾝｺ")
    page.fill("#birth_date", "昭和55年4月1日")
    page.fill("#phone", "0280-22-5111")
    page.fill("#postal_code", "306-0033")
    page.get_by_role("button", name="郵便番号から住所を入れる").click()
    expect(page.locator("#city")).to_have_value("古河市")
    page.fill("#town", "中央町")
    page.fill("#block", "1-2-3")
    _send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("𠮷田 \ufa19子 さんのページ")
    # A passkey of the device, as Chromium's virtual authenticator makes it.
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    page.goto(f"{site.url}/my/security/passkey")
    page.fill("#name", "わたしのスマートフォン")
    _send(page)
    expect(page.get_by_text("パスキー「わたしのスマートフォン」を登録しました。")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="サインアウト").click()
    page.get_by_role("link", name="サインイン", exact=True).click()
    axe(page)
    page.get_by_role("link", name="パスキーでサインインする").click()
    _send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("𠮷田 \ufa19子 さんのページ")
    # A passkey of an account that was switched off opens nothing.
    page.get_by_role("button", name="サインアウト").click()
    _switch_off(email)
    page.goto(f"{site.url}/sign-in/passkey")
    _send(page)
    expect(page.get_by_text("このアカウントは使えません")).to_be_visible()
    page.goto(f"{site.url}/my")
    expect(page).to_have_url(f"{site.url}/sign-in?next=/my")


def _switch_off(email: str) -> None:
    from portal.accounts import services
    from portal.kernel.database import unit_of_work

    with unit_of_work() as session:
        account = services.account_by_email(session, email)
        assert account is not None
        account.active = False


def test_the_same_without_script_on_a_narrow_screen(
    site: Site, new_context: Callable[..., BrowserContext], chromium: object
) -> None:
    from playwright.sync_api import Browser

    assert isinstance(chromium, Browser)
    context = chromium.new_context(viewport={"width": 320, "height": 640}, locale="ja-JP", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/sign-in")
    page.fill("#email", "hanako@example.jp")
    page.fill("#password", "mado-guchi-demo-1")
    _send(page)
    expect(page).to_have_url(f"{site.url}/my")
    page.goto(f"{site.url}/my/profile")
    page.fill("#postal_code", "3060033")
    page.fill("#town", "")
    page.get_by_role("button", name="郵便番号から住所を入れる").click()
    expect(page.locator("#city")).to_have_value("古河市")
    page.fill("#birth_date", "令和元年13月1日")
    _send(page)
    expect(page.locator("#birth_date-error")).to_contain_text("日付はありません")
    expect(page.locator("#birth_date")).to_have_value("令和元年13月1日")
    context.close()


def test_no_page_is_wider_than_320_px(site: Site, chromium: object) -> None:
    from playwright.sync_api import Browser

    assert isinstance(chromium, Browser)
    context = chromium.new_context(viewport={"width": 320, "height": 640}, locale="ja-JP")
    page = context.new_page()
    paths = ["/", "/sign-in", "/register", "/privacy", "/terms", "/contact", "/nothing"]
    page.goto(f"{site.url}/sign-in")
    for path in paths:
        page.goto(f"{site.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    page.goto(f"{site.url}/sign-in")
    page.fill("#email", "hanako@example.jp")
    page.fill("#password", "mado-guchi-demo-1")
    _send(page)
    for path in ["/my", "/my/profile", "/my/security", "/my/security/code", "/my/security/passkey"]:
        page.goto(f"{site.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        small = page.evaluate(SMALL_TARGETS)
        assert small == [], path
    context.close()
