"""Journey 5, count: the IT strategy section sees, computed from what is live, how far the city is; so does everybody."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from portal import app as composition
from portal.accounts import demo
from tests.browser.conftest import Inspector, Site

COUNTS = {
    "online_procedures": "150", "online_facilities": "71", "writeless_procedures": "5", "cashless_kinds": "3",
}  # fmt: skip
PARTS = {"here": "このサイトでできる", "elsewhere": "ほかの場所でできる"}


def sign_in(page: Page, site: Site, email: str) -> None:
    page.goto(f"{site.url}/sign-in")
    main = page.get_by_role("main")
    main.locator("input[name=email]").fill(email)
    main.locator("input[name=password]").fill(demo.PASSWORD)
    main.get_by_role("button", name="サインインする", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def shown(page: Page) -> dict[str, str]:
    """The four figures on a page, by name."""
    cards = page.locator("[data-headline]")
    return {
        str(card.get_attribute("data-headline")): card.locator(".figure-card__now").inner_text().strip()
        for card in (cards.nth(index) for index in range(cards.count()))
    }


def test_the_it_strategy_section_counts_what_is_live(page: Page, site: Site, axe: Inspector) -> None:
    figures = composition.kpi()["headlines"]
    wanted = {name: "—" if count["value"] is None else f"{count['value']:,}" for name, count in figures.items()}
    assert set(wanted) == set(COUNTS)

    sign_in(page, site, "it@example.jp")
    page.goto(f"{site.url}/staff")
    axe(page, "staff-home")
    page.get_by_role("link", name="計画の数").first.click()
    page.wait_for_url("**/staff/plan")
    axe(page, "staff-plan")
    assert shown(page) == wanted
    for name, target in COUNTS.items():
        expect(page.locator(f"[data-headline={name}] .figure-card__count")).to_contain_text(f"/ {target}")
    online = page.locator("[data-headline=online_procedures]")
    for part in figures["online_procedures"]["parts"]:
        expect(online).to_contain_text(PARTS[part])
    expect(online).to_contain_text("計画の目標(2026年度)")

    chart = page.get_by_role("img", name="目標に対する今の数")
    expect(chart).to_be_visible()
    assert chart.locator("desc").text_content()
    expect(page.get_by_role("table", name="同じ数の表")).to_contain_text("150")

    with page.expect_download() as download:
        page.get_by_role("link", name="CSV(Excelで開く)").click()
    assert download.value.suggested_filename.startswith("plan-")
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert len(content.decode("utf-8-sig").splitlines()) == 51

    page.get_by_role("link", name="JSON", exact=True).click()
    data = json.loads(page.locator("pre").inner_text())
    assert {name: count["value"] for name, count in data["headlines"].items()} == {
        name: count["value"] for name, count in figures.items()
    }


@pytest.mark.parametrize("locale", ["ja-JP", "en-US"])
def test_everybody_sees_the_same_numbers(
    new_context: Callable[..., BrowserContext], site: Site, axe: Inspector, locale: str
) -> None:
    page = new_context(locale=locale).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(site.url)
    page.get_by_role("contentinfo").get_by_role(
        "link", name="計画の進みぐあい" if locale == "ja-JP" else "Progress of the plan"
    ).click()
    page.wait_for_url("**/plan")
    figures = composition.kpi()["headlines"]
    assert shown(page) == {
        name: "—" if count["value"] is None else f"{count['value']:,}" for name, count in figures.items()
    }
    for summary in page.locator("summary").all():
        summary.click()
    axe(page, f"plan-{locale[:2]}")
    assert complaints == []


def test_the_page_is_whole_at_320_pixels_without_script(chromium: Browser, site: Site, axe: Inspector) -> None:
    context = chromium.new_context(viewport={"width": 320, "height": 640}, locale="ja-JP", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/plan")
    expect(page.get_by_role("img", name="目標に対する今の数")).to_be_visible()
    page.locator("summary").last.click()
    expect(page.get_by_role("region", name="計画の指標")).to_be_visible()
    expect(page.get_by_role("region", name="計画の指標")).to_contain_text("マイナンバーカードの普及促進")
    widest = page.locator("main").bounding_box()
    assert widest is not None
    assert widest["width"] <= 320
    context.close()


def test_a_manager_of_a_facility_is_told_that_the_page_is_not_theirs(page: Page, site: Site, axe: Inspector) -> None:
    sign_in(page, site, "manager@example.jp")
    answer = page.goto(f"{site.url}/staff/plan")
    assert answer is not None
    assert answer.status == 403
    axe(page, "not-yours")
