"""What people hand in as files is looked at by content, made clean, and encrypted."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable

import pikepdf
import pillow_heif
import pytest
from PIL import Image

from forms.attachments import inspection
from forms.attachments.inspection import RefusedError, clean
from portal.kernel import sealed
from tests.forms.uploads import jpeg, pdf

BOTH = ("pdf", "picture")
PLACE = (36.1783, 139.7555)


def refused(content: bytes, takes: tuple[str, ...] = BOTH, page_limit: int = 100) -> str:
    with pytest.raises(RefusedError) as error:
        clean(content, takes=takes, page_limit=page_limit)
    return error.value.code


def test_a_photo_loses_place_camera_and_everything_behind_its_points() -> None:
    sent = jpeg(turned=6) + b"<?php secret ?>"
    assert b"Exif" in sent
    kept = clean(sent, takes=BOTH, page_limit=1)
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert not picture.getexif()
        assert picture.size == (200, 300), "turned as the camera said"
    for trace in (b"Exif", b"GPS", b"php", "コガ".encode()):
        assert trace not in kept.content
        assert trace not in (kept.preview or b"")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF"])
def test_every_kind_of_picture_is_kept_as_jpeg(kind: str) -> None:
    out = io.BytesIO()
    mode = "P" if kind == "GIF" else "RGB" if kind in {"BMP", "HEIF"} else "RGBA"
    picture = Image.new(mode, (64, 48))
    if kind == "HEIF":
        pillow_heif.from_pillow(picture).save(out)
    else:
        picture.save(out, kind)
    kept = clean(out.getvalue(), takes=("picture",), page_limit=1)
    assert kept.media_type == "image/jpeg"
    with Image.open(io.BytesIO(kept.content)) as again:
        assert (again.format, again.size) == ("JPEG", (64, 48))


def test_a_large_photo_is_made_smaller_and_still_readable() -> None:
    kept = clean(jpeg((6000, 4000)), takes=BOTH, page_limit=1)
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert max(picture.size) == inspection.LONGEST_SIDE


def test_the_content_decides_never_the_name() -> None:
    assert clean(pdf(), takes=BOTH, page_limit=1).media_type == "application/pdf"
    assert inspection.name("写真.PNG", "application/pdf") == "写真.pdf"
    assert inspection.name("C:\\temp\\..\\evil.exe", "image/jpeg") == "evil.jpg"
    assert inspection.name("../../etc/passwd", "image/jpeg") == "passwd.jpg"
    assert inspection.name("gpj.\u202eexe.pdf", "application/pdf") == "gpj.exe.pdf"
    assert inspection.name("1234 5678 9018.jpg", "image/jpeg") == "file.jpg", "no 個人番号 in a name either"
    assert inspection.name("", "image/jpeg") == "file.jpg"


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "a")
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<html><script>alert(1)</script></html>",
        b"#!/bin/sh\nrm -rf /",
        b"MZ\x90\x00" + bytes(100),
        _zip(),
        b"GIF89a" + b"%PDF-1.7" + bytes(50),
        _zip() + pdf(),
        b"\x00" * 50 + pdf(),
    ],
    ids=["svg", "html", "script", "program", "zip", "gif-pdf", "zip-pdf", "pdf-later"],
)
def test_what_is_neither_pdf_nor_picture_is_refused(content: bytes) -> None:
    assert refused(content) in {"wrong_kind", "broken_file"}


def test_a_picture_that_is_also_a_pdf_is_kept_as_a_picture_alone() -> None:
    """A polyglot: JPEG with a whole PDF behind it. Only the points are kept."""
    polyglot = jpeg() + pdf()
    kept = clean(polyglot, takes=BOTH, page_limit=1)
    assert kept.media_type == "image/jpeg"
    assert b"%PDF" not in kept.content


def test_a_decompression_bomb_is_refused_before_it_is_drawn() -> None:
    out = io.BytesIO()
    Image.new("1", (30000, 30000)).save(out, "PNG", optimize=True)
    assert len(out.getvalue()) < 300_000
    assert refused(out.getvalue()) == "picture_too_large"
    assert refused(jpeg()[:200]) == "broken_file"
    assert refused(b"") == "empty_file"


def _script(made: pikepdf.Pdf) -> None:
    made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def _page_action(made: pikepdf.Pdf) -> None:
    made.pages[0].obj.AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("cmd.exe")))


def _file_inside(made: pikepdf.Pdf) -> None:
    made.attachments["a.exe"] = pikepdf.AttachedFileSpec(made, b"MZ", filename="a.exe")


def _form_of_adobe(made: pikepdf.Pdf) -> None:
    made.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=pikepdf.String("<xdp/>"))


@pytest.mark.parametrize("change", [_script, _page_action, _file_inside, _form_of_adobe])
def test_a_pdf_that_can_do_something_is_refused(change: Callable[[pikepdf.Pdf], None]) -> None:
    assert refused(pdf(change)) == "active_pdf"


def test_locked_long_and_broken_pdfs_are_refused_and_a_good_one_loses_its_origin() -> None:
    locked = pdf(encryption=pikepdf.Encryption(owner="a", user="b"))
    assert refused(locked) == "locked_pdf"
    assert refused(pdf(encryption=pikepdf.Encryption(owner="a", user=""))) == "locked_pdf"
    assert refused(pdf(pages=4), page_limit=3) == "too_many_pages"
    assert refused(b"%PDF-1.7 nothing") == "broken_file"
    assert refused(pdf(), takes=("picture",)) == "wrong_kind"

    def origin(made: pikepdf.Pdf) -> None:
        made.docinfo["/Author"] = "古河 花子のパソコン"

    kept = clean(pdf(origin, pages=2), takes=BOTH, page_limit=5)
    assert kept.pages == 2
    with pikepdf.open(io.BytesIO(kept.content)) as again:
        assert "/Author" not in again.docinfo


def test_sealed_content_opens_only_where_it_belongs_and_with_its_key() -> None:
    sealed.configure("", development="development only: not a secret")
    key_id, closed = sealed.seal(b"photo", about="a")
    assert b"photo" not in closed
    assert sealed.unseal(key_id, closed, about="a") == b"photo"
    for wrong in (
        lambda: sealed.unseal(key_id, closed, about="b"),
        lambda: sealed.unseal(key_id, closed[:-1] + bytes([closed[-1] ^ 1]), about="a"),
        lambda: sealed.unseal("other", closed, about="a"),
    ):
        with pytest.raises(sealed.SealedError):
            wrong()
    with pytest.raises(sealed.KeysError):
        sealed.parse("2026:" + base64.b64encode(b"short").decode())
    with pytest.raises(sealed.KeysError):
        sealed.parse("no key")
