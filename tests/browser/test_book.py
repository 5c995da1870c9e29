"""Journey 3, book: find a court, hold it, pay, be permitted, show the permit, cancel with refund."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from portal.accounts import demo
from portal.kernel import clock, dates
from portal.kernel.database import unit_of_work
from reservations import documents
from reservations.models import Space
from tests.browser.conftest import Inspector, Site


def sign_in(page: Page, site: Site, email: str) -> None:
    page.goto(f"{site.url}/sign-in")
    main = page.get_by_role("main")
    main.locator("input[name=email]").fill(email)
    main.locator("input[name=password]").fill(demo.PASSWORD)
    main.get_by_role("button", name="サインインする", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def open_day(space_code: str, *, ahead: int) -> date:
    """The first day from `ahead` days on, Monday to Friday and no holiday, on which the space is open."""
    with unit_of_work() as session:
        space = session.scalars(select(Space).where(Space.code == space_code)).one()
        rules = documents.load(session, [("timetable", space.timetable_code)])
    day = clock.today() + timedelta(days=ahead)
    while True:
        timetable = rules.timetable(space.timetable_code, day)
        assert timetable
        if timetable.slots_on(day, dates.is_holiday) and day.weekday() < 5 and not dates.is_holiday(day):
            return day
        day += timedelta(days=1)


def pay(page: Page, axe: Inspector) -> None:
    """Through the provider's page and back."""
    axe(page, "checkout")
    page.get_by_role("button", name="を払う").click()
    page.wait_for_url("**/sandbox/pay/**")
    axe(page, "provider")
    page.locator("button[value=pay]").first.click()
    page.wait_for_url("**/pay/**/return*")
    axe(page, "returned")


def test_a_resident_books_a_court_pays_gets_the_permit_and_cancels(page: Page, site: Site, axe: Inspector) -> None:
    day = open_day("S01-92", ahead=9)
    sign_in(page, site, "hanako@example.jp")

    page.goto(site.url)
    page.get_by_role("main").get_by_role("link", name="施設を予約する").click()
    axe(page, "search")
    page.get_by_role("link", name="バドミントン", exact=True).click()
    axe(page, "badminton-today")
    page.goto(f"{site.url}/facilities?purpose=badminton&date={day}")
    axe(page, "badminton-free")
    page.get_by_role("link", name="中央運動公園総合体育館").first.click()
    axe(page, "month")
    page.goto(f"{site.url}/facilities/S01?purpose=badminton&month={day:%Y-%m}")
    page.locator(f"a[href*='/day/{day}']").click()
    axe(page, "day")
    court = page.locator("section", has=page.get_by_role("heading", name="バドミントン1コート"))
    court.get_by_role("button", name="9:00〜11:00").click()

    page.wait_for_url("**/bookings/B-*")
    expect(page.get_by_text("取ってあります")).to_be_visible()
    expect(page.get_by_text("400円").first).to_be_visible()
    expect(page.get_by_text("見本").first).to_be_visible()
    axe(page, "held")
    page.get_by_role("button", name="いまから15分にのばす").click()
    page.get_by_label("使う人数").fill("９９")
    page.get_by_role("button", name="この料金で、支払いに進む").click()
    expect(page.get_by_role("alert")).to_contain_text("20人まで")
    axe(page, "too-many-people")
    page.get_by_label("使う人数").fill("４")
    page.get_by_role("button", name="この料金で、支払いに進む").click()
    page.wait_for_url("**/pay/**")
    pay(page, axe)
    site.run_jobs()

    mail = site.link_in_mail("hanako@example.jp", "/bookings/")
    page.goto(mail)
    expect(page.get_by_role("heading", level=1)).to_have_text("予約が決まりました")
    axe(page, "confirmed")
    permit = page.request.get(mail + "/permit.pdf")
    assert permit.status == 200
    assert permit.body().startswith(b"%PDF")
    page.goto(f"{site.url}/my")
    axe(page, "my")
    page.goto(f"{site.url}/my/bookings")
    axe(page, "my-bookings")

    page.goto(mail)
    page.get_by_role("link", name="予約を取り消す").click()
    expect(page.locator(".refund-sum")).to_have_text("400円")
    axe(page, "cancel")
    page.get_by_role("button", name="予約を取り消す").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("取り消しました")
    axe(page, "cancelled")
    page.goto(f"{site.url}/facilities/S01/day/{day}?purpose=badminton")
    court = page.locator("section", has=page.get_by_role("heading", name="バドミントン1コート"))
    expect(court.get_by_role("button", name="9:00〜11:00")).to_be_visible()


