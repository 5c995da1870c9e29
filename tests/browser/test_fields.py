"""The newer field types on a phone: a long list by typing, an amount, a period, times, a place; without mistakes and with them."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import next_page, sign_in


def test_a_permit_for_a_park_is_asked_for_with_every_newer_type(page: Page, site: Site, axe: Inspector) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/park-activity")
    next_page(page, "はじめる")
    page.get_by_role("radiogroup", name="団体や会社として申請しますか").get_by_label("いいえ").check()
    next_page(page)
    axe(page, "empty")
    next_page(page, "確認に進む")
    expect(page.locator("#error-summary")).to_be_visible()
    axe(page, "mistakes")
    page.set_viewport_size({"width": 320, "height": 720})
    axe(page, "narrow")
    page.get_by_label("物を売る・募金をする").check()
    price = page.get_by_label("売る物のいちばん高い値段")
    expect(price).to_be_visible()
    price.fill("500円")
    page.locator("#f-park").fill("古河公方公園(古河総合公園)")
    page.get_by_label("始まりの日").fill("令和8年12月1日")
    page.get_by_label("終わりの日").fill("2026/11/30")
    next_page(page, "確認に進む")
    summary = page.locator("#error-summary")
    expect(summary).to_contain_text("終わりの日")
    axe(page, "period")
    assert price.input_value() == "500円"


def test_a_slow_answer_in_the_background_takes_nothing_back_that_was_typed_meanwhile(page: Page, site: Site) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/park-activity")
    next_page(page, "はじめる")
    page.get_by_role("radiogroup", name="団体や会社として申請しますか").get_by_label("いいえ").check()
    next_page(page)
    held: list[Route] = []
    page.route(
        "**/steps/*",
        lambda route: held.append(route) if "refresh" in (route.request.post_data or "") else route.fallback(),
    )
    sale = page.get_by_label("物を売る・募金をする")
    with page.expect_request(lambda request: "action=refresh" in (request.post_data or "")):
        sale.check()
    with page.expect_request(lambda request: "action=refresh" in (request.post_data or "")):
        sale.uncheck()
    with page.expect_request(lambda request: "action=refresh" in (request.post_data or "")):
        sale.check()
    for _ in range(100):  # a request is announced before it is held
        if len(held) < 3:
            page.wait_for_timeout(50)
    assert len(held) == 3
    held[2].continue_()
    price = page.get_by_label("売る物のいちばん高い値段")
    expect(price).to_be_visible()
    price.fill("500円")
    with page.expect_response(lambda response: "action=autosave" in (response.request.post_data or "")):
        page.locator("#f-park").focus()
    for late in held[:2]:
        with page.expect_response(lambda response: "action=refresh" in (response.request.post_data or "")) as answered:
            late.continue_()
        assert answered.value.status == 204, "the server knows the newer one"
    expect(price).to_have_value("500円")
    page.unroute("**/steps/*")
    page.reload()
    expect(page.get_by_label("売る物のいちばん高い値段")).to_have_value("500円")


def test_what_cannot_be_kept_now_is_said_and_kept_when_the_line_is_back(page: Page, site: Site) -> None:
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/apply/dog-registration")
    next_page(page, "はじめる")
    name = page.locator("[name='f.owner_name']")
    page.route("**/steps/*", lambda route: route.abort())
    name.fill("古河 はな")
    name.blur()
    expect(page.locator("[data-kept]")).to_be_visible()
    page.unroute("**/steps/*")
    with page.expect_response(lambda response: "action=autosave" in (response.request.post_data or "")) as kept:
        page.evaluate("window.dispatchEvent(new Event('online'))")
    assert kept.value.status == 204
    expect(page.locator("[data-kept]")).to_be_hidden()
    page.reload()
    expect(name).to_have_value("古河 はな")
