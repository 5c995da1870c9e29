"""Journey 9, a new gym: set up by one manager, agreed by another, then found, booked, paid, moved and cancelled on a phone.

Once with a finger, once with the keyboard only, once with scripts off.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from portal.kernel import clock
from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import look_at_nothing, sign_in

GYM = "見本南体育館"
HANAKO = "hanako@example.jp"


class Finger:
    """Taps."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def tick(self, target: Locator) -> None:
        target.check()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)

    def choose(self, target: Locator, label: str) -> None:
        target.select_option(label=label)


#: How many stops of Tab lie between the focus and an element further down, as far as the order in the page tells; radios are not counted.
_STOPS_BEFORE = """element => {
  const after = (one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
  const stops = [...document.querySelectorAll("a[href], button, input:not([type=radio]), select, textarea, summary, [tabindex]")];
  return stops.filter(stop => after(document.activeElement, stop) && after(stop, element)
    && stop.tabIndex >= 0 && !stop.disabled && stop.checkVisibility()).length;
}"""


class Keyboard(Finger):
    """Tab, space, letters and Enter; nothing else. What Tab does not reach cannot be done."""

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        wanted = target.element_handle()
        # Those before it are passed without a look at each: most of a long page's time would go there.
        passed = max(0, wanted.evaluate(_STOPS_BEFORE) - 1)
        for _ in range(passed):
            self.page.keyboard.press("Tab")
        for _ in range(400 - passed):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"{target} cannot be reached with Tab on {self.page.url}")

    def press(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        if target.get_attribute("type") == "radio":
            return self._turn_to(target)
        self._reach(target)
        self.page.keyboard.press("Space")
        expect(target).to_be_checked()
        return None

    def _turn_to(self, target: Locator) -> None:
        """Radios of one name are one stop of Tab; arrows go from one to the next."""
        group = self.page.locator(f"input[name='{target.get_attribute('name')}']")
        self._reach(group.first)
        self.page.keyboard.press("Space")
        for _ in range(group.count()):
            if target.is_checked():
                break
            self.page.keyboard.press("ArrowDown")
        expect(target).to_be_checked()

    def write(self, target: Locator, text: str) -> None:
        self._reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def choose(self, target: Locator, label: str) -> None:
        self._reach(target)
        for _ in target.locator("option").all():
            if target.locator("option:checked").inner_text() == label:
                return
            self.page.keyboard.press("ArrowDown")
        expect(target.locator("option:checked")).to_have_text(label)


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("main").get_by_role("button", name=name).first


def link(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("main").get_by_role("link", name=name).first


def a_thursday() -> date:
    """A Thursday two weeks or more ahead: no Monday, no day after one, not the turn of the year."""
    day = clock.today() + timedelta(days=15)
    while day.weekday() != 3 or (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 8):
        day += timedelta(days=1)
    return day


def test_a_manager_sets_up_a_gym_and_a_resident_uses_it(
    page: Page, new_context: Callable[..., BrowserContext], site: Site, axe: Inspector
) -> None:
    day = a_thursday()
    code = set_up(new_context().new_page(), new_context().new_page(), site, axe)
    sign_in(page, site, HANAKO)
    booking = find_and_book(Finger(page), site, axe, code, day)
    pay(Finger(page), site, axe, "2,600円")
    page.goto(booking)
    expect(page.get_by_role("heading", level=1)).to_have_text("予約が決まりました")
    move(Finger(page), site, axe, booking)
    cancel(Finger(page), site, axe, booking)


def test_the_gym_is_booked_moved_and_cancelled_with_the_keyboard_only(
    page: Page, new_context: Callable[..., BrowserContext], site: Site
) -> None:
    day = a_thursday()
    code = set_up(new_context().new_page(), new_context().new_page(), site, look_at_nothing, hand=Keyboard)
    sign_in(page, site, HANAKO)
    booking = find_and_book(Keyboard(page), site, look_at_nothing, code, day)
    pay(Keyboard(page), site, look_at_nothing, "2,600円")
    move(Keyboard(page), site, look_at_nothing, booking)
    cancel(Keyboard(page), site, look_at_nothing, booking)


def test_the_gym_is_set_up_booked_moved_and_cancelled_with_scripts_off(chromium: Browser, site: Site) -> None:
    contexts = [
        chromium.new_context(
            viewport={"width": 390, "height": 844}, locale="ja-JP", timezone_id="Asia/Tokyo", java_script_enabled=False
        )
        for _ in range(3)
    ]
    for context in contexts:
        context.set_default_timeout(15_000)
    manager, second, page = (context.new_page() for context in contexts)
    code = set_up(manager, second, site, look_at_nothing)
    sign_in(page, site, HANAKO)
    booking = find_and_book(Finger(page), site, look_at_nothing, code, a_thursday())
    pay(Finger(page), site, look_at_nothing, "2,600円")
    move(Finger(page), site, look_at_nothing, booking)
    cancel(Finger(page), site, look_at_nothing, booking)
    for context in contexts:
        context.close()


Look = Callable[[Page, str], None]


def set_up(manager: Page, second: Page, site: Site, look: Look, *, hand: type[Finger] = Finger) -> str:
    """The gym, its halves, its three documents, agreed by a second person; the code of the gym."""
    by = hand(manager)
    sign_in(manager, site, "manager@example.jp")
    manager.goto(f"{site.url}/staff/facilities")
    by.press(link(manager, "新しい施設をつくる"))
    look(manager, "new")
    by.write(manager.get_by_label("正式な名前"), GYM)
    by.write(manager.get_by_label("英語の名前"), "Sample South Gym")
    by.choose(manager.get_by_label("種類"), "スポーツ")
    by.choose(manager.get_by_label("地区"), "古河")
    by.press(button(manager, "つくって、部屋・コートへ進む"))
    expect(manager.get_by_role("heading", level=1)).to_contain_text(GYM)
    look(manager, "made")
    base = manager.url

    by.press(link(manager, "部屋・コートをつくる"))
    by.write(manager.get_by_label("部屋・コートの名前"), "アリーナ")
    by.tick(manager.get_by_role("radio", name="全面と、半面2つ", exact=True))
    by.write(manager.get_by_label("全体の定員(人)"), "60")
    by.tick(manager.get_by_label("バドミントン"))
    look(manager, "floor")
    by.press(button(manager, "つくる"))
    expect(manager.get_by_role("row", name="半面B")).to_be_visible()

    by.press(link(manager, "開館表を決める"))
    by.write(manager.get_by_label("根拠"), "見本の規則第2条")
    by.press(button(manager, "文書にする"))
    expect(manager.get_by_role("heading", name="祝日と重なる休み(1年分)")).to_be_visible()
    expect(manager.get_by_role("main")).to_contain_text("月曜日の休み")
    expect(manager.get_by_role("row", name="成人の日")).to_contain_text("開きます")
    look(manager, "hours")
    ask(by, base)
    expect(manager.get_by_role("listitem").filter(has_text="開館表を決める")).to_contain_text("確認を待っています")
    look(manager, "waiting")

    by.press(link(manager, "利用のきまりを決める"))
    by.press(button(manager, "文書にする"))
    expect(manager.get_by_role("alert")).to_contain_text("根拠")
    look(manager, "rules-missing")
    for label, text in {
        "根拠(規則の名前など)": "見本の規則第3条",
        "還付の根拠": "見本の条例第9条",
        "許可する人(処分庁)": "古河市長",
        "許可の根拠(条例の名前と条)": "見本の条例第3条",
        "審査請求の相手": "古河市長",
        "取消訴訟の被告": "古河市",
        "鍵と入り方": "受付で許可書を見せる",
        "許可の条件": "上ばきを持ってくる",
    }.items():
        by.write(manager.get_by_label(label), text)
    by.press(button(manager, "文書にする"))
    for words in ("教示: 審査請求は古河市長へ", "許可の条件: 上ばきを持ってくる", "鍵と入り方: 受付で許可書を見せる"):
        expect(manager.get_by_role("main")).to_contain_text(words)
    look(manager, "rules")
    ask(by, base)

    by.press(link(manager, "料金表を決める"))
    by.write(manager.get_by_label("根拠(条例の名前と別表)"), "見本の条例 別表第1")
    for name, text in {
        "amount_whole": "4000",
        "weekend_whole": "4800",
        "amount_half": "2000",
        "outsider": "50",
    }.items():
        by.write(manager.locator(f"[name={name}]"), text)
    by.write(manager.get_by_label("照明 1時間"), "300")
    by.write(manager.get_by_label("照明を選べるコマの始まり(この時刻から)"), "17:00")
    by.press(button(manager, "文書にする"))
    by.choose(manager.get_by_label("何を"), "半面")
    by.write(manager.get_by_label("使う日"), a_thursday().isoformat())
    by.write(manager.get_by_label("始まり"), "19:00")
    by.write(manager.get_by_label("終わり"), "21:00")
    by.choose(manager.get_by_label("だれが"), "市外の方")
    by.tick(manager.get_by_role("checkbox", name="照明 1時間300円"))
    by.press(button(manager, "料金を計算する"))
    expect(manager.get_by_role("row", name="合計")).to_contain_text("3,600円")
    look(manager, "fees-tried")
    ask(by, base)

    agree(second, site, look, hand)
    manager.goto(base)
    expect(manager.get_by_role("main")).to_contain_text("予約を受けられます。")
    look(manager, "ready")
    return base.rsplit("/", 1)[-1]


def ask(by: Finger, base: str) -> None:
    """Ask for a second person; whoever wrote it cannot agree. Back to what is left."""
    page = by.page
    by.press(button(page, "もう1人に確認を頼む"))
    expect(page.get_by_role("main")).to_contain_text("確認を待っているものの一覧に出ます")
    expect(page.get_by_role("button", name="同意する")).to_have_count(0)
    by.press(link(page, "施設のページで、あとすることを見る"))
    page.wait_for_url(base)


def agree(second: Page, site: Site, look: Look, hand: type[Finger]) -> None:
    by = hand(second)
    sign_in(second, site, "facilities@example.jp")
    for kind in ("開館表", "利用のきまり", "料金表"):
        second.goto(f"{site.url}/staff/facilities")
        look(second, "second-list")
        by.press(link(second, f"{GYM} {kind}"))
        look(second, "second-reads")
        by.press(button(second, re.compile("から使うことに同意する")))
        expect(second.get_by_role("main")).to_contain_text("決まりました")


def find_and_book(by: Finger, site: Site, look: Look, code: str, day: date) -> str:
    """By purpose, district and day to the half in the evening with lights; the booking's address."""
    page = by.page
    page.goto(f"{site.url}/facilities")
    by.press(link(page, "バドミントン"))
    page.goto(f"{site.url}/facilities?purpose=badminton&district=古河&date={day}")
    look(page, "found")
    if not link(page, GYM).is_visible():
        by.press(page.locator("summary", has_text="施設も見る"))
    by.press(link(page, GYM))
    expect(page.get_by_role("heading", level=1)).to_have_text(GYM)
    page.goto(f"{site.url}/facilities/{code}?month={day:%Y-%m}")
    monday = day - timedelta(days=day.weekday()) + timedelta(days=7)
    if monday.month == day.month:
        expect(page.locator(f"a[href*='/day/{monday}']")).to_contain_text("月曜日の休み")
    look(page, "month")
    by.press(page.locator(f"a[href*='/day/{day}']"))
    half = page.locator("section", has=page.get_by_role("heading", name="アリーナ 半面A"))
    look(page, "day")
    by.press(half.get_by_role("button", name="19:00〜21:00"))
    expect(page.get_by_role("main")).to_contain_text("取ってあります")
    booking = page.url
    by.write(page.get_by_label("使う人数"), "10")
    by.choose(page.get_by_label(re.compile("照明")), "2時間")
    by.press(button(page, "料金を計算する"))
    expect(page.get_by_role("row", name="合計")).to_contain_text("2,600円")
    look(page, "priced")
    by.press(button(page, "この料金で、支払いに進む"))
    return booking


def pay(by: Finger, site: Site, look: Look, amount: str) -> None:
    page = by.page
    expect(button(page, f"{amount} を払う")).to_be_visible()
    look(page, "checkout")
    by.press(button(page, f"{amount} を払う"))
    by.press(page.locator("button[value=pay]").first)
    expect(page.get_by_role("heading", level=1)).to_contain_text("お支払い")
    site.run_jobs()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("お支払いありがとうございました")
    look(page, "paid")


def move(by: Finger, site: Site, look: Look, booking: str) -> None:
    """From the half to the whole floor two hours earlier: 2,000円 more."""
    page = by.page
    page.goto(f"{site.url}/my/bookings")
    expect(page.get_by_role("main")).to_contain_text("使う日に、受付で使用許可書を見せてください。")
    look(page, "mine")
    page.goto(booking)
    by.press(link(page, "予約の時間を変える"))
    whole = page.locator("section", has=page.get_by_role("heading", name="アリーナ 全面"))
    own = page.locator("section", has=page.get_by_role("heading", name="アリーナ 半面A"))
    expect(own.get_by_label("19:00〜21:00")).to_be_visible()
    look(page, "move")
    by.tick(whole.get_by_label("17:00〜19:00"))
    by.press(whole.get_by_role("button", name="この時間にしたときの料金を見る"))
    expect(page.get_by_role("main")).to_contain_text("差額 2,000円 を支払うと、変更が決まります。")
    look(page, "difference")
    by.press(button(page, "差額の支払いに進む"))
    expect(button(page, "2,000円 を払う")).to_be_visible()
    checkout = page.url
    page.goto(booking)
    expect(page.get_by_role("main")).to_contain_text("までに差額 2,000円 を支払うと、予約の時間が")
    look(page, "half-moved")
    page.goto(checkout)
    pay(by, site, look, "2,000円")
    page.goto(booking)
    main = page.get_by_role("main")
    expect(main).to_contain_text("アリーナ 全面")
    expect(main).to_contain_text("もう変えられません")
    expect(main.get_by_role("link", name=re.compile("領収書を見る"))).to_have_count(2)
    look(page, "moved")


def cancel(by: Finger, site: Site, look: Look, booking: str) -> None:
    """What was paid in two parts goes back whole, and the page says so before and after."""
    page = by.page
    page.goto(booking)
    by.press(link(page, "予約を取り消す"))
    expect(page.locator(".refund-sum")).to_have_text("4,600円")
    expect(page.get_by_role("main")).to_contain_text("お支払い 4,600円 の 100%")
    look(page, "cancel")
    by.press(button(page, "予約を取り消す"))
    expect(page.get_by_role("heading", level=1)).to_have_text("取り消しました")
    expect(page.get_by_role("main")).to_contain_text("4,600円")
    site.run_jobs()
    page.reload()
    look(page, "cancelled")
