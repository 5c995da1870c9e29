"""What only a browser shows: the queue by its keys, a draft kept while it is typed, a signature drawn with the mouse."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import Account
from portal.kernel.database import unit_of_work
from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import sign_in
from tests.forms.conftest import filed


def _cases(count: int) -> list[str]:
    """Cases of the demo's はなこ, the oldest first."""
    with unit_of_work() as session:
        hanako = session.query(Account).filter_by(email="hanako@example.jp").one()
        session.expunge(hanako)
    return [filed(hanako) for _n in range(count)]


def test_the_queue_is_worked_through_by_its_keys(page: Page, site: Site, axe: Inspector) -> None:
    references = _cases(3)
    sign_in(page, site, "reviewer@example.jp")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site.url}/staff/applications?sort=oldest")
    keys = page.keyboard

    keys.press("j")
    expect(page.get_by_role("link", name=references[0])).to_be_focused()
    keys.press("j")
    keys.press("x")
    expect(page.get_by_role("checkbox", name=references[1])).to_be_checked()
    keys.press("k")
    keys.press("x")
    expect(page.get_by_role("checkbox", name=references[0])).to_be_checked()
    axe(page, "picked")

    keys.press("/")
    search = page.get_by_label("番号か氏名")
    expect(search).to_be_focused()
    keys.type("jx")
    expect(search).to_have_value("jx")
    search.fill("")

    page.get_by_role("link", name=references[0]).focus()
    keys.press("?")
    expect(page.get_by_label("1文字のキーを使う")).to_be_visible()
    page.get_by_label("1文字のキーを使う").uncheck()
    page.get_by_role("link", name=references[0]).focus()
    keys.press("j")
    expect(page.get_by_role("link", name=references[0])).to_be_focused()
    page.get_by_label("1文字のキーを使う").check()

    page.get_by_role("link", name=references[2]).focus()
    keys.press("Enter")
    page.wait_for_url(f"**/staff/applications/{references[2]}")

    page.goto(f"{site.url}/staff/applications?sort=oldest")
    keys.press("j")
    keys.press("x")
    page.get_by_role("button", name="選んだものを受理する").focus()
    keys.press("Enter")
    results = page.locator("section[aria-labelledby=results-title]")
    expect(results).to_contain_text(references[0])
    expect(results).to_contain_text("できました")


def test_what_is_typed_is_kept_by_itself_and_found_in_another_browser(
    page: Page, new_context: Callable[..., BrowserContext], site: Site
) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/dog-registration")
    page.get_by_role("button", name="はじめる").click()
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.status == 204):
        page.get_by_label("電話番号").fill("0280-99")
        page.keyboard.press("Tab")
    page.context.close()

    other = new_context().new_page()
    sign_in(other, site, "hanako@example.jp")
    other.goto(f"{site.url}/apply/dog-registration")
    other.get_by_role("button", name="続きを書く").click()
    expect(other.get_by_label("電話番号")).to_have_value("0280-99")


def test_a_signature_is_drawn_with_the_mouse_started_again_and_handed_in(
    page: Page, site: Site, axe: Inspector
) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/community-garden")
    page.get_by_role("button", name="はじめる").click()
    page.goto(page.url.replace("/steps/person", "/steps/plot"))
    area = page.get_by_role("img", name="署名を書くところ")
    taken = page.locator("[data-signature] input[type=file]")
    for _time in range(2):
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 150, box["y"] + 60, steps=8)
        page.mouse.up()
        expect(taken).to_have_value(re.compile("署名.png"))
        if _time == 0:
            page.get_by_role("button", name="書きなおす").click()
            expect(taken).to_have_value("")
    axe(page, "drawn")
    page.get_by_role("button", name="ここに入れる 署名").click()
    expect(page.locator("#files")).to_contain_text("署名.jpg")
    axe(page, "kept")
