"""PDFs: every character of a name arrives, nothing is fetched, a plain page is quick."""

import io
import logging
import time
from xml.etree.ElementTree import fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from portal.documents import pdf, qr, variants

FONTS = "font-family: IPAmjMincho, Noto Serif CJK JP"
PAGE = f'<html lang="ja"><head><title>t</title></head><body style="{FONTS}">{{}}</body></html>'
STYLE = "<style>.ivs-aj1 { font-family: Noto Serif CJK JP }</style>"


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


@pytest.mark.parametrize(
    "name",
    [
        "神\ufa19 一郎",  # 神 U+795E beside its compatibility ideograph U+FA19
        "𠮷野 太郎",  # outside the basic plane
        "渡邊\U000e0109 花子",  # Moji_Joho sequence, in IPAmj Mincho only
        "葛\U000e0100飾 次郎",  # Adobe-Japan1 sequence, in Noto only
        "辻\U000e0101 三郎",
        "葛\U000e0100城 葛\U000e0104城 葛城",  # one character in three shapes
        "髙﨑 彅",
        "𪛖",  # last of extension B
        "ﾔﾏﾀﾞ ﾊﾅｺ",
        "Zoë Nguyễn",
        "か\u3099く",  # decomposed, stays so
        "홍길동",
    ],
)
def test_a_name_keeps_every_character_in_a_pdf(name: str) -> None:
    content, missing = pdf.from_html(PAGE.format(f"{STYLE}<p>{name}</p>"))
    assert text_of(content) == name
    assert missing == 0


def test_a_glyph_that_no_font_has_is_counted_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _content, missing = pdf.from_html(PAGE.format("<p>名\U000f1234前</p>"))
    assert missing == 1
    assert "名" not in caplog.text
    assert "\U000f1234" not in caplog.text


@pytest.mark.parametrize(
    "source",
    [
        '<img src="http://127.0.0.1:9/x.png">',
        '<img src="file:///etc/passwd">',
        '<link rel="stylesheet" href="https://x.example/a.css">',
    ],
)
def test_nothing_outside_the_package_is_read(source: str) -> None:
    with pytest.raises(pdf.ResourceRefusedError):
        pdf.from_html(PAGE.format(source))


def test_a_data_address_is_drawn() -> None:
    content, _missing = pdf.from_html(PAGE.format(f'<img alt="QR" src="{qr.data_uri("https://x.example/A-1")}">'))
    assert content.startswith(b"%PDF-")


def test_the_base_page_has_the_number_the_city_and_the_sample_mark() -> None:
    content = pdf.render(
        "portal/pdf/base.html",
        "ja",
        title="使用許可書",
        number="A-7K3F-92QX-5",
        city_name="古河市",
        issued_on="令和8年11月22日",
        sample=True,
    )
    text = text_of(content)
    for expected in ("使用許可書", "A-7K3F-92QX-5", "古河市", "令和8年11月22日", "見本", "1 / 1"):
        assert expected in text
    metadata = PdfReader(io.BytesIO(content)).metadata
    assert metadata is not None
    assert metadata.title == "使用許可書"


def test_script_in_a_value_is_text() -> None:
    content = pdf.render("portal/pdf/base.html", "ja", title="<script>alert(1)</script>")
    assert "<script>alert(1)</script>" in text_of(content)


def test_a_plain_page_takes_less_than_a_second_of_work_once_warm() -> None:
    pdf.render("portal/pdf/base.html", "ja", title="領収書")
    started = time.process_time()
    pdf.render("portal/pdf/base.html", "ja", title="領収書", number="R-1")
    assert time.process_time() - started < 1


def test_a_qr_code_is_an_svg_with_words() -> None:
    drawn = qr.svg("https://x.example/A-1", title="許可書の確認")
    assert drawn.startswith("<svg")
    assert "許可書の確認" in drawn
    assert "style=" not in drawn


@given(st.text(alphabet=st.sampled_from("葛辻邊a \U000e0100\U000e0101\U000e0109"), max_size=30))
def test_marking_sequences_never_changes_the_text(text: str) -> None:
    root = fromstring("<p><b>x</b></p>")
    root.text, root[0].tail = text, text
    variants.mark(root)
    assert "".join(root.itertext()) == f"{text}x{text}"
    assert tostring(root)
