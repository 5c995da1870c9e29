"""Files as phones and offices make them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
from PIL import Image


def jpeg(size: tuple[int, int] = (300, 200), *, exif: bytes = b"", turned: int = 0) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", size, "green")
    data = Image.Exif()
    if turned:
        data[0x0112] = turned
    data[0x010F] = "コガのカメラ"
    data.get_ifd(0x8825).update({1: "N", 2: (36.0, 10.0, 41.9), 3: "E", 4: (139.0, 45.0, 19.8)})
    picture.save(out, "JPEG", exif=exif or data)
    return out.getvalue()


def pdf(change: Callable[[pikepdf.Pdf], None] | None = None, *, pages: int = 1, **how: object) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as made:
        for _page in range(pages):
            made.add_blank_page()
        if change:
            change(made)
        made.save(out, **how)  # type: ignore[arg-type]
    return out.getvalue()
