"""The page for the IT section: a mail that did not arrive is seen and sent again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from portal.kernel.database import unit_of_work
from portal.notices import services
from tests.browser.conftest import Inspector, Site
from tests.browser.test_counter import sign_in


def test_a_mail_that_did_not_arrive_is_sent_again(page: Page, site: Site, axe: Inspector) -> None:
    with unit_of_work() as session:
        services.send(
            session,
            recipient=services.Recipient("nobody@example.jp", "見本 花子"),
            template="portal/mail/test.txt",
            context={"note": ""},
            key="test:1",
        )
    site.mailbox.refuse_with = "550 5.1.1 no such user"
    site.run_jobs()
    site.mailbox.refuse_with = None
    sign_in(page, site, "it@example.jp")
    page.goto(f"{site.url}/staff")
    page.get_by_role("link", name="処理とメールの見張り").first.click()
    expect(page.get_by_text("smtp_550")).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text("nobody@")
    axe(page, "jobs")
    page.get_by_role("button", name="もう一度送る").click()
    site.run_jobs()
    page.reload()
    expect(page.get_by_text("届かなかったメールもありません。")).to_be_visible()
    axe(page, "calm")
    assert len(site.mailbox.to("nobody@example.jp")) == 1
    page.goto(f"{site.url}/dev/mail")
    axe(page, "catcher")
