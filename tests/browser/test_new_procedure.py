"""Journey 8, a new procedure: from a file to a signed document that anybody can verify, with nothing written for it. At 390 px."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from portal import app as composition
from portal.accounts.models import Role
from tests import people
from tests.browser.conftest import Inspector, Site
from tests.browser.journeys import next_page, sign_in

DOCS = Path(__file__).resolve().parents[2] / "docs" / "procedures.md"
HANAKO = "hanako@example.jp"
SECOND = "second-editor@example.jp"


def online() -> int:
    """The dashboard's number of online procedures."""
    return int(composition.kpi()["headlines"]["online_procedures"]["value"])


def test_a_new_procedure_is_published_by_two_and_ends_in_a_signed_document(
    page: Page, new_context: Callable[..., BrowserContext], site: Site, axe: Inspector, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```yaml\n(# Where.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert "signed: true" in example
    people.make_staff(Role.EDITOR, "citizen-counter", email=SECOND)
    before = online()

    publish(new_context, site, axe, example)
    assert online() == before + 1

    sign_in(page, site, HANAKO)
    number = file_it(page, site, axe)
    pay(page, site)
    staff = new_context().new_page()
    ask(staff, site, axe, number)
    correct(page, site, axe, number)
    decide(staff, site, axe, number)
    verify(page, site, axe, number, tmp_path)

    page.goto(f"{site.url}/plan")
    shown = page.locator("[data-headline=online_procedures] .figure-card__now")
    expect(shown).to_have_text(str(before + 1))


def publish(new_context: Callable[..., BrowserContext], site: Site, axe: Inspector, example: str) -> None:
    """One editor sends the file, first with a mistake; another one publishes it."""
    editor = new_context().new_page()
    sign_in(editor, site, "editor@example.jp")
    editor.goto(f"{site.url}/staff/procedures")
    axe(editor, "procedures")
    send(editor, example.replace("type: group", "type: grupe"))
    expect(editor.get_by_role("alert")).to_contain_text("行目")
    axe(editor, "file-with-mistake")
    send(editor, example)
    expect(editor.get_by_role("heading", level=1)).to_have_text("合唱団の証明書")
    expect(editor.get_by_role("main")).to_contain_text("ほかの人が公開します")
    expect(editor.get_by_role("button", name="この内容で公開する")).to_have_count(0)
    axe(editor, "proposed")

    second = new_context().new_page()
    sign_in(second, site, SECOND, people.PASSWORD)
    second.goto(f"{site.url}/staff/procedures")
    entry = second.get_by_role("listitem").filter(has_text="合唱団の証明書")
    expect(entry).to_contain_text("公開を待っています")
    entry.get_by_role("link").click()
    expect(second.get_by_role("main")).to_contain_text("choir-certificate")
    axe(second, "to-agree")
    second.get_by_role("button", name="この内容で公開する").click()
    expect(second.get_by_role("main")).to_contain_text("公開しているもの")
    axe(second, "published")


def send(editor: Page, text: str) -> None:
    editor.get_by_label("手続きのファイル(YAML)").set_input_files(
        {"name": "choir.yaml", "mimeType": "application/yaml", "buffer": text.encode()}
    )
    editor.get_by_role("button", name="調べて、案にする").click()


def file_it(page: Page, site: Site, axe: Inspector) -> str:
    """From the catalogue to the case; two entries of the group, the branch of the address; its number."""
    page.goto(f"{site.url}/procedures")
    page.get_by_role("link", name="合唱団の証明書").click()
    expect(page.get_by_role("main")).to_contain_text("300円")
    axe(page, "procedure")
    page.get_by_role("link", name="申請する", exact=True).click()
    page.get_by_role("button", name="はじめる").click()
    page.get_by_label("氏名").fill("古河 花子")
    page.get_by_label("入った日").fill("令和2年4月1日")
    axe(page, "person")
    next_page(page)

    page.get_by_label("氏名").fill("古河 花子")
    page.get_by_label("高い声").check()
    page.get_by_role("button", name="もう1つ書く").click()
    expect(page.get_by_role("group", name="2人目")).to_be_visible()
    other = page.get_by_role("group", name="2人目")
    other.get_by_label("氏名").fill("古河 太郎")
    other.get_by_label("低い声").check()
    page.get_by_label("何通").fill("1")
    page.get_by_label("郵便", exact=True).check()
    next_page(page, "確認に進む")
    expect(page.get_by_role("alert")).to_contain_text("1人に1通は要ります。")
    page.get_by_label("何通").fill("2")
    expect(page.get_by_label("番地")).to_be_visible()
    axe(page, "certificate")
    next_page(page, "確認に進む")
    expect(page.get_by_role("heading", level=1)).to_have_text("内容を確認してください")
    for words in ("古河 太郎", "低い声", "600円", "郵便", "中央町", "見本"):
        expect(page.get_by_role("main")).to_contain_text(words)
    axe(page, "review")
    page.get_by_role("button", name="この内容で申請する").click()
    return page.locator(".reference__number").inner_text()


def pay(page: Page, site: Site) -> None:
    page.get_by_role("link", name="手数料を支払う").click()
    page.get_by_role("button", name="600円 を払う").click()
    page.get_by_role("button", name="カードで払う(成功する)").click()
    page.wait_for_url("**/return**")
    site.run_jobs()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("お支払いありがとうございました")


def ask(staff: Page, site: Site, axe: Inspector, number: str) -> None:
    """The reviewer asks about one field."""
    sign_in(staff, site, "reviewer@example.jp")
    staff.goto(f"{site.url}/staff/applications/{number}")
    axe(staff, "case")
    row = staff.get_by_role("row", name="入った日")
    row.locator("summary").click()
    row.get_by_role("textbox").fill("名簿では4月2日です。見てください。")
    staff.get_by_role("button", name="書いた理由で補正を頼む").click()
    expect(staff.get_by_role("main")).to_contain_text("補正を待っています")


def correct(page: Page, site: Site, axe: Inspector, number: str) -> None:
    page.goto(site.link_in_mail(HANAKO, f"/applications/{number}"))
    page.get_by_role("link", name="内容を直す").click()
    expect(page.get_by_role("textbox")).to_have_count(1)
    page.get_by_label("入った日").fill("2020-04-02")
    axe(page, "correction")
    next_page(page, "直して出す")
    expect(page.locator(".reference__number")).to_have_text(number)


def decide(staff: Page, site: Site, axe: Inspector, number: str) -> None:
    staff.goto(f"{site.url}/staff/applications/{number}")
    expect(staff.get_by_role("row", name="入った日")).to_contain_text("補正ずみ")
    staff.get_by_role("button", name="受理する").click()
    staff.get_by_label("認めます", exact=True).check()
    staff.get_by_role("button", name="決定する").click()
    expect(staff.get_by_role("main")).to_contain_text("書類を作っています")
    site.run_jobs()
    staff.reload()
    expect(staff.get_by_role("main")).to_contain_text("書類ができました")
    axe(staff, "decided")


def verify(page: Page, site: Site, axe: Inspector, number: str, folder: Path) -> None:
    """The resident gets the document; anybody can tell it from one of which a byte was changed."""
    page.goto(site.link_in_mail(HANAKO, f"/applications/{number}"))
    axe(page, "issued")
    with page.expect_download() as download:
        page.get_by_role("link", name="在籍証明書 (PDF)").click()
    content = download.value.path().read_bytes()
    told(page, site, folder, content)
    expect(page.get_by_role("main")).to_contain_text("本物です")
    expect(page.get_by_role("main")).to_contain_text("市の電子署名も正しいです。")
    expect(page.get_by_role("main")).to_contain_text("在籍証明書")
    axe(page, "genuine")
    at = content.index(b"stream") + 40
    told(page, site, folder, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    expect(page.get_by_role("main")).to_contain_text("市が出した書類ではありません")
    expect(page.get_by_role("main")).not_to_contain_text("本物です")
    axe(page, "altered")


def told(page: Page, site: Site, folder: Path, content: bytes) -> None:
    paper = folder / "paper.pdf"
    paper.write_bytes(content)
    page.goto(f"{site.url}/documents/verify")
    page.get_by_label("PDFをえらぶ").set_input_files(paper)
    page.get_by_role("button", name="確かめる").click()