def test_the_manager_permits_what_asks_for_it_and_a_rival_gets_alternatives(
    page: Page, site: Site, axe: Inspector, new_context: Callable[..., BrowserContext]
) -> None:
    day = open_day("S01-01", ahead=12)
    sign_in(page, site, "hanako@example.jp")
    page.goto(f"{site.url}/facilities/S01/day/{day}?purpose=volleyball")
    whole = page.locator("section", has=page.get_by_role("heading", name="体育館", exact=False)).first
    whole.get_by_role("button", name="9:00〜11:00").click()
    page.wait_for_url("**/bookings/B-*")
    page.get_by_label("使う人数").fill("80")
    page.get_by_label("冷暖房").select_option("2時間")
    page.get_by_role("button", name="料金を計算する").click()
    expect(page.get_by_role("row", name="合計")).to_contain_text("4,400円")
    axe(page, "held-with-options")
    page.get_by_role("button", name="この料金で、支払いに進む").click()
    page.wait_for_url("**/pay/**")
    pay(page, axe)
    site.run_jobs()
    booking = site.link_in_mail("hanako@example.jp", "/bookings/")
    page.goto(booking)
    expect(page.get_by_role("heading", level=1)).to_have_text("施設が確認しています")
    axe(page, "requested")

    rival = new_context().new_page()
    sign_in(rival, site, "taro@example.jp")
    rival.goto(f"{site.url}/facilities/S01/day/{day}")
    expect(
        rival.locator("section", has=rival.get_by_role("heading", name="半面A")).get_by_text("予約ずみ").first
    ).to_be_visible()
    rival.goto(f"{site.url}/spaces/S01-92/hold/{day}/t1100?purpose=badminton")
    expect(rival.get_by_role("button", name="15分のあいだ取っておく")).to_be_visible()
    axe(rival, "confirm-hold")
    rival.goto(f"{site.url}/spaces/S01-92/hold/{day}/t0900?purpose=badminton")
    expect(rival.get_by_text("ほかの人が先に予約しました").first).to_be_visible()
    expect(rival.locator("button.slot--free")).to_have_count(3)
    axe(rival, "alternatives")
    rival.locator("button.slot--free").first.click()
    rival.wait_for_url("**/bookings/B-*")
    rival.get_by_role("button", name="予約をやめる").click()
    expect(rival.get_by_text("お金はかかっていません")).to_be_visible()
    axe(rival, "released")
    assert rival.goto(booking).status == 404  # type: ignore[union-attr]  # a page always answers

    other = new_context().new_page()
    sign_in(other, site, "manager2@example.jp")
    assert other.goto(booking.replace("/bookings/", "/staff/bookings/")).status == 404  # type: ignore[union-attr]

    manager = new_context().new_page()
    sign_in(manager, site, "manager@example.jp")
    manager.goto(f"{site.url}/staff/bookings")
    axe(manager, "queue")
    manager.get_by_role("main").get_by_role("link", name="9:00〜11:00").click()
    axe(manager, "decide")
    manager.get_by_label("許可する", exact=True).check()
    manager.get_by_role("button", name="決定する").click()
    manager.wait_for_url("**/staff/bookings")
    manager.goto(f"{site.url}/staff/bookings/sheet/{day}")
    axe(manager, "sheet")
    for path, name in (("desk/" + str(day), "desk"), ("desk/report", "report"), ("desk/statistics", "statistics")):
        manager.goto(f"{site.url}/staff/{path}")
        axe(manager, name)
    site.run_jobs()

    page.goto(booking)
    expect(page.get_by_role("link", name="使用許可書(PDF)を見る")).to_be_visible()
    axe(page, "permitted")
    page.goto(f"{site.url}/facilities?purpose=meeting&near=36.19,139.71&view=table")
    axe(page, "compared")
    page.goto(f"{site.url}/my/bookings")
    page.get_by_role("link", name="予約をカレンダーに入れる").click()
    page.get_by_role("button", name="アドレスを作る").click()
    axe(page, "calendar-feed")
    page.goto(booking + "/again")
    axe(page, "again")


def test_a_guest_in_english_on_the_narrowest_phone_signs_in_and_keeps_the_slot(
    site: Site, axe: Inspector, new_context: Callable[..., BrowserContext]
) -> None:
    day = open_day("S05-01", ahead=9)
    page = new_context(locale="en-GB").new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{site.url}/facilities")
    if page.locator("html").get_attribute("lang") != "en":
        page.get_by_role("link", name="English").click()
    axe(page, "search-en")
    page.get_by_role("link", name="Tennis", exact=True).click()
    axe(page, "tennis-en")
    page.goto(f"{site.url}/facilities/S05?month={day:%Y-%m}")
    axe(page, "month-en")
    page.goto(f"{site.url}/facilities/S05/day/{day}")
    axe(page, "day-en")
    page.get_by_role("link", name="9:00").first.click()
    page.wait_for_url(lambda url: "/sign-in" in url)
    main = page.get_by_role("main")
    main.locator("input[name=email]").fill("hanako@example.jp")
    main.locator("input[name=password]").fill(demo.PASSWORD)
    main.locator("button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/sign-in" not in url and "/hold/" in url)
    # The language of the account, chosen earlier, wins over what the browser asks for; a click wins over both.
    if page.locator("html").get_attribute("lang") != "en":
        page.get_by_role("link", name="English").click()
        page.wait_for_function("document.documentElement.lang === 'en'")
    assert "/hold/" in page.url, "the slot is kept"
    axe(page, "confirm-hold-en")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/bookings/B-*")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "en", "the booking is in the chosen language"
    axe(page, "held-en")
