"""Journey 2, review: queue, correction of one field under the same number, decision, the document as PDF. At 390 px."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import MAIL, file_it, fill_in_the_dog, look_at_nothing, next_page, pay, register, sign_in


def test_a_reviewer_asks_the_resident_corrects_and_the_document_is_downloaded(
    page: Page, new_context: Callable[..., BrowserContext], site: Site, axe: Inspector
) -> None:
    quiet = look_at_nothing
    register(page, site, quiet)  # type: ignore[arg-type]  # journey 1 looks at these pages
    fill_in_the_dog(page, site, quiet)  # type: ignore[arg-type]
    number = file_it(page, quiet)  # type: ignore[arg-type]
    pay(page, site, quiet)  # type: ignore[arg-type]

    staff = new_context().new_page()
    sign_in(staff, site, "reviewer@example.jp")
    staff.goto(f"{site.url}/staff")
    staff.get_by_role("link", name="申請の審査").first.click()
    axe(staff, "queue")
    staff.get_by_role("link", name=number).click()
    axe(staff, "case")
    row = staff.get_by_role("row", name="犬の種類")
    row.locator("summary").click()
    row.get_by_role("textbox").fill("犬の種類を、くわしく書いてください。")
    axe(staff, "case-asking")
    staff.get_by_role("button", name="書いた理由で補正を頼む").click()
    expect(staff.get_by_role("main")).to_contain_text("補正を待っています")
    axe(staff, "case-waiting")

    page.goto(site.link_in_mail(MAIL, f"/applications/{number}"))
    expect(page.get_by_role("main")).to_contain_text("直してほしいところがあります")
    axe(page, "resident-asked")
    page.get_by_role("link", name="内容を直す").click()
    expect(page.get_by_role("main")).to_contain_text("くわしく書いてください。")
    expect(page.get_by_role("textbox")).to_have_count(1)
    page.get_by_label("犬の種類").fill("")
    next_page(page, "直して出す")
    axe(page, "correction-with-mistake")
    page.get_by_label("犬の種類").fill("柴犬(豆柴)")
    next_page(page, "直して出す")
    expect(page.locator(".reference__number")).to_have_text(number)
    axe(page, "corrected")

    staff.goto(f"{site.url}/staff/applications/{number}")
    expect(staff.get_by_role("row", name="犬の種類")).to_contain_text("補正ずみ")
    axe(staff, "case-corrected")
    staff.get_by_role("button", name="受理する").click()
    axe(staff, "case-accepted")
    staff.get_by_label("認めます", exact=True).check()
    staff.get_by_role("button", name="決定する").click()
    expect(staff.get_by_role("main")).to_contain_text("書類を作っています")
    site.run_jobs()
    staff.reload()
    expect(staff.get_by_role("main")).to_contain_text("書類ができました")
    axe(staff, "case-decided")

    page.goto(site.link_in_mail(MAIL, f"/applications/{number}"))
    expect(page.get_by_role("main")).to_contain_text("書類ができました")
    axe(page, "issued")
    with page.expect_download() as download:
        page.get_by_role("link", name="犬の登録済証 (PDF)").click()
    words = "".join(p.extract_text() for p in PdfReader(BytesIO(download.value.path().read_bytes())).pages)
    for expected in ("犬の登録済証", "古河市長", "公印省略", "古河 花子", "柴犬(豆柴)", "第1号", "見本"):
        assert expected in words, expected
