"""On a phone, with the keyboard alone: confirm who one is with the development provider, file the income certificate."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from portal.accounts.identity import choice
from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import sign_in


def press(where: Locator, key: str = "Enter") -> None:
    """Go there with the keyboard and press a key."""
    where.focus()
    where.press(key)


def test_a_resident_confirms_who_they_are_and_files_the_income_certificate(
    page: Page, site: Site, axe: Inspector
) -> None:
    provider = choice.provider()
    assert provider is not None
    provider.limit = 60.0  # no verdict by the clock of a busy machine
    sign_in(page, site, "hanako@example.jp")
    main = page.get_by_role("main")
    page.goto(f"{site.url}/procedures/income-certificate")
    expect(main).to_contain_text("本人確認が要ります")
    axe(page, "procedure")
    press(main.get_by_role("link", name="申請する", exact=True))
    expect(main).to_contain_text("まだ本人確認をしていません")
    axe(page, "begin")
    press(main.get_by_role("button", name="本人確認はあとにして、書きはじめる"))

    expect(main.get_by_label("氏名")).to_have_value("見本 花子")
    press(main.get_by_role("button", name="次へ", exact=True))
    press(main.get_by_label("所得証明書", exact=True), "Space")
    main.get_by_label("年度(西暦)").fill("2026")
    press(main.get_by_label("郵便で受け取る"), "Space")
    main.get_by_label("何に使いますか").fill("家を借りるため")
    main.get_by_label("何通").fill("1")
    press(main.get_by_role("button", name="確認に進む", exact=True))

    expect(main).to_contain_text("まだ出せません。本人確認が要ります")
    axe(page, "review-without")
    press(main.get_by_role("button", name="本人確認をする", exact=True))
    expect(main).to_contain_text("だれとして確かめますか")
    axe(page, "provider")
    press(main.get_by_role("button", name="この人として確かめる"))

    expect(main).to_contain_text("内容を確認してください")
    expect(page.locator("body")).to_contain_text("本人確認ができました")
    expect(main).to_contain_text("家を借りるため")
    axe(page, "review-confirmed")
    press(main.get_by_role("link", name="直す 証明する人"))
    expect(main).to_contain_text("本人確認の内容から入れました")
    expect(main.get_by_label("氏名", exact=True)).to_have_count(0)
    axe(page, "locked")
    press(main.get_by_role("button", name="次へ", exact=True))
    press(main.get_by_role("button", name="確認に進む", exact=True))
    press(main.get_by_role("button", name="この内容で申請する"))

    expect(main).to_contain_text("手数料を支払う")
    expect(main).to_contain_text("本人確認をしていました")
    axe(page, "filed")
    page.goto(f"{site.url}/my/identity")
    expect(main).to_contain_text("本人確認が済んでいます")
    axe(page, "identity")
