"""Looks at what was sent, by content and never by name, and makes it clean. Pure: bytes in, clean bytes out.

Pictures are drawn anew, so that nothing of the file but its points is left: no place, no time, no camera, nothing hidden behind.
PDFs are refused where they carry scripts, files, forms that run, or a password.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import filetype
import pikepdf
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from forms.definition.fields import is_resident_number
from portal.kernel.text import digits, without_control

MOST_POINTS = 64_000_000
MOST_POINTS_JPEG = 220_000_000
"""More points than any camera in use makes; a picture of more is a decompression bomb. A JPEG is never decoded whole."""
LONGEST_SIDE = 2560
"""Points of the longer side that are kept: an A4 page can still be read."""
PREVIEW_SIDE = 640
QUALITY = 85
NAME_LENGTH = 80
_PICTURES = {
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "image/heif",
    "image/tiff",
    "image/bmp",
    "image/gif",
}
_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "TIFF", "BMP", "GIF")
_ACTIVE = ("/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/EmbeddedFiles", "/RichMedia", "/XFA", "/Movie", "/Sound",
           "/ImportData", "/SubmitForm", "/GoToR", "/GoToE")  # fmt: skip
_WALK = 200_000
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = MOST_POINTS_JPEG // 2 + 1


@dataclass(frozen=True, slots=True)
class Clean:
    """What is kept of a file.

    Attributes:
        content: the clean bytes.
        media_type: `application/pdf` or `image/jpeg`.
        pages: of a PDF.
        preview: a small JPEG of a picture.
    """

    content: bytes
    media_type: str
    pages: int | None = None
    preview: bytes | None = None


class RefusedError(ValueError):
    """This file is not taken: a code that the catalogue has words for, and its facts."""

    def __init__(self, code: str, **facts: int | str) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def clean(content: bytes, *, takes: Sequence[str], page_limit: int) -> Clean:
    """The clean form of a file.

    Args:
        content: as sent, not longer than the field allows.
        takes: "pdf", "picture".
        page_limit: pages that a PDF may have.

    Raises:
        RefusedError: empty_file, wrong_kind, broken_file, picture_too_large, locked_pdf, active_pdf, too_many_pages.
    """
    if not content:
        raise RefusedError("empty_file")
    if content.lstrip()[:5] == b"%PDF-" or b"%PDF-" in content[:1024]:
        if "pdf" not in takes or not content.startswith(b"%PDF-"):
            raise RefusedError("wrong_kind")
        return _pdf(content, page_limit)
    kind = filetype.guess(content)
    if "picture" not in takes or kind is None or kind.mime not in _PICTURES:
        raise RefusedError("wrong_kind")
    return _picture(content)


def name(given: str, media_type: str) -> str:
    """A name that may be shown, stored and downloaded: no path, no control or turning characters, an ending that is true."""
    last = PurePosixPath(given.replace("\\", "/")).name
    stem = _UNSAFE.sub("", without_control(last)).rpartition(".")[0] or _UNSAFE.sub("", without_control(last))
    stem = "".join(
        c for c in stem if unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"} or 0xE0100 <= ord(c) <= 0xE01EF
    )
    stem = stem.strip(" .")[:NAME_LENGTH]
    if not stem or is_resident_number(digits(stem)):
        stem = "file"
    return stem + (".pdf" if media_type == "application/pdf" else ".jpg")


def _picture(content: bytes) -> Clean:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                _refuse_bomb(opened)
                # A JPEG is decoded small at once; others whole, which MOST_POINTS bounds.
                opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                turned = ImageOps.exif_transpose(opened)
                drawn = _on_white(turned)
    except RefusedError:
        raise
    except Image.DecompressionBombError as error:
        raise RefusedError("picture_too_large", max=MOST_POINTS // 1_000_000) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise RefusedError("broken_file") from error
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    small = drawn.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return Clean(_jpeg(drawn), "image/jpeg", preview=_jpeg(small))


def _refuse_bomb(opened: Image.Image) -> None:
    most = MOST_POINTS_JPEG if opened.format == "JPEG" else MOST_POINTS
    if opened.width * opened.height > most:
        raise RefusedError("picture_too_large", max=most // 1_000_000)


def _on_white(picture: Image.Image) -> Image.Image:
    """The points alone, on white paper: a new picture that carries nothing over."""
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        paper = Image.new("RGB", layer.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    paper = Image.new("RGB", picture.size)
    paper.paste(picture.convert("RGB"))
    return paper


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def _pdf(content: bytes, page_limit: int) -> Clean:
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if pdf.is_encrypted:
                raise RefusedError("locked_pdf")
            if len(pdf.pages) > page_limit or not len(pdf.pages):
                raise RefusedError("too_many_pages", max=page_limit, now=len(pdf.pages))
            _refuse_active(pdf)
            if "/Metadata" in pdf.Root:
                del pdf.Root.Metadata
            if "/Info" in pdf.trailer:
                del pdf.trailer["/Info"]
            out = io.BytesIO()
            # Written anew: what stood before or after the document (another file's bytes) is not carried over.
            pdf.save(out, linearize=False, object_stream_mode=pikepdf.ObjectStreamMode.preserve)
            return Clean(out.getvalue(), "application/pdf", pages=len(pdf.pages))
    except pikepdf.PasswordError as error:
        raise RefusedError("locked_pdf") from error
    except (pikepdf.PdfError, ValueError, RecursionError, RuntimeError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError("broken_file") from error


def _refuse_active(pdf: pikepdf.Pdf) -> None:
    """No scripts, no files inside, nothing that starts something. Every object is looked at, whoever points to it."""
    seen = 0
    for found in pdf.objects:
        stack: list[object] = [found]
        while stack:
            seen += 1
            if seen > _WALK:
                raise RefusedError("broken_file")
            node = stack.pop()
            if isinstance(node, pikepdf.Stream):
                node = node.stream_dict
            if isinstance(node, pikepdf.Dictionary):
                for key, value in node.items():
                    if key in _ACTIVE or (key in {"/S", "/Subtype", "/Type"} and str(value) in _ACTIVE):
                        raise RefusedError("active_pdf")
                    stack += _direct(value)
            elif isinstance(node, pikepdf.Array):
                for part in node:
                    stack += _direct(part)


def _direct(value: object) -> list[object]:
    """A part that stands right here; others are objects of their own and looked at as such."""
    return [value] if isinstance(value, pikepdf.Object) and not value.is_indirect else []
