"""A draft outlives its browser and goes on elsewhere in three actions."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Response, expect

from portal.accounts import demo
from tests.browser.conftest import Site
from tests.browser.journeys import sign_in


def _kept(answer: Response) -> bool:
    return answer.request.method == "POST" and answer.status == 204


def test_a_draft_goes_on_on_another_device_in_three_actions(
    page: Page, new_context: Callable[..., BrowserContext], site: Site
) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/dog-registration")
    page.get_by_role("button", name="はじめる").click()
    with page.expect_response(_kept):
        page.get_by_label("電話番号").fill("0280-99")
        page.keyboard.press("Tab")
    page.context.close()

    other = new_context().new_page()
    other.goto(f"{site.url}/sign-in")
    main = other.get_by_role("main")
    main.locator("input[name=email]").fill("hanako@example.jp")
    main.locator("input[name=password]").fill(demo.PASSWORD)
    for action in (
        main.get_by_role("button", name="サインインする", exact=True),
        main.get_by_role("link", name="犬の登録"),
        main.get_by_role("button", name="続きを書く"),
    ):
        action.click()
    expect(other.get_by_label("電話番号")).to_have_value("0280-99")


def test_a_signature_handed_in_is_there_on_another_device(
    page: Page, new_context: Callable[..., BrowserContext], site: Site
) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/community-garden")
    page.get_by_role("button", name="はじめる").click()
    page.goto(page.url.replace("/steps/person", "/steps/plot"))
    where = page.url
    area = page.get_by_role("img", name="署名を書くところ")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 60, steps=8)
    page.mouse.up()
    expect(page.locator("[data-signature] input[type=file]")).to_have_value(re.compile("署名.png"))
    page.get_by_role("button", name="ここに入れる 署名").click()
    expect(page.locator("#files")).to_contain_text("署名.jpg")
    page.context.close()

    other = new_context().new_page()
    sign_in(other, site, "hanako@example.jp")
    other.goto(where)
    expect(other.locator("#files")).to_contain_text("署名.jpg")
